"""Writes the made pages and tables; with --check only compares, and exits with 1 where one is not current."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.pages.blocks import filled
from scripts.pages.checkpoints import checkpoint_table
from scripts.pages.commands import commands_page
from scripts.pages.results import clip_table, clip_table_for_psnr, printed, rate_table, readme_table, recorded_table, saving_table

ROOT = Path(__file__).parents[2]
FILLED = (
    "README.md",
    "docs/results.md",
    "docs/checkpoints.md",
    "docs/classical.md",
    "docs/sequences.md",
    "docs/tutorial-training.md",
)
MAKERS = {
    "checkpoints": checkpoint_table,
    "saving": saving_table,
    "rates": rate_table,
    "short-saving": readme_table,
    "clips": clip_table,
    "clips-psnr": clip_table_for_psnr,
    "recorded": recorded_table,
    "printed": printed,
}


def pages() -> Iterator[tuple[Path, str]]:
    """Each page with the text that it should have."""
    yield ROOT / "docs" / "commands.md", commands_page()
    for name in FILLED:
        path = ROOT / name
        yield path, filled(path.read_text(encoding="utf-8"), MAKERS)


def stale() -> list[Path]:
    """The pages that differ from what they are made from."""
    return [path for path, text in pages() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    if parser.parse_args().check:
        for path in stale():
            print(f"{path.relative_to(ROOT)} is not current; python -m scripts.pages writes it")
        return int(bool(stale()))
    for path, text in pages():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
