"""Decoding in WebAssembly on one core: dlic next to AVIF and JPEG XL (npm's @jsquash/avif and @jsquash/jxl), the same picture in
the same run, in turns.

python scripts/benchmark_web.py PICTURE.png [--rounds N] [--quality Q]

It installs the two packages with npm into a temporary folder. The first rounds are slower: an engine optimises code that runs
often. The table has the first time and the median of the later ones, of the processor and of the clock.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import dlic
from dlic.checkpoints.local import default_name, find
from dlic.web.site import site_files

PEERS = ("avif", "jxl")
SCRIPT = Path(__file__).parent / "web" / "benchmark.mjs"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("picture", type=Path)
    arguments.add_argument("--rounds", type=int, default=12)
    arguments.add_argument("--quality", type=int, default=60)
    wishes = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = write_files(np.array(Image.open(wishes.picture).convert("RGB")), wishes.quality, folder)
        for name, data in site_files([find(default_name())]).items():
            (folder / "site" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "site" / name).write_bytes(data)
        peers = [f"@jsquash/{name}" for name in PEERS]
        (folder / "package.json").write_text("{}")
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *peers], cwd=folder, check=True)
        task = {"site": str(folder / "site"), "modules": str(folder), "files": files, "rounds": wishes.rounds}
        (folder / "task.json").write_text(json.dumps(task))
        command = ["node", "--experimental-wasm-relaxed-simd", str(SCRIPT), str(folder / "task.json")]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        print_table(json.loads(done.stdout), files, wishes.picture)


def write_files(image: np.ndarray, quality: int, folder: Path) -> dict[str, str]:
    """The picture by each codec, the peers with about as many bytes as dlic."""
    (folder / "picture.dlic").write_bytes(dlic.compress(image, quality))
    size = (folder / "picture.dlic").stat().st_size
    files = {"dlic": str(folder / "picture.dlic")}
    try:
        import pillow_jxl  # noqa: F401
    except ImportError:
        print("pillow-jxl-plugin is not installed; JPEG XL is left out")
    for name in PEERS:
        path = folder / f"picture.{name}"
        for peer_quality in range(95, 5, -5):
            try:
                Image.fromarray(image).save(path, quality=peer_quality)
            except (KeyError, ValueError):  # no plugin for this ending
                break
            if path.stat().st_size <= size * 1.05:
                break
        if path.exists():
            files[name] = str(path)
    return files


def print_table(spent: dict[str, list[dict[str, float]]], files: dict[str, str], picture: Path) -> None:
    with Image.open(picture) as image:
        print(f"{picture.name}: {image.width} × {image.height}; load of the machine {os.getloadavg()[0]:.1f}")
    for name, rounds in spent.items():
        size = os.path.getsize(files[name.removeprefix("@jsquash/")] if name.startswith("@") else files["dlic"])
        later = rounds[len(rounds) // 3 :]
        cpu, wall = (statistics.median(each[kind] for each in later) for kind in ("cpu", "wall"))
        first = rounds[0]
        print(
            f"{name:22} {size:9,} bytes   first {first['cpu']:5.0f} ms of the processor, {first['wall']:5.0f} ms   "
            f"then {cpu:5.0f} ms of the processor, {wall:5.0f} ms"
        )


if __name__ == "__main__":
    main()
