"""MIME type, previews and an opener of .dlic files for freedesktop desktops, installed into a folder of shared data.

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
MIME, THUMBNAILER, OPENER = "mime/packages/dlic.xml", "thumbnailers/dlic.thumbnailer", "applications/dlic.desktop"
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
    program = _program()
    contents = {
        data / MIME: (SHIPPED / "dlic.xml").read_bytes(),
        data / THUMBNAILER: _calling(program, "dlic.thumbnailer"),
        data / OPENER: _calling(program, "dlic.desktop"),
    }
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
    removed = [path for path in (data / MIME, data / THUMBNAILER, data / OPENER) if _is_ours(path)]
    for path in removed:
        try:
            path.unlink()
        except OSError as error:
            raise DlicError(f"cannot remove {path}: {error.strerror}") from error
    return removed


DATABASES = {  # program → folder that it is called with, and the effect of the call
    "update-mime-database": ("mime", "the MIME type counts"),
    "update-desktop-database": ("applications", "the opener counts"),
}


def update_databases(data: Path) -> list[str]:
    """Rebuilds the databases of MIME types and of openers; returns a sentence for each that failed."""
    return [sentence for program in DATABASES if (sentence := _update(program, data))]


def _update(name: str, data: Path) -> str | None:
    folder, effect = DATABASES[name]
    program = shutil.which(name)
    if program is None:
        return f"{name} is not installed; {effect} when it has been run"
    try:
        done = subprocess.run([program, data / folder], capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{name} failed: {error}"
    return f"{name} failed: {done.stderr.strip()}" if done.returncode else None


def _is_ours(path: Path) -> bool:
    try:
        return not path.is_symlink() and MARK in path.read_bytes()
    except OSError:
        return False


def _program() -> str:
    """The `dlic` of this Python, because desktops seldom have virtual environments on their PATH."""
    folders = [sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    return shutil.which("dlic", path=os.pathsep.join(folders)) or "dlic"


def _calling(program: str, shipped: str) -> bytes:
    """A shipped entry, calling a program by its path."""
    entry = (SHIPPED / shipped).read_text(encoding="utf-8")
    entry = entry.replace("TryExec=dlic", "TryExec=" + program.replace("\\", r"\\"))
    return entry.replace("\nExec=dlic", "\nExec=" + _quoted(program)).encode()


def _quoted(program: str) -> str:
    """As the Desktop Entry Specification wants an executable: in quotes, its escapes escaped once more, per cent signs doubled."""
    if re.fullmatch(r"[\w./+-]+", program):
        return program
    escaped = re.sub(r'(["`$\\])', r"\\\1", program)
    return '"' + escaped.replace("\\", "\\\\").replace("%", "%%") + '"'
