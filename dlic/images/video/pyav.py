"""PyAV, which reads and writes video files: the extra `video`, loaded when it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from dlic.errors import DlicError, UnreadableImageError

MISSING = "video files need PyAV; pip install 'dlic[video]' installs it (its wheels are under the GPL)"


def load() -> ModuleType:
    """The module `av`. Raises DlicError where it is not installed."""
    try:
        import av
    except ImportError as error:
        raise DlicError(MISSING) from error
    return av


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turns PyAV's errors on a file into UnreadableImageError; only calls of PyAV belong into the block."""
    av = load()
    try:
        yield
    except (av.error.FFmpegError, EOFError, ValueError, MemoryError, UnicodeDecodeError) as error:
        raise UnreadableImageError(f"{name} is not a video that PyAV can read: {_reason(error)}") from error


@contextmanager
def writing(name: str) -> Iterator[None]:
    """Turns PyAV's errors on an output into DlicError."""
    av = load()
    try:
        yield
    except (av.error.FFmpegError, ValueError) as error:
        raise DlicError(f"{name} cannot be written as video: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
