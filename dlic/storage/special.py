"""Outputs that are no regular files: devices, pipes, and open files by their name, such as /dev/stdout. They are written into."""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

OPEN_FILE = re.compile(r"(?:/proc/(?:self|thread-self|(?P<process>\d+))/fd|/dev/fd)/(?P<descriptor>\d+)")
STANDARD_OUTPUT = 1
STANDARD = {"/dev/stdout": STANDARD_OUTPUT, "/dev/stderr": 2}
MOST_LINKS = 40  # as many as Linux follows


def is_special(path: Path) -> bool:
    """Whether to write into `path` instead of replacing it: a device, a pipe, a socket or a file that this process has open, also
    behind symbolic links. A folder is none of them.
    """
    if descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def written_into(path: Path) -> Iterator[BinaryIO]:
    """A temporary file. When the block ends without an error, its contents are written into `path`. Raises OSError."""
    with tempfile.NamedTemporaryFile("w+b", prefix="dlic-") as whole:
        yield whole.file  # type: ignore[misc]  # the stubs type it as IO[bytes]
        whole.flush()
        whole.seek(0)
        with _opened(path) as target:
            shutil.copyfileobj(whole, target)


def _opened(path: Path) -> BinaryIO:
    """An open file is duplicated: opening it by its name would truncate it, or write over the beginning of an appended one."""
    number = descriptor(path)
    return open(path if number is None else os.dup(number), "wb")


def descriptor(path: Path) -> int | None:
    """The descriptor of an open file of this process that `path` names, also behind symbolic links; None for other paths."""
    name = os.path.abspath(path)
    for _ in range(MOST_LINKS):
        if name in STANDARD:
            return STANDARD[name]
        match = OPEN_FILE.fullmatch(name)
        if match and match["process"] in (None, str(os.getpid())):
            return int(match["descriptor"])
        try:
            name = os.path.abspath(os.path.join(os.path.dirname(name), os.readlink(name)))
        except OSError:
            return None  # no link, or another process's file
    return None
