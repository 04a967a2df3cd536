"""Frames that do not need each other are coded at the same time; the file does not show it."""

import numpy as np
import pytest

from dlic.learned.sequence import schedule
from dlic.learned.sequence.frames import DecodedFrame, EncodedFrame
from dlic.learned.sequence.structure import chain, hierarchical
from dlic.runtime import blas, threads
from tests.learned.sequence.clips import encoded, pan


@pytest.mark.parametrize("settings", [{}, {"low_delay": True}])
def test_a_file_is_the_same_for_any_number_of_threads(settings):
    frames = pan(7, size=(64, 80))
    files = []
    for count in (1, 2, 3):
        with threads.limited(count):
            files.append(encoded(frames, **settings))
    assert files[0] == files[1] == files[2]


@pytest.mark.parametrize("cores", [1, 2, 4])
@pytest.mark.parametrize("steps", [hierarchical(18, 8), hierarchical(5, 4), chain(6), chain(1)])
def test_references_come_first_and_every_frame_once(monkeypatch, steps, cores):
    monkeypatch.setattr(threads, "cores", lambda: cores)
    pixels = np.zeros((1, 1, 3), np.uint8)

    def encode(step, references):
        assert [reference.pixels[0, 0, 0] for reference in references] == list(step.references)
        return EncodedFrame(data=b"", symbols_crc=0, level=0, decoded=DecodedFrame(pixels + np.uint8(step.number)))

    order = [step for step, _ in schedule.coded(steps, encode)]
    assert sorted(step.number for step in order) == list(range(len(steps)))
    assert all(
        order.index(step) > max((n for n, o in enumerate(order) if o.number in step.references), default=-1) for step in order
    )
    assert cores > 1 or order == list(steps)


def test_an_error_in_one_frame_ends_the_group(monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: 2)

    def encode(step, references):
        if step.number == 4:
            raise ValueError("no")
        return EncodedFrame(data=b"", symbols_crc=0, level=0, decoded=DecodedFrame(np.zeros((1, 1, 3), np.uint8)))

    with pytest.raises(ValueError, match="no"):
        list(schedule.coded(hierarchical(18, 8), encode))


@pytest.mark.parametrize("cores", [1, 2])
def test_numpys_own_threads_wait_while_frames_are_coded(monkeypatch, cores):
    """They spin, so with them two threads took a quarter more processor time."""
    found = blas._openblas()
    if found is None:
        pytest.skip("NumPy has another BLAS here")
    monkeypatch.setattr(threads, "cores", lambda: cores)
    before, inside = found[0](), set[int]()

    def encode(step, references):
        inside.add(found[0]())
        return EncodedFrame(data=b"", symbols_crc=0, level=0, decoded=DecodedFrame(np.zeros((1, 1, 3), np.uint8)))

    list(schedule.coded(hierarchical(5, 4), encode))
    assert inside == {1} and found[0]() == before
