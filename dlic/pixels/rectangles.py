"""Rectangles in a picture."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass

from dlic.errors import DlicError


@dataclass(frozen=True)
class Rectangle:
    """A rectangle of pixels or latents in a picture: x from the left and y from the top, as in `--crop`."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    @classmethod
    def asked_for(cls, numbers: Iterable[int], width: int, height: int) -> "Rectangle":
        """Checks x, y, width and height against a picture of `width` × `height`. Raises DlicError for anything outside."""
        rectangle = cls._of(numbers)
        if (
            min(rectangle.x, rectangle.y) < 0
            or min(rectangle.width, rectangle.height) < 1
            or rectangle.right > width
            or rectangle.bottom > height
        ):
            raise DlicError(f"the crop {rectangle} does not lie inside the picture's {width} × {height} pixels")
        return rectangle

    @classmethod
    def _of(cls, numbers: Iterable[int]) -> "Rectangle":
        """The rectangle of four whole numbers of any integer type, NumPy's among them. Raises DlicError for anything else."""
        try:
            numbers = tuple(numbers)
            x, y, width, height = (operator.index(number) for number in numbers if not isinstance(number, bool))
        except (TypeError, ValueError) as error:
            raise DlicError(f"a crop is four whole numbers, x, y, width and height, not {numbers!r}") from error
        return cls(x, y, width, height)

    @property
    def right(self) -> int:
        """The first column beyond it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row beyond it."""
        return self.y + self.height

    def within(self, outer: "Rectangle") -> tuple[slice, slice]:
        """Slices of an array (H, W, …) of `outer`."""
        return slice(self.y - outer.y, self.bottom - outer.y), slice(self.x - outer.x, self.right - outer.x)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Slices of an array (H, W, …) of the picture."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def grown(self, by: int, outer: "Rectangle") -> "Rectangle":
        """The rectangle grown by `by` on all sides, cut to `outer`."""
        return Rectangle.between(self.x - by, self.y - by, self.right + by, self.bottom + by).overlap(outer)

    def overlap(self, other: "Rectangle") -> "Rectangle":
        """The intersection; its width or height is not positive where it is empty."""
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Rectangle.between(max(self.x, other.x), max(self.y, other.y), right, bottom)

    def in_steps(self, stride: int) -> "Rectangle":
        """The rectangle in units of `stride` × `stride`, including partly covered units."""
        return Rectangle.between(self.x // stride, self.y // stride, -(-self.right // stride), -(-self.bottom // stride))

    @classmethod
    def between(cls, left: int, top: int, right: int, bottom: int) -> "Rectangle":
        """The rectangle between four borders."""
        return cls(left, top, right - left, bottom - top)
