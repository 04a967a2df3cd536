"""How long work tells that it goes on."""

from collections.abc import Callable

Progress = Callable[[float], None]  # told the share of the work that is done, rising to 1


def no_progress(share: float) -> None:
    """Nobody is watching."""
