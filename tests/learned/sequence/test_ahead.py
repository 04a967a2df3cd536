"""Frames of a group on two threads."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.container.sequence_groups import Packet
from dlic.errors import CorruptFileError
from dlic.learned.sequence.ahead import AHEAD, Ahead
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

    def ahead(self):
        return Ahead(self.packets, self.parse, self.reconstruct)


structures = st.one_of(st.integers(1, 20).map(chain), st.builds(hierarchical, st.integers(1, 20), st.sampled_from([1, 4, 8])))


@settings(max_examples=40, deadline=None)
@given(structures, st.integers(1, 2))
def test_frames_come_in_the_order_of_coding_and_are_computed_once(steps, cores):
    work = Work(steps)
    with threads.limited(cores):
        shown = list(work.ahead().frames())
    assert [packet.number for packet, _ in shown] == [step.number for step in steps]
    assert all(frame[0] == packet.number for packet, frame in shown)
    assert sorted(work.done) == sorted((what, step.number) for step in steps for what in ("parse", "reconstruct"))


def test_one_core_is_one_thread():
    work = Work(hierarchical(9, 4), seconds=1e-4)
    with threads.limited(1):
        list(work.ahead().frames())
    assert work.threads == {threading.get_ident()}


def test_an_error_comes_at_its_turn_and_reaches_the_frames_that_need_it():
    work = Work(hierarchical(9, 8), corrupt=4)
    shown = {packet.number: frame for packet, frame in work.ahead().frames()}
    assert isinstance(shown.pop(4), CorruptFileError)
    assert {number for number, frame in shown.items() if frame is None} == {1, 2, 3, 5, 6, 7}
    assert shown[8][0] == 8


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
