"""The command that tries a folder of files tells apart what went round, was read, was refused, and what broke a limit."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from dlic.images import png
from tests.images.test_files import encoded
from tests.images.tiff.written import BLACK_IS_ZERO, RGB, Layout, stored_samples, written

SCRIPT = Path(__file__).parents[2] / "scripts" / "corpus.py"


def run(folder: Path, *options: str) -> tuple[int, dict[str, int], str]:
    """Exit code, files by outcome, and everything that is printed."""
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])}
    command = [sys.executable, str(SCRIPT), str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    names = ("went round", "read", "refused", "crashed", "over time", "over memory")
    lines = done.stdout.splitlines()[-7:-1]
    counts = {line[:12].strip(): int(line[12:]) for line in lines} if len(lines) == 6 else {}
    assert not counts or tuple(counts) == names
    return done.returncode, counts, done.stdout + done.stderr


def test_a_corpus_is_counted_and_no_file_crashes(tmp_path):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    whole = {
        "a.png": encoded(image, "PNG"), "b.tif": encoded(image, "TIFF"), "c.gif": encoded(image, "GIF"),
        "d.bmp": encoded(image, "BMP"),
        "e.png": png.write(rng.integers(0, 65536, (9, 9, 4), dtype=np.uint16)),
        "f.tif": written(Layout(16, RGB, planar=True), stored_samples(Layout(16, RGB))), "g.jpg": encoded(image, "JPEG"),
    }  # fmt: skip
    rounded = {
        "h.jp2": encoded(image, "JPEG2000"),
        "i.tif": written(layout := Layout(8, BLACK_IS_ZERO, (1,)), stored_samples(layout)),
    }
    refused = {"j.png": b"", "k.txt": b"text", "l.tif": encoded(Image.new("F", (4, 4)), "TIFF")}
    for name, data in {**whole, **rounded, **refused}.items():
        (tmp_path / name).write_bytes(data)
    code, counts, said = run(tmp_path)
    assert code == 0 and counts == {"went round": 7, "read": 2, "refused": 3, "crashed": 0, "over time": 0, "over memory": 0}, said
    for name, data in whole.items():
        for i in range(6):
            fuzzed = bytearray(data[: len(data) * (i + 2) // 6])
            for place in rng.integers(0, len(fuzzed), 4):
                fuzzed[place] = rng.integers(256)
            (tmp_path / f"{i}-{name}").write_bytes(fuzzed)
    code, counts, said = run(tmp_path)
    assert code == 0 and sum(counts.values()) == 54 and counts["refused"] > 10, said


def test_limits_are_faults(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(Image.new("RGB", (3900, 4000)), "PNG"))
    code, counts, said = run(tmp_path, "--memory", "40", "--verbose")
    assert code == 1 and counts["over memory"] == 1 and "a.png" in said, said
    code, counts, said = run(tmp_path, "--seconds", "0.05")
    assert code == 1 and counts["over time"] == 1, said
    assert run(tmp_path / "missing")[0] == 2
