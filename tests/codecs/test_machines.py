"""A file shows the same picture on however many threads it was written and is read."""

import os
import subprocess
import sys

import numpy as np
import pytest

from dlic.checkpoints import find
from dlic.codecs.learned import load_codec
from dlic.container.format import read
from tests.conftest import ROOT

WRITE = "import dlic, sys, numpy as np; sys.stdout.buffer.write(dlic.compress(np.load(sys.argv[1]), quality=70))"
SHOW = "import dlic, sys, numpy as np; np.save(sys.argv[2], dlic.decompress(open(sys.argv[1], 'rb').read()))"


def python(code: str, threads: int, *words) -> bytes:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory, photograph):
    """The shipped checkpoint's file of a crop, by the threads that wrote it."""
    folder = tmp_path_factory.mktemp("machines")
    np.save(folder / "crop.npy", photograph[100:356, 200:460])
    written = {}
    for threads in (1, 2):
        (folder / f"{threads}.dlic").write_bytes(python(WRITE, threads, folder / "crop.npy"))
        written[threads] = folder / f"{threads}.dlic"
    return written


@pytest.mark.parametrize("writer", [1, 2])
def test_threads_change_no_symbol_and_no_pixel_by_more_than_one(files, writer, tmp_path):
    shown = []
    for threads in (1, 2):
        python(SHOW, threads, files[writer], tmp_path / "shown.npy")  # which fails where the checksum of the symbols does
        shown.append(np.load(tmp_path / "shown.npy").astype(int))
    assert shown[0].shape == (256, 260, 3) and np.abs(shown[0] - shown[1]).max() <= 1


def test_both_writers_say_nearly_the_same(files):
    """Latents are floats, so that one on the border between two symbols may go either way."""
    codec = load_codec(find("light-1"))
    one, two = (codec.symbols(read(path.read_bytes())).values for path in files.values())
    assert one.shape == two.shape and np.mean(one != two) < 1e-3 and np.abs(one - two).max() <= 1
