"""Table rows of every model in NumPy only: this part of decoding must be the same on all machines and runtimes."""

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from dlic.runtime.exact import Affine, affine
from dlic.runtime.network import TableRows
from dlic.runtime.rows.factorized import factorized_rows
from dlic.runtime.rows.light import light_rows
from dlic.runtime.rows.mean_scale import mean_scale_rows, scale_hyperprior_rows

Maker = Callable[[Mapping[str, Any], Mapping[str, NDArray[Any]], Affine], TableRows]

ROWS_OF: dict[str, Maker] = {
    "factorized": factorized_rows,
    "hyperprior": scale_hyperprior_rows,
    "mean_scale": mean_scale_rows,
    "light": light_rows,
    "inter": light_rows,  # of the residual's z; no prediction takes part
}


def table_rows(name: str, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], affine: Affine = affine) -> TableRows:
    """The rows object of the model `name`.

    Args:
        name: a key of `ROWS_OF`.
        config: of the checkpoint's manifest.
        arrays: of the checkpoint.
        affine: the function for whole numbers; a runtime may pass a faster one than NumPy's.

    Raises KeyError and ValueError where they do not fit each other.
    """
    return ROWS_OF[name](config, arrays, affine)
