"""Symbols and predictions are the same with other instructions and numbers of threads; pixels differ by a level at most."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.learned.sequence.clips import ROOT, encoded, pan
from tests.learned.sequence.other_machine import show

FILE = encoded(pan(9, size=(130, 190)), level=50, low_delay=True)
OTHERS = {
    "plain instructions": {
        "ATEN_CPU_CAPABILITY": "default",
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
    },
    "two threads": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_machine_shows_the_same(other, tmp_path):
    (tmp_path / "clip.dlic").write_bytes(FILE)
    command = [
        sys.executable,
        "-m",
        "tests.learned.sequence.other_machine",
        str(tmp_path / "clip.dlic"),
        str(tmp_path / "shown.npz"),
    ]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **OTHERS[other]}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    theirs, ours = np.load(tmp_path / "shown.npz"), show(FILE)
    assert np.array_equal(theirs["p"], ours["p"]) and theirs["verified"] == ours["verified"] == 9
    assert set(theirs.files) == set(ours)
    assert max(np.abs(theirs[name].astype(int) - ours[name]).max() for name in ours) <= 1
