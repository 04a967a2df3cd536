"""Progress callbacks: the share of the work done, 0 … 1."""

from collections.abc import Callable

Progress = Callable[[float], None]  # called with a share that rises to 1


def no_progress(share: float) -> None:
    """The callback that does nothing."""
