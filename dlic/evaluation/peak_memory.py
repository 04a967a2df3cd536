"""Peak memory of a codec: that of a process which codes one picture and does nothing else.

python -m dlic.evaluation.peak_memory CODEC QUALITY EFFORT IMAGE [EXTERNAL]      prints megabytes
"""

import subprocess
import sys
from pathlib import Path

TIMEOUT_S = 3600.0  # the slowest codecs take minutes for a photograph
STATUS = Path("/proc/self/status")  # Linux; its rusage counts what the parent held when this process was forked


def peak_memory(
    codec: str, quality: float | None, effort: int, image: Path, external: Path | None = None, timeout: float = TIMEOUT_S
) -> float | None:
    """Megabytes of a process that compresses and decompresses the file `image`, interpreter and libraries included.

    Of a command of another program: of its largest process. None where the system does not tell, or the codec fails or
    takes longer than `timeout` seconds.
    """
    words = [codec, "" if quality is None else str(quality), str(effort), str(image), str(external or "")]
    try:
        done = subprocess.run([sys.executable, "-m", __name__, *words], capture_output=True, text=True, timeout=timeout)
        return float(done.stdout)
    except (ValueError, subprocess.TimeoutExpired):
        return None


def _of_this_process(codec: str, quality: str, effort: str, image: str, external: str) -> float:
    from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

    from dlic.evaluation.sweep import open_asked
    from dlic.images.files import read_image

    series = open_asked(codec, int(effort), Path(external) if external else None)
    coder = series.at(float(quality) if quality else None)
    coder.decompress(coder.compress(read_image(image).pixels))
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
    commands = getrusage(RUSAGE_CHILDREN).ru_maxrss
    return (commands or _high_water() or getrusage(RUSAGE_SELF).ru_maxrss) * unit / 1e6


def _high_water() -> int | None:
    """Peak kilobytes of this process since its program started; None except on Linux."""
    if not STATUS.exists():
        return None
    return next((int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith("VmHWM")), None)


if __name__ == "__main__":
    try:
        print(_of_this_process(*sys.argv[1:]))
    except ImportError:  # no resource module on Windows
        print("unknown")
