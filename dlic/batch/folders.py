"""Folders of files: listing one, mapping its files to another, and the result of each file."""

import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from dlic.errors import DlicError, ExistsError
from dlic.storage.files import cannot_write

EARLIER = re.compile(r"(.+\.dlic)\.\w+", re.DOTALL)  # photo.dlic.png: what `dlic decompress` makes of photo.dlic
COMPANION = "._"  # on other file systems macOS stores the attributes of IMG.jpg in ._IMG.jpg, which is no image


@dataclass(frozen=True)
class Pair:
    """An input file and its output file."""

    source: Path
    target: Path
    size: int = 0  # bytes of the source, a rough measure of its work


@dataclass(frozen=True)
class Done:
    """A written file, with its report."""

    output: str
    figures: dict[str, Any] = field(default_factory=dict)  # for --json
    line: str = ""  # for a person
    detail: str = ""  # further figures, for a person who asks for them
    notes: tuple[str, ...] = ()  # one clause for each loss: "transparency is dropped"


class Work(Protocol):
    """An operation on one file; it can be pickled."""

    def outputs(self, target: Path) -> tuple[Path, ...]:
        """The paths of which the work writes one for `target`."""

    def file(self, source: str, target: str) -> Done:
        """Converts one file to another. Raises DlicError; `target` is whole or absent in any case."""


@dataclass(frozen=True)
class Result:
    """The result of a file: written, failed, or skipped where both fields are None."""

    pair: Pair
    done: Done | None = None
    error: DlicError | None = None

    @property
    def status(self) -> str:
        return "written" if self.done else "failed" if self.error else "skipped"


def result_of(work: Work, pair: Pair) -> Result:
    """Does the work on one file. Errors become part of the result, so the other files are processed."""
    try:
        make_folder(pair.target.parent)
        return Result(pair, work.file(str(pair.source), str(pair.target)))
    except ExistsError:  # it was absent before the work began; another run, or a worker that died, has written it since
        return Result(pair)
    except DlicError as error:
        return Result(pair, error=error)
    except MemoryError:
        return Result(pair, error=DlicError(f"{pair.source} does not fit into memory"))
    except Exception as error:  # a bug of dlic, which must not stop the rest of the folder
        return Result(pair, error=DlicError(f"{pair.source}: unexpected {type(error).__name__}: {error}"))


def make_folder(folder: Path) -> None:
    """Creates a folder with its parents, if missing. Raises DlicError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


# --- listing ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listing:
    """The content of a folder, as paths relative to it."""

    files: tuple[tuple[str, int], ...] = ()  # matching files with their bytes, in a fixed order
    others: int = 0  # number of other files
    links: int = 0  # number of links to folders, which are not followed: they may form cycles or duplicate files
    closed: tuple[tuple[str, str], ...] = ()  # folders that could not be listed, and why
    earlier: int = 0  # number of pictures that dlic has decompressed, next to their .dlic files

    def __add__(self, other: "Listing") -> "Listing":
        return Listing(
            files=self.files + other.files,
            others=self.others + other.others,
            links=self.links + other.links,
            closed=self.closed + other.closed,
            earlier=self.earlier + other.earlier,
        )


def find(folder: Path, endings: Collection[str], apart: Path) -> Listing:
    """Every file below `folder` with one of `endings`, in either case. Leaves out the folder `apart`."""
    files: list[tuple[str, int]] = []
    closed: list[tuple[str, str]] = []
    other_files = links = earlier = 0
    for path, kind in _walk(folder, apart, closed):
        name = os.path.basename(path)
        if kind == "link":
            links += 1
        elif kind == "file" and os.path.splitext(name)[1].lower() in endings and not name.startswith(COMPANION):
            if is_earlier_output(folder / path):
                earlier += 1
            else:
                files.append((path, size_of(folder / path)))
        else:
            other_files += 1
    return Listing(files=tuple(files), others=other_files, earlier=earlier, links=links, closed=tuple(closed))


def is_earlier_output(path: Path) -> bool:
    """Whether a picture is what dlic has decompressed from the .dlic file next to it."""
    match = EARLIER.fullmatch(path.name)
    return match is not None and path.with_name(match[1]).exists()


def _walk(top: Path, apart: Path, closed: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """(path below `top`, "file", "link" to a folder or "other") for everything but folders; those that stay closed are noted."""
    folders = [""]
    while folders:
        below = folders.pop()
        try:
            with os.scandir(top / below) as listing:
                entries = [
                    (os.path.join(below, entry.name), entry, _kind(entry)) for entry in sorted(listing, key=lambda e: e.name)
                ]
        except OSError as error:
            closed.append((below or ".", error.strerror or str(error)))
            continue
        yield from ((path, kind) for path, _, kind in entries if kind != "folder")
        deeper = [path for path, entry, kind in entries if kind == "folder" and not _is_same(entry.path, apart)]
        folders += reversed(deeper)


def _is_same(folder: str, path: Path) -> bool:
    return path.exists() and os.path.samefile(folder, path)


def _kind(entry: os.DirEntry) -> str:
    try:
        mode = os.stat(entry.path).st_mode
    except OSError:
        return "file"  # a broken link or no permission: reading it gives the reason
    if stat.S_ISDIR(mode):
        return "link" if entry.is_symlink() else "folder"
    return "file" if stat.S_ISREG(mode) else "other"  # reading a pipe would wait for ever


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


# --- targets ------------------------------------------------------------------------------------------------------------


def output_name(name: str, ending: str, replaced: Collection[str]) -> str:
    """photo.jpg → photo.dlic, where .jpg is one of `replaced`; photo.dlic → photo.dlic.png, where none is."""
    stem, own = os.path.splitext(name)
    return (stem if own.lower() in replaced else name) + ending


def mirror(listing: Listing, folder: Path, out: Path, ending: str, replaced: Collection[str] = ()) -> list[Pair]:
    """Each file of a folder with its place in `out`, by the same path and `output_name`: a/b.jpg → a/b.dlic."""
    pairs = [
        Pair(folder / path, out / os.path.dirname(path) / output_name(os.path.basename(path), ending, replaced), size)
        for path, size in listing.files
    ]
    return apart(pairs, ending)


def apart(pairs: Sequence[Pair], ending: str) -> list[Pair]:
    """The same pairs; those that have one target get the whole names of their sources: b.jpg → b.jpg.dlic, b.png → b.png.dlic."""
    chosen = list(pairs)
    while True:
        count = Counter(_folded(str(pair.target)) for pair in chosen)
        whole = [pair.target.with_name(pair.source.name + ending) for pair in chosen]
        meet = [count[_folded(str(pair.target))] > 1 and pair.target != target for pair, target in zip(chosen, whole, strict=True)]
        if not any(meet):
            return chosen
        chosen = [replace(pair, target=target) if met else pair for pair, target, met in zip(chosen, whole, meet, strict=True)]


def check_targets(pairs: Sequence[Pair], work: Work, out: Path) -> None:
    """Raises DlicError where two inputs have the same output, or an output is one of the inputs. `out` must exist."""
    _refuse_meeting(pairs, out)
    sources = {identity: pair.source for pair in pairs if (identity := _identity(pair.source))}
    for pair in pairs:
        for target in work.outputs(pair.target):
            identity = _identity(target)
            if identity and identity in sources:
                raise DlicError(
                    f"{target}, which would be written, is the input {sources[identity]} itself; -o names another folder"
                )


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode, which two paths to one file share; None where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _refuse_meeting(pairs: Sequence[Pair], out: Path) -> None:
    """Names that differ in case or in the way accents are written are one name on some file systems."""
    pairs_by_name: dict[str, Pair] = {}
    for pair in pairs:
        first = pairs_by_name.setdefault(_folded(str(pair.target)), pair)
        if first is not pair and first.target == pair.target:
            raise DlicError(f"{first.source} and {pair.source} would both become {pair.target}")
        if first is not pair and folds_names(out):
            raise DlicError(f"{first.source} and {pair.source} would both become {pair.target}, where such names are the same")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def folds_names(folder: Path) -> bool:
    """Whether a file system treats two spellings of a name as the same."""
    import tempfile

    try:
        with tempfile.NamedTemporaryFile(prefix=".dlic-\u00e9-", suffix=".part", dir=folder) as file:
            name = Path(file.name).name
            spellings = (name.upper(), unicodedata.normalize("NFD", name))
            return any((folder / spelling).exists() for spelling in spellings)
    except OSError as error:
        raise cannot_write(folder, error) from error


def existing(pairs: Iterable[Pair], work: Work) -> dict[Pair, Path]:
    """The pairs of which an output exists, and that output."""
    outputs: dict[Pair, Path] = {}
    for pair in pairs:
        for target in work.outputs(pair.target):
            if os.path.lexists(target):
                outputs.setdefault(pair, target)
    return outputs
