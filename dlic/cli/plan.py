"""Many files, named one by one or by folders with -r: the options for them, and which file is written for which."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

from dlic.batch.folders import Listing, Pair, Work, apart, find, is_earlier_output, mirror, output_name, size_of
from dlic.cli import streams
from dlic.cli.parameters import Option
from dlic.errors import DlicError, UnreadableImageError


class Engine(str, Enum):
    """The processes that do the work."""

    local = "local"
    dask = "dask"


RECURSIVE = Annotated[bool, Option("-r", "--recursive", help="Go through folders.")]
SKIP_EXISTING = Annotated[bool, Option("--skip-existing", help="Leave outputs that exist; continues an interrupted run.")]
JOBS = Annotated[int, Option("-j", "--jobs", least=1, help="Files at a time, each in a process of its own.")]
ENGINE = Annotated[Engine, Option(help="Processes of this machine, or the workers of a Dask cluster.")]
CLUSTER = Annotated[
    str | None,
    Option(metavar="ADDRESS", help="Scheduler of --engine dask; default: a cluster of --jobs workers on this machine."),
]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options of a command on many files."""

    recursive: bool
    skip_existing: bool
    jobs: int
    engine: Engine
    cluster: str | None
    as_json: bool
    verbose: bool

    def everywhere(self, path: Path) -> Path:
        """A path that every worker of a cluster can resolve."""
        return Path(os.path.abspath(path)) if self.engine == Engine.dask else path

    @property
    def given(self) -> list[str]:
        """The given options that need more than one file."""
        options = {
            "--skip-existing": self.skip_existing,
            "--jobs": self.jobs != 1,
            "--engine": self.engine != Engine.local,
            "--cluster": self.cluster is not None,
        }
        return [option for option, is_given in options.items() if is_given]


@dataclass(frozen=True, kw_only=True)
class Task:
    """The work of a command on many files."""

    verb: str  # "compressed"
    endings: Collection[str]  # of the files it takes
    ending: str  # of those it makes
    replaced: Collection[str] = ()  # endings that give way to it; it follows others
    skipped: Collection[str] = ()  # endings of earlier outputs, which are left out where they are named
    work: Work
    force: bool
    hopeless: tuple[type[DlicError], ...] = ()  # errors that every other file would have too

    def output_of(self, source: str) -> str:
        """The output of a file, next to it."""
        return os.path.join(os.path.dirname(source), output_name(os.path.basename(source), self.ending, self.replaced))


@dataclass(frozen=True)
class Plan:
    """The files of a run."""

    pairs: list[Pair]
    folder: Path | None  # that was named, if one was
    out: Path | None  # folder of all outputs; None: next to their inputs
    listing: Listing


def is_one(sources: Sequence[str], wanted: Wanted, refusal: type[DlicError]) -> bool:
    """Whether a single file is meant. Raises for a folder without -r, and for -r without a folder."""
    if len(sources) > 1:
        return False
    (source,) = sources
    if source != streams.STANDARD and os.path.isdir(source):
        if not wanted.recursive:
            raise refusal(f"{streams.shown(source)} is a folder; -r goes through it, and -o names the folder to write into")
        return False
    if wanted.recursive:
        missing = source != streams.STANDARD and not os.path.lexists(source)
        raise DlicError(
            f"{streams.shown(source)} does not exist" if missing else f"-r is for folders, and {streams.shown(source)} is none"
        )
    if wanted.given:
        raise DlicError(f"{wanted.given[0]} is for several files, or for folders with -r")
    return True


def plan_of_folder(source: str, output: str | None, task: Task, wanted: Wanted) -> Plan:
    if output is None or output == streams.STANDARD:
        raise DlicError("a folder needs -o, the folder to write into")
    folder, out = wanted.everywhere(Path(source)), wanted.everywhere(_checked_out(output))
    if out.exists() and os.path.samefile(folder, out):
        raise DlicError(f"{streams.shown(output)} is the input folder itself; -o names another one")
    listing = find(folder, task.endings, out)
    if not listing.files and not listing.closed:
        raise UnreadableImageError(
            f"{streams.shown(folder)} holds no file to be {task.verb} (looked for {', '.join(sorted(task.endings))})"
        )
    return Plan(mirror(listing, folder, out, task.ending, task.replaced), folder, out, listing)


def _checked_out(output: str) -> Path:
    out = Path(output)
    if os.path.lexists(out) and not out.is_dir():
        raise DlicError(f"{streams.shown(output)} is a file; for several inputs, -o names a folder")
    return out


def plan_of_names(sources: Sequence[str], output: str | None, task: Task, wanted: Wanted) -> Plan:
    """Files that were named, and the files below folders that were named with -r; the latter go below a folder of their name."""
    if output == streams.STANDARD or streams.STANDARD in sources:
        raise DlicError("- takes the place of one file, not of several")
    out = None if output is None else wanted.everywhere(_checked_out(output))
    pairs, listings = list[Pair](), [Listing()]
    for source in dict.fromkeys(wanted.everywhere(Path(name)) for name in sources):
        if not source.is_dir():
            pairs += _named(source, out, task)
        elif not wanted.recursive:
            streams.note(f"{source} is a folder and left out; -r goes through it")
        elif out is None:
            raise DlicError("a folder needs -o, the folder to write into")
        else:
            listings.append(find(source, task.endings, out))
            pairs += mirror(listings[-1], source, out / source.name, task.ending, task.replaced)
    if not pairs:
        raise UnreadableImageError(f"none of the {len(sources)} inputs is a file to be {task.verb}")
    return Plan(apart(pairs, task.ending), None, out, sum(listings[1:], listings[0]))


def _named(source: Path, out: Path | None, task: Task) -> list[Pair]:
    """A file that was named one by one, unless it is an earlier output."""
    if source.suffix.lower() in task.skipped or (task.skipped and is_earlier_output(source)):
        streams.note(f"{source} is an output of dlic and left out")
        return []
    target = Path(task.output_of(str(source)))
    return [Pair(source, out / target.name if out else target, size_of(source))]
