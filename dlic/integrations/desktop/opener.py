"""A double click on a .dlic file: its pixels as a PNG file in the cache folder, shown by the desktop's own viewer."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from dlic.errors import CorruptFileError, DlicError
from dlic.formats.reading import Reading
from dlic.formats.registry import describe
from dlic.images.files import image_bytes
from dlic.storage.files import cache_folder, read_whole, written_whole

FOLDER, KEPT_S = "opened", 7 * 86_400  # of the cache folder, and seconds after which what was opened there is removed


def decoded(source: Path, cache: Path | None = None) -> Path:
    """The PNG file of a .dlic or JPEG file, decoded unless it is there from before. Raises DlicError."""
    data = read_whole(source, CorruptFileError)
    folder = (cache or cache_folder() / FOLDER) / sha256(data).hexdigest()[:16]  # viewers show the name of the file
    target = folder / f"{source.stem}.png"
    if target.exists():
        os.utime(folder)
        return target
    described = describe(data)
    picture = described.kind.read(described, Reading()).picture
    image = image_bytes(picture.pixels, ".png", picture.metadata)
    _discard_old(folder.parent)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DlicError(f"cannot write {folder}: {error.strerror}") from error
    with written_whole(target, overwrite=True) as file:
        file.write(image)
    return target


def show(paths: Sequence[Path]) -> None:
    """Opens files with the programs that the desktop has for them. Raises DlicError where there is none."""
    for path in paths:
        if sys.platform == "win32":
            os.startfile(path)
            continue
        program = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
        if program is None:
            raise DlicError(f"there is no xdg-open to show the picture with; it is at {path}")
        done = subprocess.run([program, path], capture_output=True, text=True)
        if done.returncode:
            raise DlicError(f"no program of this desktop shows {path}: {done.stderr.strip() or program}")


def _discard_old(folder: Path) -> None:
    """Removes what was opened long ago."""
    for path in folder.glob("*") if folder.is_dir() else ():
        if time.time() - path.stat().st_mtime > KEPT_S:
            shutil.rmtree(path, ignore_errors=True)
