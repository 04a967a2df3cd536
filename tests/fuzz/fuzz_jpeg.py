"""Fuzz target of the JPEG decoder: any bytes decode or are a CorruptFileError.

`python -m tests.fuzz.fuzz_jpeg [seconds]` runs atheris.

What it finds goes to tests/golden/hostile, where a test reads all files for ever.
"""

import contextlib
import importlib
import io
import random
import sys
import time

import numpy as np
from PIL import Image

atheris = importlib.import_module("atheris") if __name__ == "__main__" else None
with atheris.instrument_imports(include=["dlic"]) if atheris else contextlib.nullcontext():  # our branches guide it, nobody else's
    from dlic.classical.jpeg.codec import JpegCodec
    from dlic.errors import CorruptFileError
    from tests.fuzz.memory import atheris_limit

CODEC = JpegCodec(max_pixels=1 << 16)


def target(data: bytes) -> bool:
    """Whether `data` decodes. Anything but pixels or a CorruptFileError of one sentence is a finding."""
    try:
        pixels = CODEC.decompress(data)
    except CorruptFileError as error:
        assert str(error) and "\n" not in str(error)
        return False
    assert pixels.dtype == np.uint8 and pixels.ndim in (2, 3) and pixels.size <= 3 << 16
    return True


def seeds() -> list[bytes]:
    """Small files of every kind, ours and Pillow's."""
    image = np.random.default_rng(0).integers(0, 256, (19, 21, 3)).astype(np.uint8) // 4 + 90
    files = [JpegCodec(30, restart_interval=i, progressive=p).compress(image) for i in (0, 1) for p in (False, True)]
    files += [JpegCodec(60, "4:4:4", progressive=p).compress(image[..., 0]) for p in (False, True)]
    for options in ({"progressive": True}, {"optimize": True, "subsampling": "4:2:2"}):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=40, **options)
        files.append(file.getvalue())
    return files


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, removed, repeated or put in."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        place, kind = rng.randrange(len(out) + 1), rng.randrange(6)
        if kind < 3:
            out[place : place + 1] = bytes([rng.choice([0, 1, 255, rng.randrange(256)])])
        elif kind == 3:
            del out[place : place + rng.randrange(1, 9)]
        elif kind == 4:
            out[place:place] = out[place : place + rng.randrange(1, 40)]
        else:
            out[place:place] = bytes([255, rng.randrange(0xC0, 0x100)])
    return bytes(out)


def mutation_loop(seconds: float, rng: random.Random) -> int:
    """Runs the target on mutated seeds for so long; how many were tried. Stands in where atheris is not installed."""
    files, tried, end = seeds(), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutated(rng.choice(files), rng)
        try:
            target(data)
        except BaseException:
            print("finding:", data.hex())
            raise
        tried += 1
    return tried


def run_atheris(seconds: int) -> None:
    """Ends the process, with status 0 if nothing was found."""
    choices = seeds()

    def one(data: bytes) -> None:
        """The first byte chooses: the rest as it is, or laid over one of the seeds."""
        if data and data[0] <= len(choices):
            base = choices[data[0] - 1]
            start = int.from_bytes(data[1:3], "big") % len(base)
            data = b"\xff\xd8" + data[1:] if data[0] == 0 else base[:start] + data[3:] + base[start + len(data[3:]) :]
        target(data)

    options = [f"-max_total_time={seconds}", atheris_limit(), "-timeout=20", "-max_len=2000", "-len_control=0"]
    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    run_atheris(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
