"""The frames of groups in the order of coding, computed on the calling thread and on the process's side thread.

    packet ─ parse, when the motion of its references is known ─ reconstruct, when their pixels are ─ frame

A frame depends on its references alone. So later packets are parsed while a frame is reconstructed, B frames are reconstructed next
to each other, and the next group begins while the last frames of a group are at work. Each thread takes the first piece of work
that is ready; so nothing waits where others use the side thread.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import islice, pairwise
from threading import Condition
from typing import Generic, TypeVar

from dlic.container.sequence_groups import Packet
from dlic.learned.sequence.frames import DecodedFrame, ParsedFrame
from dlic.runtime import threads
from dlic.runtime.blas import single_threaded

AHEAD = 6  # packets beyond the next frame that are worked on: so many frames more are in memory

Parse = Callable[[Packet], ParsedFrame]
Reconstruct = Callable[[ParsedFrame, list[DecodedFrame]], DecodedFrame]
G = TypeVar("G")


@dataclass(frozen=True, eq=False)
class Batch(Generic[G]):
    """What is needed of a group."""

    group: G  # what the frames are for
    packets: Sequence[Packet]  # references before their users
    parse: Parse

    @property
    def is_chain(self) -> bool:
        """Whether every frame refers to the one before it."""
        return all(before.number in packet.references for before, packet in pairwise(self.packets))


Frames = Generator[tuple[G, Packet, DecodedFrame | Exception | None], None, None]


@dataclass(eq=False)
class _Coming(Generic[G]):
    """A frame on its way, and its two pieces of work."""

    batch: Batch[G]
    in_chain: bool
    packet: Packet
    references: list["_Coming[G]"]
    parsed: ParsedFrame | None = None
    decoded: DecodedFrame | None = None  # None at the end: it or a reference has failed
    error: Exception | None = None
    is_parsed: bool = False
    is_done: bool = False
    is_taken: bool = False  # a thread works on it

    @property
    def is_ready(self) -> bool:
        """Whether its next piece of work can begin."""
        if self.is_taken or self.is_done:
            return False
        return all(reference.is_done if self.is_parsed else reference.is_parsed for reference in self.references)

    def work(self, reconstruct: Reconstruct) -> None:
        """The next piece of work."""
        try:
            with single_threaded():
                self._work(reconstruct)
        except Exception as error:  # raised on the calling thread, when it is this frame's turn
            self.error = error

    def _work(self, reconstruct: Reconstruct) -> None:
        if not self.is_parsed:
            self.parsed = self.batch.parse(self.packet)
            return
        references = [reference.decoded for reference in self.references if reference.decoded is not None]
        if self.parsed is not None and len(references) == len(self.references):
            self.decoded = reconstruct(self.parsed, references)

    def finish(self) -> None:
        """Notes that a piece of work is done, and lets go of what later ones do not need."""
        self.is_done = self.is_parsed or self.error is not None
        self.is_parsed, self.is_taken = True, False
        if self.is_done:
            self.parsed, self.references = None, []


class Ahead(Generic[G]):
    """Packets with their frames. The side thread works on AHEAD packets more than were asked for, and no longer than `frames`."""

    def __init__(self, batches: Iterator[Batch[G]], reconstruct: Reconstruct, overlap: bool = True):
        """
        Args:
            batches: drawn on the calling thread. With `overlap` a batch is drawn when the one before it has AHEAD packets left, and
                what it raises comes after their frames; otherwise when all of them are shown.
            reconstruct: called on two threads, as the batches' `parse`; at most once for a packet.
        """
        self._batches, self._reconstruct, self._overlap = batches, reconstruct, overlap
        self._coming, self._ended = deque[_Coming[G]](), False
        self._failed: Exception | None = None  # of drawing
        self._changed, self._closed, self._cores = Condition(), False, 1
        self._side: Executor | None = None  # where help was last asked for
        self._asked: Future[None] | None = None
        self._aside: _Coming[G] | None = None  # at work on the side thread

    def frames(self) -> Frames[G]:
        """The frames in the order of coding, or the errors that they end in; None: a reference has failed."""
        try:
            while self._drawn():
                first = self._coming[0]
                while not first.is_done:
                    self._work()
                with self._changed:
                    self._coming.popleft()
                yield first.batch.group, first.packet, first.error or first.decoded
            if self._failed is not None:
                raise self._failed
        finally:
            self._close()

    def _drawn(self) -> bool:
        """Whether there are packets, after drawing batches as far as they are to be worked on."""
        while not self._ended and len(self._coming) <= (AHEAD if self._overlap else 0):
            try:
                batch = next(self._batches, None)
            except Exception as error:  # raised when all frames before it are shown
                batch, self._failed = None, error
            if batch is None:
                self._ended = True
            else:
                self._add(batch)
        return bool(self._coming)

    def _add(self, batch: Batch[G]) -> None:
        numbered, in_chain = dict[int, _Coming[G]](), batch.is_chain
        for packet in batch.packets:
            references = [numbered[number] for number in packet.references]
            numbered[packet.number] = _Coming(batch, in_chain, packet, references)
        with self._changed:
            self._coming.extend(numbered.values())

    def _work(self) -> None:
        """Does a piece of work, or waits until the side thread has done its own."""
        if self._is_forked:
            self._forget_side()
        with self._changed:
            self._cores = threads.cores()
            piece = self._taken()
            if piece is None:
                self._changed.wait()
                return
            self._ask()
        # A frame that others can be reconstructed next to leaves a core to the side thread
        alone = piece.in_chain or (not piece.packet.references and piece is self._coming[0])
        with threads.limited(None if alone else max(1, self._cores - 1)):
            self._run(piece)

    def _taken(self, aside: bool = False) -> _Coming[G] | None:
        """Takes the first frame with work that is ready. Pixels of key frames are not for the side thread: it helps with them."""
        for piece in islice(self._coming, AHEAD + 1):
            if piece.is_ready and not (aside and piece.is_parsed and not piece.packet.references):
                piece.is_taken = True
                return piece
        return None

    def _run(self, piece: _Coming[G]) -> None:
        piece.work(self._reconstruct)
        with self._changed:
            piece.finish()
            self._changed.notify_all()

    # --- the side thread

    def _ask(self) -> None:
        """Asks the side thread for a piece of work, if it is not at work and the calling thread may use another core."""
        if self._cores > 1 and self._asked is None and not self._closed:
            self._side = threads.side()
            self._asked = self._side.submit(self._help)

    def _help(self) -> None:
        """One piece of work on the side thread. Others have their turn before the next one."""
        with self._changed:
            piece = self._aside = None if self._closed else self._taken(aside=True)
            if piece is None:
                self._asked = None
                return
        piece.work(self._reconstruct)
        with self._changed:
            piece.finish()
            self._aside = self._asked = None
            self._ask()
            self._changed.notify_all()

    @property
    def _is_forked(self) -> bool:
        """Whether this is a child process, without the thread that was asked."""
        return self._side is not None and self._side is not threads.side()

    def _forget_side(self) -> None:
        self._changed, self._side, self._asked = Condition(), None, None
        if self._aside is not None:
            self._aside.is_taken, self._aside = False, None

    def _close(self) -> None:
        """Ends the work of the side thread."""
        if self._is_forked:
            return
        with self._changed:
            self._closed = True
            if self._asked is not None:
                self._asked.cancel()
            while self._aside is not None:
                self._changed.wait()
