"""`dlic verify`: everything in files checked, and compared with their originals."""

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from dlic.cli import streams
from dlic.cli.parameters import Argument, Option
from dlic.cli.plan import JOBS, RECURSIVE
from dlic.errors import CorruptFileError, DlicError, SomeFailedError, VerificationError
from dlic.formats.checking import Checked, check
from dlic.formats.reading import Reading
from dlic.images.files import MAX_PIXELS


def verify(
    sources: Annotated[list[str], Argument("FILE…", ".dlic or JPEG files, or folders with -r; - reads standard input.")],
    against: Annotated[
        Path | None, Option(metavar="ORIGINAL", help="Image file to compare with, or a folder of them by the files' names.")
    ] = None,
    model: Annotated[str | None, Option(help="Name of the file's checkpoint; compressai:… files need it.")] = None,
    weights: Annotated[Path | None, Option(help="Folder of the file's checkpoint.")] = None,
    recursive: RECURSIVE = False,
    jobs: JOBS = 1,
    as_json: Annotated[bool, Option("--json", help="Print as JSON, a line a file.")] = False,
    max_pixels: Annotated[int, Option(help="Refuse larger pictures.")] = MAX_PIXELS,
) -> None:
    """Check files: every checksum and chunk, every coded symbol, and that the picture decodes.

    With --against the decoded picture is compared with its original. Lossless files must be equal to it, and to the hash that dlic
    compress --source-hash stored; of others PSNR and SSIMULACRA 2 are printed. Exit codes: 0 all are intact, 2 a file is damaged,
    3 its checkpoint is missing, 4 it is another picture.
    """
    from dlic.batch import processes

    work = partial(_checked, Reading(max_pixels=max_pixels, model=model, weights=weights), against)
    files = _files(streams.sources_of(sources), recursive)
    failures: list[DlicError] = []
    for result in processes.results(work, files, jobs, _killed):
        if result.error:
            failures.append(result.error)
        if as_json:
            streams.say(json.dumps(result.figures))
        elif result.error and len(files) == 1:
            raise type(result.error)(result.line)
        else:
            streams.say(streams.shown(result.line), error=bool(result.error))
    if len(files) > 1 and not as_json:
        streams.say(f"{len(files) - len(failures):,} intact" + f", {len(failures):,} failed" * bool(failures))
    if failures:
        raise SomeFailedError.of(failures, len(files))


@dataclass(frozen=True)
class Result:
    """A file that was checked."""

    name: str
    checked: Checked | None = None
    error: DlicError | None = None

    @property
    def line(self) -> str:
        if self.checked is None:
            return f"{self.name}: {streams.without_name(self.error, self.name) if self.error else ''}"
        return f"{self.name}: intact{self.checked.said}"

    @property
    def figures(self) -> dict[str, object]:
        """For --json."""
        if self.checked is None:
            return {"file": self.name, "status": "failed", "error": str(self.error)}
        return {"file": self.name, "status": "intact", **asdict(self.checked)}


def _checked(reading: Reading, against: Path | None, name: str) -> Result:
    try:
        original = None if against is None else _original(against, name)
        return Result(name, checked=check(streams.read_bytes(name), reading, original))
    except DlicError as error:
        return Result(name, error=error)
    except MemoryError:
        return Result(name, error=CorruptFileError("it does not fit into memory"))


def _killed(name: str, times: int) -> Result:
    from dlic.batch.processes import killed_error

    return Result(name, error=killed_error(name, times))


def _files(sources: list[str], recursive: bool) -> list[str]:
    """The files that were named, and those below the folders. Raises DlicError."""
    from dlic.batch.folders import find
    from dlic.formats.registry import ENDINGS

    files: list[str] = []
    for source in dict.fromkeys(sources):
        if source == streams.STANDARD or not Path(source).is_dir():
            files.append(source)
        elif not recursive:
            raise CorruptFileError(f"{streams.shown(source)} is a folder; -r goes through it")
        else:
            listing = find(Path(source), ENDINGS, Path(source, "\0"))
            files += [str(Path(source, path)) for path, _ in listing.files]
            for path, reason in listing.closed:
                raise CorruptFileError(f"{streams.shown(Path(source, path))} cannot be listed: {reason}")
    if not files:
        raise CorruptFileError(f"{', '.join(map(streams.shown, sources))} holds no file to be verified")
    return files


def _original(against: Path, name: str) -> Path:
    """The original of a file: `against`, or the image of its name in that folder. Raises VerificationError without just one."""
    from dlic.images.files import EXTENSIONS

    if not against.is_dir():
        return against
    stem = Path(name).name.removesuffix(".dlic").removesuffix(".jpg")
    found = [path for path in sorted(against.iterdir()) if path.suffix.lower() in EXTENSIONS and stem in (path.stem, path.name)]
    if len(found) != 1:
        raise VerificationError(f"{against} has {len(found) or 'no'} image{'s' * (len(found) != 1)} of the name {stem}")
    return found[0]
