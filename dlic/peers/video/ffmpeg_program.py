"""Video encoders and VMAF of a program ffmpeg: that of imageio-ffmpeg, or the one on the PATH."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np

from dlic.errors import DlicError
from dlic.images.video.yuv import Planes

STREAMS = {"libaom-av1": "ivf", "libvvenc": "vvc", "libsvtav1": "ivf", "libx264": "h264", "libx265": "hevc", "libvpx-vp9": "ivf"}
HOW = "it needs a program ffmpeg that has it; pip install 'dlic[eval]' brings one"


@cache
def program() -> str | None:
    """The path of ffmpeg; None where there is none."""
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return shutil.which("ffmpeg")


@cache
def has(kind: str, name: str) -> bool:
    """Whether the program has an encoder or a filter: `kind` is "encoders" or "filters"."""
    path = program()
    if path is None:
        return False
    listing = subprocess.run([path, "-hide_banner", f"-{kind}"], capture_output=True, text=True, check=False).stdout
    return any(name in line.split()[1:2] for line in listing.splitlines())


@dataclass(frozen=True)
class FfmpegCodec:
    """An encoder of the program with its options."""

    encoder: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_available(self) -> bool:
        return has("encoders", self.encoder)

    @property
    def command(self) -> str:
        """The options as on ffmpeg's command line."""
        return " ".join(_words(self.encoder, self.options))

    def compress(self, frames: Sequence[Planes], rate: Fraction) -> bytes:
        """Planes of equal size → the bytes of a file."""
        raw = b"".join(plane.tobytes() for planes in frames for plane in (planes.y, planes.cb, planes.cr))
        output = ["-threads", "1", "-f", STREAMS[self.encoder], "-"]
        return _run([*_raw(frames[0], rate), "-i", "-", *_words(self.encoder, self.options), *output], raw)

    def decompress(self, data: bytes) -> Iterator[Planes]:
        """The planes of all frames in the order of display."""
        words = ["-threads", "1", "-f", STREAMS[self.encoder], "-i", "-", "-f", "yuv4mpegpipe", "-pix_fmt", "yuv420p", "-"]
        yield from read_y4m(_run(words, data))


def _words(encoder: str, options: Mapping[str, str]) -> list[str]:
    return ["-c:v", encoder, *(word for name, value in options.items() for word in (f"-{name}", value))]


def _raw(planes: Planes, rate: Fraction) -> list[str]:
    height, width = planes.y.shape
    return ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", str(rate)]


def _run(words: list[str], data: bytes) -> bytes:
    path = program()
    if path is None:
        raise DlicError(f"there is no ffmpeg here; {HOW}")
    done = subprocess.run([path, "-hide_banner", "-loglevel", "error", *words], input=data, capture_output=True, check=False)
    if done.returncode:
        raise DlicError(f"ffmpeg {' '.join(words)} failed: {done.stderr.decode(errors='replace').strip()[-300:]}")
    return done.stdout


def read_y4m(data: bytes) -> Iterator[Planes]:
    """The planes of a YUV4MPEG2 stream of 4:2:0 and 8 bits."""
    end = data.index(b"\n")
    fields = {word[:1]: word[1:] for word in data[:end].decode().split()[1:]}
    width, height, position = int(fields["W"]), int(fields["H"]), end + 1
    half = (height + 1) // 2, (width + 1) // 2
    while position < len(data):
        position = data.index(b"\n", position) + 1
        planes = list[np.ndarray]()
        for shape in ((height, width), half, half):
            size = shape[0] * shape[1]
            planes.append(np.frombuffer(data, np.uint8, size, position).reshape(shape))
            position += size
        y, cb, cr = planes
        yield Planes(y, cb, cr)


def vmaf(original: Sequence[Planes], shown: Sequence[Planes], rate: Fraction) -> float:
    """Mean VMAF (model v0.6.1) of the frames. Raises DlicError without the filter."""
    if not has("filters", "libvmaf"):
        raise DlicError(f"this ffmpeg has no VMAF; {HOW}")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("shown.yuv", "original.yuv")]
        for path, frames in zip(paths, (shown, original), strict=True):
            path.write_bytes(b"".join(plane.tobytes() for planes in frames for plane in (planes.y, planes.cb, planes.cr)))
        inputs = [word for path in paths for word in (*_raw(original[0], rate), "-i", str(path))]
        log = Path(folder) / "vmaf.json"
        _run([*inputs, "-lavfi", f"libvmaf=log_fmt=json:log_path={log}", "-f", "null", "-"], b"")
        return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])
