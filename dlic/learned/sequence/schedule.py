"""The frames of a group, coded at the same time where none needs the other."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import AbstractContextManager, nullcontext

from dlic.learned.sequence.frames import DecodedFrame, EncodedFrame
from dlic.learned.sequence.structure import Step
from dlic.runtime import threads
from dlic.runtime.blas import single_threaded

Encode = Callable[[Step, list[DecodedFrame]], EncodedFrame]  # a frame, given its references


def coded(steps: Sequence[Step], encode: Encode) -> Iterator[tuple[Step, EncodedFrame]]:
    """Each step with its frame as soon as it is coded, so references come first; on one core in the order of `steps`.

    A frame depends on its references alone, so a group is the same for any number of cores. A frame that no other can be coded next
    to has all cores, others one each. Decoded frames are held until no step refers to them.
    """

    def coded_by(step: Step, references: list[DecodedFrame]) -> EncodedFrame:
        with single_threaded():
            return encode(step, references)

    decoded, waiting, running = dict[int, DecodedFrame](), list(steps), dict[Future[EncodedFrame], Step]()
    cores = threads.cores()
    pool: AbstractContextManager[Executor | None] = threads.pool(cores) if cores > 1 else nullcontext()
    with pool as executor:
        while waiting or running:
            ready = [step for step in waiting if all(number in decoded for number in step.references)]
            if executor is None or (len(ready) == 1 and not running):
                done = [(ready[0], coded_by(ready[0], _references(ready[0], decoded)))]
                waiting.remove(ready[0])
            else:
                for step in ready[: cores - len(running)]:
                    running[executor.submit(coded_by, step, _references(step, decoded))] = step
                    waiting.remove(step)
                done = [(running.pop(future), future.result()) for future in wait(running, return_when=FIRST_COMPLETED).done]
            for step, frame in done:
                decoded[step.number] = frame.decoded
                yield step, frame
            needed = {number for step in waiting for number in step.references}
            decoded = {number: frame for number, frame in decoded.items() if number in needed}


def _references(step: Step, decoded: dict[int, DecodedFrame]) -> list[DecodedFrame]:
    return [decoded[number] for number in step.references]
