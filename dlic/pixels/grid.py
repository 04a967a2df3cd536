"""The grid of tiles that a big picture is cut into."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product

from dlic.pixels.rectangles import Rectangle


@dataclass(frozen=True)
class Grid:
    """Tiles of a picture: as even as borders at multiples of `unit` allow, without slivers.

    Tiles are about `side` × `side`, from three quarters to one and a half of it where there are several, give or take a unit.
    """

    width: int
    height: int
    side: int
    unit: int

    def __len__(self) -> int:
        return self.columns * self.rows

    @property
    def columns(self) -> int:
        return _parts(self.width, self.side)

    @property
    def rows(self) -> int:
        return _parts(self.height, self.side)

    @property
    def whole(self) -> Rectangle:
        """The picture."""
        return Rectangle(0, 0, self.width, self.height)

    @cached_property
    def tiles(self) -> list[Rectangle]:
        """Row by row."""
        spans = product(pairwise(self._tops), pairwise(self._lefts))
        return [Rectangle.between(left, top, right, bottom) for (top, bottom), (left, right) in spans]

    def meeting(self, part: Rectangle) -> list[int]:
        """The tiles that overlap a part, in order."""
        columns = _met(self._lefts, part.x, part.right)
        rows = _met(self._tops, part.y, part.bottom)
        return [row * self.columns + column for row, column in product(rows, columns)]

    @cached_property
    def _lefts(self) -> list[int]:
        return _borders(self.width, self.columns, self.unit)

    @cached_property
    def _tops(self) -> list[int]:
        return _borders(self.height, self.rows, self.unit)


def _parts(length: int, side: int) -> int:
    """The nearest whole number to length / side, but for zero."""
    return max(1, (2 * length + side) // (2 * side))


def _borders(length: int, parts: int, unit: int) -> list[int]:
    units = -(-length // unit)
    return [i * units // parts * unit for i in range(parts)] + [length]


def _met(borders: list[int], begin: int, end: int) -> range:
    """The parts between borders that overlap begin … end."""
    return range(bisect_right(borders, begin) - 1, bisect_left(borders, end))
