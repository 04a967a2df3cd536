"""Whole processes from cold: dlic next to AVIF by Pillow and, where they are installed, avifdec and djxl, each in turn.

python scripts/startup.py [PHOTO] [RUNS]     wall and processor seconds (medians) and the peak of memory, on the same photograph
python scripts/startup.py profile [PHOTO]    where one cold decompression spends its processor time, import by import
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PHOTOGRAPH = Path(__file__).parent.parent / "tests" / "photographs" / "kodim23.png"
RUNS = 9
DLIC = [sys.executable, "-m", "dlic"]
PILLOW = "import sys; from PIL import Image; image = Image.open(sys.argv[1]); image.load(); image.save(sys.argv[2])"
IMPORTS = "import numpy, PIL.Image, onnxruntime"
PROFILE = """
import sys, time, importlib._bootstrap as machinery
inner, taken, find = [0.0], {}, machinery._find_and_load
def timed(name, import_):
    if name in sys.modules:
        return find(name, import_)
    start = time.thread_time()
    inner.append(0.0)
    try:
        return find(name, import_)
    finally:
        spent = time.thread_time() - start
        taken[name] = spent - inner.pop()
        inner[-1] += spent
machinery._find_and_load = timed
begin = time.process_time()
from dlic.cli.main import run
code = run(sys.argv[1:])
lines = [f"{name} {seconds}" for name, seconds in taken.items()]
print(*lines, f"= {time.process_time() - begin} {begin}", sep="\\n", file=sys.stderr)
"""


def main() -> None:
    words = sys.argv[1:]
    if words[:1] == ["profile"]:
        profile(Path(words[1]) if len(words) > 1 else PHOTOGRAPH)
    else:
        compare(Path(words[0]) if words else PHOTOGRAPH, int(words[1]) if len(words) > 1 else RUNS)


def compare(photograph: Path, runs: int) -> None:
    """Runs every command in turn, so that all meet the same noise."""
    with tempfile.TemporaryDirectory() as name:
        commands = prepared(photograph, Path(name))
        results: dict[str, list[tuple[float, float, float]]] = {title: [] for title in commands}
        for turn in range(runs + 1):  # the first fills the disk's cache and writes .pyc files
            for title, command in commands.items():
                if turn:
                    results[title].append(measured(command))
                else:
                    measured(command)
        print(f"{photograph.name}, medians of {runs} processes each, in turn")
        print(f"{'':34}{'wall s':>8}{'cpu s':>8}{'peak MB':>9}")
        for title, rows in results.items():
            wall, cpu, peak = (statistics.median(column) for column in zip(*rows, strict=True))
            print(f"{title:34}{wall:8.2f}{cpu:8.2f}{peak:9.0f}")


def prepared(photograph: Path, folder: Path) -> dict[str, list[str]]:
    """The commands, and the files that they read."""
    photo, packed, avif, jxl = (folder / f"photo{ending}" for ending in (photograph.suffix, ".dlic", ".avif", ".jxl"))
    shutil.copy(photograph, photo)
    subprocess.run([*DLIC, "compress", photo, "-o", packed], check=True, capture_output=True)
    subprocess.run([sys.executable, "-c", PILLOW, photo, avif], check=True)
    out = str(folder / "out")
    commands = {
        "dlic decompress": [*DLIC, "decompress", str(packed), "-o", f"{out}.png", "--force"],
        "dlic compress": [*DLIC, "compress", str(photo), "-o", f"{out}.dlic", "--force"],
        "dlic info": [*DLIC, "info", str(packed)],
        "AVIF → PNG by Pillow": [sys.executable, "-c", PILLOW, str(avif), f"{out}.png"],
        "photo → AVIF by Pillow": [sys.executable, "-c", PILLOW, str(photo), f"{out}.avif"],
        "Python alone": [sys.executable, "-c", ""],
        "numpy, Pillow, onnxruntime": [sys.executable, "-c", IMPORTS],
    }
    if shutil.which("avifdec"):
        commands["avifdec"] = ["avifdec", str(avif), f"{out}.png"]
    if shutil.which("djxl") and shutil.which("cjxl"):
        subprocess.run(["cjxl", photo, jxl], check=True, capture_output=True)
        commands["djxl"] = ["djxl", str(jxl), f"{out}.png"]
    return commands


def measured(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak megabytes of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(command)} failed: {said.decode(errors='replace')}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def profile(photograph: Path) -> None:
    """Prints processor milliseconds of the imports of one decompression by package, and of the rest."""
    with tempfile.TemporaryDirectory() as name:
        packed = Path(name) / "photo.dlic"
        subprocess.run([*DLIC, "compress", photograph, "-o", packed], check=True, capture_output=True)
        words = [sys.executable, "-c", PROFILE, "decompress", str(packed), "--force"]
        said = [subprocess.run(words, check=True, capture_output=True, text=True).stderr for _ in range(2)][-1]
    *imports, (_, total, begin) = (line.split() for line in said.splitlines())
    packages = Counter[str]()
    for module, seconds in imports:
        packages[module.partition(".")[0]] += float(seconds)
    print(f"{1000 * float(begin):7.1f} ms  Python itself")
    few = packages.most_common(6)
    rest = sum(packages.values()) - sum(seconds for _, seconds in few)
    for title, seconds in [*few, ("other imports", rest), ("the work", float(total) - sum(packages.values()))]:
        print(f"{1000 * seconds:7.1f} ms  {title}")
    print(f"{1000 * (float(total) + float(begin)):7.1f} ms  in all, {len(imports)} imports")


if __name__ == "__main__":
    main()
