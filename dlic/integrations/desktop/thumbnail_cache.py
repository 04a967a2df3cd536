"""Thumbnails of many files made at once, where file managers look for them: the freedesktop thumbnail cache.

A file manager starts a process for each file without a thumbnail; here one process with one loaded network makes all of them.
"""

import os
from collections.abc import Iterator, Sequence
from hashlib import md5
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dlic.errors import CorruptFileError, DlicError
from dlic.formats.registry import describe
from dlic.formats.thumbnails import GAP, small_picture
from dlic.storage.files import read_whole, written_whole

SIZES = {"normal": 128, "large": 256}  # folders of the specification, and pixels a side


def cache_folder() -> Path:
    """The folder of this person's thumbnails."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "thumbnails"


def fill(files: Sequence[Path], cache: Path | None = None) -> Iterator[tuple[Path, DlicError | None]]:
    """Makes the thumbnails that are missing or older than their files; yields every file, with the error where it has none."""
    for file in files:
        try:
            _make(file, cache or cache_folder())
            yield file, None
        except DlicError as error:
            yield file, error


def place(file: Path, cache: Path, size: str) -> Path:
    """Where the thumbnail of a file belongs."""
    return cache / size / f"{md5(_uri(file).encode(), usedforsecurity=False).hexdigest()}.png"


def _uri(file: Path) -> str:
    return Path(os.path.abspath(file)).as_uri()


def _make(file: Path, cache: Path) -> None:
    data = read_whole(file, CorruptFileError)
    status = file.stat()
    facts = {"Thumb::URI": _uri(file), "Thumb::MTime": str(int(status.st_mtime)), "Thumb::Size": str(status.st_size)}
    missing = [size for size in SIZES if not _is_there(place(file, cache, size), facts)]
    if not missing:
        return
    pixels = small_picture(describe(data), max(SIZES[size] for size in missing))
    for size in missing:
        _write(place(file, cache, size), pixels, SIZES[size], facts)


def _is_there(path: Path, facts: dict[str, str]) -> bool:
    try:
        with Image.open(path) as image:
            return all(image.info.get(keyword) == text for keyword, text in facts.items())
    except OSError:
        return False


def _write(path: Path, pixels: np.ndarray, side: int, facts: dict[str, str]) -> None:
    image, info = Image.fromarray(pixels), PngInfo()
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=GAP)
    for keyword, text in facts.items():
        info.add_text(keyword, text)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DlicError(f"cannot write {path.parent}: {error.strerror}") from error
    with written_whole(path, overwrite=True) as file:
        image.save(file, "PNG", pnginfo=info)
    path.chmod(0o600)  # as the specification has it: pictures may be private
