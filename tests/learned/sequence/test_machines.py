"""Frames to which others refer are the same with other instructions, libraries and numbers of threads; the others nearly."""

import io
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from dlic.container.sequence_reader import SequenceReader
from dlic.learned.guarded_rounding import INTER, KEY, Guard
from dlic.learned.sequence.codec import SequenceCodec
from dlic.learned.sequence.decoder import SequenceDecoder
from dlic.learned.sequence.still_as_inter import StillAsInter
from tests.learned.sequence.clips import ROOT, codec, decoder, encoded, pan
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
    check_frames({name: theirs[name] for name in ours}, ours, FILE)


def check_frames(theirs: dict[str, np.ndarray], ours: dict[str, np.ndarray], file: bytes) -> None:
    """Frames by their time, those of the same sequence by two decoders."""
    for group in SequenceReader(io.BytesIO(file)).groups():
        referred = {number for packet in group.table.packets for number in packet.references}
        for number, entry in enumerate(group.table.frames):
            apart = np.abs(theirs[str(entry.pts)].astype(int) - ours[str(entry.pts)])
            assert apart.max() <= (0 if number in referred else 1)


@dataclass(frozen=True, eq=False)
class Inexact:
    """A decoder whose values differ by up to half of a guard's margin, as those of two machines."""

    decoder: Any
    guard: Guard
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.decoder, name)

    def differences(self, y_hat: np.ndarray, level: int) -> np.ndarray:
        differences, half = self.decoder.differences(y_hat, level), self.guard.margin / 2
        return differences + self.rng.uniform(-half, half, differences.shape).astype(np.float32)


def inexact() -> SequenceCodec:
    """The tiny codec on an inexact machine."""
    exact, model = codec(), codec().key.unit.deployed
    unit = replace(exact.key.unit, deployed=replace(model, decoder=Inexact(model.decoder, KEY)))
    network = StillAsInter(replace(model, decoder=Inexact(model.decoder, INTER)))
    return replace(exact, key=replace(exact.key, unit=unit), residual=replace(exact.residual, network=network))


@pytest.mark.parametrize("low_delay", [True, False])
def test_an_inexact_machine_shows_the_same(low_delay):
    file = encoded(pan(12, size=(130, 190)), level=50, low_delay=low_delay)
    theirs = {str(frame.pts): frame.pixels for frame in SequenceDecoder(SequenceReader(io.BytesIO(file)), inexact()).frames()}
    check_frames(theirs, {str(frame.pts): frame.pixels for frame in decoder(file).frames()}, file)


def test_without_offsets_it_does_not():
    group = next(SequenceReader(io.BytesIO(FILE)).groups())
    packet, form = group.table.packets[0], SequenceReader(io.BytesIO(FILE)).head.form
    parsed = codec().parse(group.data[0], packet, [], form)
    assert parsed.key is not None and parsed.key.steps is not None
    bare = replace(parsed, key=replace(parsed.key, steps=np.zeros_like(parsed.key.steps)))
    assert (codec().reconstruct(bare, []).pixels != inexact().reconstruct(bare, []).pixels).any()
