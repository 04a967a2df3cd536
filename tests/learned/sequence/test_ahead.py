"""Frames of a group on two threads."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.container.sequence_groups import Packet
from dlic.errors import CorruptFileError
from dlic.learned.sequence.ahead import AHEAD, Ahead, Batch
from dlic.learned.sequence.structure import chain, hierarchical
from dlic.runtime import threads
from tests.learned.sequence.clips import decoder, encoded, pan


class Work:
    """Parses a packet to its number, and reconstructs the numbers of all frames that it needs."""

    def __init__(self, steps, corrupt=None, seconds=0.0):
        self.packets = [Packet(number=step.number, references=step.references, level=0, length=0, symbols_crc=0) for step in steps]
        self.corrupt, self.seconds = corrupt, seconds
        self.done, self.threads = [], set()

    def parse(self, packet):
        self._note("parse", packet.number)
        if packet.number == self.corrupt:
            raise CorruptFileError("damaged")
        return packet

    def reconstruct(self, packet, references):
        self._note("reconstruct", packet.number)
        assert [reference[0] for reference in references] == list(packet.references)
        return packet.number, *references

    def _note(self, *what):
        time.sleep(self.seconds)
        self.done.append(what)
        self.threads.add(threading.get_ident())

    def ahead(self, groups=1, overlap=True):
        return Ahead((Batch(group, self.packets, self.parse) for group in range(groups)), self.reconstruct, overlap)


structures = st.one_of(st.integers(1, 20).map(chain), st.builds(hierarchical, st.integers(1, 20), st.sampled_from([1, 4, 8])))


@settings(max_examples=40, deadline=None)
@given(structures, st.integers(1, 2), st.integers(1, 3), st.booleans())
def test_frames_come_in_the_order_of_coding_and_are_computed_once(steps, cores, groups, overlap):
    work = Work(steps)
    with threads.limited(cores):
        shown = list(work.ahead(groups, overlap).frames())
    assert [(group, packet.number) for group, packet, _ in shown] == [
        (group, step.number) for group in range(groups) for step in steps
    ]
    assert all(frame[0] == packet.number for _, packet, frame in shown)
    assert sorted(work.done) == sorted((what, step.number) for step in steps for what in ("parse", "reconstruct") * groups)


def test_one_core_is_one_thread():
    work = Work(hierarchical(9, 4), seconds=1e-4)
    with threads.limited(1):
        list(work.ahead().frames())
    assert work.threads == {threading.get_ident()}


def test_an_error_comes_at_its_turn_and_reaches_the_frames_that_need_it():
    work = Work(hierarchical(9, 8), corrupt=4)
    shown = {packet.number: frame for _, packet, frame in work.ahead().frames()}
    assert isinstance(shown.pop(4), CorruptFileError)
    assert {number for number, frame in shown.items() if frame is None} == {1, 2, 3, 5, 6, 7}
    assert shown[8][0] == 8


@pytest.mark.parametrize("overlap", [True, False])
def test_what_drawing_a_group_raises_comes_after_the_frames_before_it(overlap):
    work, shown = Work(hierarchical(9, 8)), []

    def batches():
        yield Batch(0, work.packets, work.parse)
        raise CorruptFileError("cut")

    with pytest.raises(CorruptFileError, match="cut"):
        for frame in Ahead(batches(), work.reconstruct, overlap).frames():
            shown.append(frame)
    assert len(shown) == len(work.packets)


@pytest.mark.parametrize("overlap", [True, False])
def test_a_group_is_drawn_when_it_can_be_worked_on(overlap):
    work, drawn = Work(chain(10)), []

    def batches():
        for group in range(3):
            drawn.append(group)
            yield Batch(group, work.packets, work.parse)

    frames = Ahead(batches(), work.reconstruct, overlap).frames()
    for _ in range(len(work.packets)):
        next(frames)
    assert drawn == ([0, 1] if overlap else [0])
    frames.close()


def test_a_closed_iterator_leaves_no_work(monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: 2)
    work = Work(chain(40), seconds=2e-3)
    frames = work.ahead().frames()
    next(frames)
    frames.close()
    done = list(work.done)
    threads.side().submit(int).result()
    assert work.done == done and len(done) <= 2 * (AHEAD + 2)


def test_a_frame_that_fails_ends_the_sequence_where_it_always_did():
    file = bytearray(encoded(pan(9)))
    file[-60] ^= 1  # within the last packets
    shown = 0
    with pytest.raises(CorruptFileError):
        for _ in decoder(bytes(file)).frames():
            shown += 1
    with threads.limited(1), pytest.raises(CorruptFileError):
        for _ in decoder(bytes(file)).frames():
            shown -= 1
    assert shown == 0
