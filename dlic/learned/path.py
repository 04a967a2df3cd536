"""The path of a picture's symbols: the parts of a hyperprior, stated once for encoders, decoders and verifiers."""

from dlic.entropy.parts import Part, Path
from dlic.runtime.network import TableRows


def path_of(rows: TableRows, size: tuple[int, int], level: int) -> Path:
    """z, then y, whose rows depend on z; `size` is the height and width of y. Without a hyperprior the part z is empty."""
    z = yield Part("z", rows.hyper_rows(size, level))
    yield Part("y", rows.rows(z, size, level), rows.steps(size))
