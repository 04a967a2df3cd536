"""Tasks for several processes: each has one outcome, whatever becomes of the process."""

import os
import signal
import sys
from functools import partial
from multiprocessing import active_children

import pytest
from PIL import Image

from dlic.batch.processes import ATTEMPTS, RemoteError, killed_error, results
from dlic.errors import CorruptFileError, DlicError


class StubbornError(Exception):
    """Cannot be made again from what it was pickled as."""

    def __init__(self, one: str, two: str):
        super().__init__(one)


def divided(dividend: int, divisor: int) -> float:
    if divisor == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    if divisor == 8:
        raise CorruptFileError("the file is damaged")
    if divisor == 7:
        raise StubbornError("one", "two")
    return dividend / divisor


def raised(task: int, times: int) -> float:
    raise killed_error(f"task {task}", times)


def limit(_: int) -> int | None:
    return Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_has_one_outcome(jobs):
    assert sorted(results(partial(divided, 12), [1, 2, 3, 4, 6], jobs, raised)) == [2, 3, 4, 6, 12]
    assert list(results(partial(divided, 12), [], jobs, raised)) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_the_work_raises_is_raised_here_with_its_traceback(jobs):
    with pytest.raises(CorruptFileError) as caught:
        list(results(partial(divided, 12), [8, 8], jobs, raised))
    if jobs > 1:
        assert isinstance(caught.value.__cause__, RemoteError) and "in divided" in str(caught.value.__cause__)
    assert not active_children()


def test_an_exception_that_cannot_be_sent_is_told():
    with pytest.raises(RuntimeError, match="StubbornError: one"):
        list(results(partial(divided, 12), [7, 7], 2, raised))


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_task_that_kills_every_process_is_told_of():
    outcomes = results(partial(divided, 12), [1, 9], 2, raised)
    assert next(outcomes) == 12
    with pytest.raises(DlicError, match=f"task 9: the process at work on it was killed {ATTEMPTS} times"):
        next(outcomes)


def test_pillows_limit_is_lifted_in_processes_of_ours_and_not_here():
    before = Image.MAX_IMAGE_PIXELS
    assert list(results(limit, [1, 2], 2, raised)) == [None, None] and before == Image.MAX_IMAGE_PIXELS
