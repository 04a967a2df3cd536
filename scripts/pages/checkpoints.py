"""The table of checkpoints, from checkpoints/index.json and the folders' manifests."""

import re
from pathlib import Path

from dlic.checkpoints.index import read_index
from dlic.checkpoints.manifest import WEIGHTS, read_manifest
from scripts.pages.blocks import table

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "checkpoints"
OTHERWISE = {"inter": "predicted frames of sequences"}
SHIPPED = re.compile(r'^"checkpoints/([^"/]+)" = ', re.MULTILINE)  # force-include of pyproject.toml


def checkpoint_table() -> str:
    """A row a checkpoint: its tune, model, size and fingerprint, with a link to its card."""
    index = read_index(FOLDER)
    shipped = SHIPPED.findall((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tunes = {name: tune for tune, name in index.tunes.items()}
    rows = [["checkpoint", "chosen by", "model", "trained for", "steps", "weights", "fingerprint", "in the package"]]
    for name, entry in sorted(index.checkpoints.items(), key=lambda item: (item[0] != index.default, item[0])):
        manifest = read_manifest(FOLDER / name)
        chosen = [f"`--tune {tune}`" for tune in [tunes.get(name)] if tune] + ["default"] * (name == index.default)
        rows.append(
            [
                f"[{name}](../checkpoints/{name}/MODEL_CARD.md)",
                ", ".join(chosen) or OTHERWISE.get(manifest.model, f"`--model {name}`"),
                f"`{manifest.model}`",
                manifest.training.tune,
                f"{manifest.training.steps:,}",
                f"{entry.files[WEIGHTS].size / 1e6:.1f} MB",
                f"`{entry.fingerprint[:16]}`",
                "yes" if name in shipped else "",
            ]
        )
    return table(rows)
