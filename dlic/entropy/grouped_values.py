"""Values that were stored group after group, taken in the order of the data."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.errors import CorruptFileError


class GroupedValues:
    """Takes the next values of groups. Base of the decoders of residuals."""

    def __init__(self, values: NDArray[np.int32], counts: NDArray[Any]):
        """`values` (N,) group after group, `counts` (G,) of each."""
        self._values = values
        self._ends = np.cumsum(counts)
        self._next = self._ends - counts

    def pull(self, groups: NDArray[Any]) -> NDArray[Any]:
        """The next values, for groups (N,) uint8: int32 (N,). A damaged stream gives wrong values; see `finish`."""
        order = np.argsort(groups, kind="stable")
        counts = np.bincount(groups, minlength=len(self._next))
        index = np.arange(len(groups))
        index += np.repeat(self._next - counts.cumsum() + counts, counts)
        self._next += counts
        values = np.empty(len(groups), np.int32)
        values[order] = self._values.take(index, mode="clip")
        return values

    def finish(self) -> None:
        """Raises CorruptFileError unless every group is used up exactly."""
        if (self._next != self._ends).any():
            raise CorruptFileError("the coded picture is damaged: its residuals do not fit their contexts")
