"""MIME type and previews of .dlic files for freedesktop desktops, installed into a folder of shared data.

The file dlic.magic next to this module describes them for file(1): pass its path to file -m.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from dlic.errors import DlicError
from dlic.storage.files import written_whole

SHIPPED = Path(__file__).parent
MAGIC_FILE = SHIPPED / "dlic.magic"
MIME, THUMBNAILER = "mime/packages/dlic.xml", "thumbnailers/dlic.thumbnailer"  # in a folder of shared data
MARK = b"Written by dlic desktop install"
PATIENCE = 120.0  # seconds for a database of every MIME type there is


def data_folder(prefix: Path | None = None) -> Path:
    """The folder of shared data below a prefix such as /usr/local; without one, the person's own."""
    if prefix is not None:
        return prefix / "share"
    if sys.platform in ("win32", "darwin"):
        raise DlicError("desktops of this system do not read freedesktop files; --prefix writes them for another")
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    return named if named.is_absolute() else Path.home() / ".local" / "share"  # as the specification has it


def install(data: Path) -> list[Path]:
    """Write the files below a folder of shared data, all or none; returns where they are.

    Raises DlicError where one is in the way that dlic did not write, or the folder cannot be written.
    """
    contents = {data / MIME: (SHIPPED / "dlic.xml").read_bytes(), data / THUMBNAILER: _thumbnailer(_program())}
    for path in contents:
        if os.path.lexists(path) and not _is_ours(path):
            raise DlicError(f"{path} was not written by dlic, and stays; remove it to install dlic's own")
    for path, content in contents.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DlicError(f"cannot write {path}: {error.strerror}") from error
        with written_whole(path, overwrite=True) as file:
            file.write(content)
    return list(contents)


def uninstall(data: Path) -> list[Path]:
    """Remove the files that `install` wrote, and return those that were there. Other files stay."""
    removed = [path for path in (data / MIME, data / THUMBNAILER) if _is_ours(path)]
    for path in removed:
        try:
            path.unlink()
        except OSError as error:
            raise DlicError(f"cannot remove {path}: {error.strerror}") from error
    return removed


def update_mime_database(data: Path) -> str | None:
    """Rebuild the MIME database; returns the reason where that failed."""
    program = shutil.which("update-mime-database")
    if program is None:
        return "update-mime-database is not installed; the MIME type counts when it has been run"
    try:
        done = subprocess.run([program, data / "mime"], capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"update-mime-database failed: {error}"
    return f"update-mime-database failed: {done.stderr.strip()}" if done.returncode else None


def _is_ours(path: Path) -> bool:
    try:
        return not path.is_symlink() and MARK in path.read_bytes()
    except OSError:
        return False


def _program() -> str:
    """The `dlic` of this Python, because desktops seldom have virtual environments on their PATH."""
    folders = [sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    return shutil.which("dlic", path=os.pathsep.join(folders)) or "dlic"


def _thumbnailer(program: str) -> bytes:
    """The shipped entry, calling a program by its path."""
    entry = (SHIPPED / "dlic.thumbnailer").read_text(encoding="utf-8")
    entry = entry.replace("TryExec=dlic", "TryExec=" + program.replace("\\", r"\\"))
    return entry.replace("\nExec=dlic", "\nExec=" + _quoted(program)).encode()


def _quoted(program: str) -> str:
    """As the Desktop Entry Specification wants an executable: in quotes, its escapes escaped once more, per cent signs doubled."""
    if re.fullmatch(r"[\w./+-]+", program):
        return program
    escaped = re.sub(r'(["`$\\])', r"\\\1", program)
    return '"' + escaped.replace("\\", "\\\\").replace("%", "%%") + '"'
