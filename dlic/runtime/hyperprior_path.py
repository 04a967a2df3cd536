"""The path of symbols through a hyperprior, for all models: first z, then y, with rows that depend on z."""

from typing import TYPE_CHECKING

from dlic.entropy.parts import Part, Path

if TYPE_CHECKING:
    from dlic.runtime.network import TableRows


def z_then_y(rows: "TableRows", size: tuple[int, int], level: int) -> Path:
    """The parts z and y, for a y of `size` (h, w). Without a hyperprior z is empty."""
    z = yield Part("z", rows.hyper_rows(size, level))
    yield Part("y", rows.rows(z, size, level), rows.steps(size))
