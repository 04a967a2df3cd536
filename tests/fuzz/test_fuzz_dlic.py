"""The share of the fuzzing of .dlic files that every run of the tests has; a release has `python -m tests.fuzz.fuzz_dlic`."""

import contextlib
import importlib.util
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dlic
from dlic.container.format import LEARNED, TILED, read, write
from dlic.learned.codec import load_codec
from tests.fuzz import fuzz_dlic
from tests.fuzz.fuzz_dlic import TARGETS, TINY_LIGHT, Finding, Tally, Target, any_files, execute, learned_files, mutation_loop
from tests.fuzz.memory import MUCH
from tests.fuzz.mutations import repaired, with_other_symbols

HOSTILE = sorted((Path(__file__).parent.parent / "golden" / "hostile").glob("*.dlic"))
RUNS = {"container": 1500, "entropy": 500, "streams": 80, "whole": 300, "part": 300, "codec": 200}


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_decode(name):
    decoded = [execute(name, data, Tally()) for data in TARGETS[name].seeds()]
    assert len(decoded) >= 6 and (all(decoded) or name == "part")  # of some, a part beyond the picture is asked for


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.filterwarnings("error::RuntimeWarning")  # arithmetic that overflows
def test_changed_files_decode_or_are_refused(name):
    tally = mutation_loop([name], RUNS[name], seed=0)[name]
    assert tally.executions == RUNS[name] and 0 < tally.decoded < tally.executions and len(tally.refusals) > 3


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_files_are_refused_for_ever(path):
    """Made by hand, with right checksums; what fuzzing finds is added."""
    data = path.read_bytes()
    assert not execute("whole", data, Tally())
    for name in ("container", "part"):
        execute(name, data, Tally())


def test_there_are_hostile_files():
    assert len(HOSTILE) >= 11


def test_every_checksum_is_made_right():
    for data in any_files():
        container, damaged = read(data), bytearray(data)
        end = len(write(replace(container, chunks=())))
        damaged[end - 1] ^= 1  # of the picture
        if container.chunks:
            damaged[-1] ^= 1
        if container.kind == TILED:
            damaged[data.index(container.stream) - 6] ^= 1  # the tiles' checksums, in the header
            damaged[data.index(container.stream) + 3] ^= 1  # that of a tile, which the one behind the table covers
        assert repaired(data) == data and bytes(damaged) != data
        found = read(repaired(bytes(damaged)))
        assert (found.width, found.chunks) == (container.width, container.chunks)
        if container.kind == TILED:
            with pytest.raises(dlic.CorruptFileError, match="symbols"):  # not: a checksum of the table
                dlic.decompress(repaired(bytes(damaged)), weights=TINY_LIGHT)


def test_symbols_that_no_picture_has_reach_the_transforms():
    codec, rng = load_codec(TINY_LIGHT), random.Random(0)
    plain = [read(data) for data in learned_files() if read(data).kind == LEARNED]
    largest = [np.abs(codec.symbols(with_other_symbols(one, rng, codec)).values).max() for one in plain * 5]
    assert max(largest) > 10_000


@pytest.mark.parametrize("error", [ValueError("no"), MemoryError(), dlic.CorruptFileError("two\nlines"), dlic.DlicError("")])
def test_anything_else_is_a_finding(error, monkeypatch):
    def broken(data: bytes) -> None:
        raise error

    monkeypatch.setitem(fuzz_dlic.TARGETS, "broken", Target(broken, lambda: [b"seed"], lambda data, rng: data))
    with pytest.raises(Finding, match=b"seed".hex()):
        mutation_loop(["broken"], 5, seed=0)


@pytest.mark.parametrize("grown", [MUCH, MUCH + 1])
def test_memory_is_a_finding_when_the_fuzzing_takes_it(grown, monkeypatch):
    peaks = iter([5 * MUCH, 5 * MUCH + grown])  # what other tests of the process, or its parent, had taken is none
    monkeypatch.setattr(fuzz_dlic, "peak_memory", lambda: next(peaks))
    with pytest.raises(Finding, match="memory") if grown > MUCH else contextlib.nullcontext():
        mutation_loop(["container"], 5, seed=0)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no wheel here; the mutations are run anywhere")
def test_atheris_finds_nothing():
    command = [sys.executable, "-m", "tests.fuzz.fuzz_dlic", "--atheris", "--runs", "300", "--targets", "container,entropy"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "DONE" in done.stderr, done.stderr[-3000:]
