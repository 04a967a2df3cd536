"""Work on the files of a folder by several processes of this machine."""

from collections.abc import Iterator, Sequence
from functools import partial

from dlic.batch import processes
from dlic.batch.folders import Pair, Result, Work, result_of


def results(work: Work, pairs: Sequence[Pair], jobs: int = 1) -> Iterator[Result]:
    """A result for each pair as soon as there is one, as `processes.results` says; the file of a process that dies is done
    again.
    """
    yield from processes.results(partial(result_of, work), pairs, jobs, killed)


def killed(pair: Pair, times: int) -> Result:
    """The result of a file at which this many processes were killed."""
    return Result(pair, error=processes.killed_error(pair.source, times))
