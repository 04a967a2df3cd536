"""Ten seconds of fuzzing: with atheris where it is installed, else by mutation."""

import importlib.util
import random
import subprocess
import sys

from tests.fuzz.fuzz_jpeg import mutation_loop, seeds, target


def test_the_seeds_decode():
    assert all(target(data) for data in seeds())


def test_mutated_files_decode_or_are_refused():
    assert mutation_loop(3, random.Random(0)) > 0


def test_atheris_finds_nothing():
    if importlib.util.find_spec("atheris") is None:
        assert mutation_loop(7, random.Random()) > 0
        return
    done = subprocess.run([sys.executable, "-m", "tests.fuzz.fuzz_jpeg", "8"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
