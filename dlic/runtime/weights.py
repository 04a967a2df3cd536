"""Names of the arrays of a checkpoint: trained weights, and the whole numbers that parsing depends on."""

from collections.abc import Mapping
from typing import TypeVar

WHOLE_NUMBERS = "deployed."  # name prefix of whole numbers, which are computed once from the trained weights

Array = TypeVar("Array")


def under(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays under a prefix, named without it."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def trained_weights(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The weights of a checkpoint for `Model.load_state_dict`."""
    return {name: value for name, value in arrays.items() if not name.startswith(WHOLE_NUMBERS)}


def whole_numbers(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The whole numbers of a checkpoint, named without their prefix."""
    return under(WHOLE_NUMBERS, arrays)
