"""Work for two references at a time: the first on the calling thread, the second on the process's side thread."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from dlic.runtime import threads

Item = TypeVar("Item")
Result = TypeVar("Result")


def for_each(items: Sequence[Item], function: Callable[[Item], Result]) -> list[Result]:
    """The results for one item or two. Not called on the side thread, which would wait for itself."""
    if len(items) < 2 or threads.cores() < 2:
        return [function(item) for item in items]
    others = [threads.side().submit(function, item) for item in items[1:]]
    return [function(items[0]), *(other.result() for other in others)]
