"""Replaces the contents of a file; its owner, rights, extended attributes and hard links stay."""

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

NO_FALLOCATE = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}  # file systems that cannot reserve room


def replace(new: Path, old: Path) -> None:
    """Puts the contents of the file `new` in the place of the file `old`, which keeps its owner, rights and extended attributes.

    Renaming is atomic. Where it would cut a hard link, or where `new` cannot be given the owner and attributes of `old`, the
    contents are copied into `old` instead, if it may be written. A machine that stops in that moment leaves part of them.
    Afterwards `new` may still exist. Raises OSError.
    """
    state = old.stat()
    if (state.st_nlink > 1 or not _taken_over(new, old, state)) and os.access(old, os.W_OK):
        _copied_into(new, old)
    else:
        os.replace(new, old)


def _taken_over(new: Path, old: Path, state: os.stat_result) -> bool:
    """Gives `new` the owner, rights and attributes of `old`. False where the system refuses a part of them."""
    kept = _owned(new, state) & _with_attributes(new, old)
    with suppress(OSError):
        os.chmod(new, stat.S_IMODE(state.st_mode))  # after the owner: a change of owner clears bits of the rights
    return kept


def _owned(new: Path, state: os.stat_result) -> bool:
    if not hasattr(os, "chown"):
        return True  # Windows
    own = new.stat()
    if (own.st_uid, own.st_gid) == (state.st_uid, state.st_gid):
        return True
    try:
        os.chown(new, state.st_uid, state.st_gid)
    except OSError:
        return False
    return True


def _with_attributes(new: Path, old: Path) -> bool:
    """Copies extended attributes, access lists among them."""
    if not hasattr(os, "listxattr"):
        return True  # macOS and Windows: Python has no function for them
    try:
        names = os.listxattr(old)
    except OSError:
        return True  # the file system has none
    copied = [_copied_attribute(new, old, name) for name in names]  # each of them, also after one that was refused
    return all(copied)


def _copied_attribute(new: Path, old: Path, name: str) -> bool:
    try:
        value = os.getxattr(old, name)
        with suppress(OSError):
            if os.getxattr(new, name) == value:
                return True  # the label of a security module
        os.setxattr(new, name, value)
    except OSError:
        return False
    return True


def _copied_into(new: Path, old: Path) -> None:
    with open(new, "rb") as source, open(old, "r+b") as target:
        size = os.fstat(source.fileno()).st_size
        _reserve(target.fileno(), size)
        shutil.copyfileobj(source, target)
        target.truncate(size)
        target.flush()
        os.fsync(target.fileno())


def _reserve(descriptor: int, size: int) -> None:
    """Room for `size` bytes, so that a full disk is an error before the old contents are written over."""
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in NO_FALLOCATE:
                raise
