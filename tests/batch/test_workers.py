"""Several processes at work on files, some of which die."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from dlic.batch.folders import Done, Pair
from dlic.batch.processes import ATTEMPTS
from dlic.batch.workers import results
from dlic.errors import UnreadableImageError
from dlic.storage.files import written_whole

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")


@dataclass(frozen=True)
class Copying:
    """Work that does what the content of a file says: fail, kill its process always or the first time, or be copied."""

    def outputs(self, target):
        return (target,)

    def file(self, source, target):
        content = Path(source).read_text()
        died_before = Path(f"{source}.died")
        if content == "always" or (content == "once" and not died_before.exists()):
            died_before.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if content == "fail":
            raise UnreadableImageError(f"{source} is bad")
        if content == "fault":
            raise ZeroDivisionError("ours")
        with written_whole(Path(target)) as file:
            file.write(f"{content} {os.getpid()}".encode())
        return Done(target)


def pairs_of(folder: Path, *contents: str) -> list[Pair]:
    sources = [folder / f"{place:02}.txt" for place in range(len(contents))]
    for source, content in zip(sources, contents, strict=True):
        source.write_text(content)
    return [Pair(source, folder / "out" / "deeper" / source.name) for source in sources]


def by_name(folder: Path, jobs: int, *contents: str) -> dict[str, str]:
    found = list(results(Copying(), pairs_of(folder, *contents), jobs))
    assert len(found) == len(contents)
    return {result.pair.source.stem: result.status for result in found}


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_pair_has_one_result(jobs, tmp_path):
    contents = ["copy", "fail", "copy", "fault", "copy"]
    found = by_name(tmp_path, jobs, *contents)
    assert found == {f"{i:02}": "written" if content == "copy" else "failed" for i, content in enumerate(contents)}
    processes = {path.read_text().split()[1] for path in (tmp_path / "out" / "deeper").iterdir()}
    assert len(processes) <= jobs and (str(os.getpid()) in processes) == (jobs == 1)


def test_a_process_that_is_killed_costs_no_file(tmp_path):
    found = by_name(tmp_path, 2, "copy", "once", "copy", "once", "copy")
    assert set(found.values()) == {"written"} and len(found) == 5


def test_a_file_that_kills_every_process_fails_alone(tmp_path):
    found = list(results(Copying(), pairs_of(tmp_path, "copy", "always", "copy"), 2))
    failed = [result for result in found if result.error]
    assert [result.pair.source.stem for result in failed] == ["01"] and len(found) == 3
    assert f"killed {ATTEMPTS} times" in str(failed[0].error)


def test_what_is_there_meanwhile_is_left_as_it_is(tmp_path):
    pairs = pairs_of(tmp_path, "copy")
    pairs[0].target.parent.mkdir(parents=True)
    pairs[0].target.write_text("made by another run")
    (result,) = results(Copying(), pairs)
    assert result.status == "skipped" and pairs[0].target.read_text() == "made by another run"


def test_the_processes_end_with_the_iterator(tmp_path):
    import multiprocessing

    running = results(Copying(), pairs_of(tmp_path, *["copy"] * 6), 2)
    next(running)
    assert multiprocessing.active_children()
    running.close()
    assert not multiprocessing.active_children() and not list(tmp_path.rglob("*.part"))
