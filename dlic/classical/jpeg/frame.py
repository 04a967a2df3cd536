"""The frame header of a JPEG: size, components, and positions of their blocks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Component:
    """One plane: gray, Y, Cb or Cr."""

    identifier: int
    vertical: int  # sampling factors 1 … 4, relative to the frame's largest
    horizontal: int
    table: int  # which quantisation table, 0 … 3


@dataclass(frozen=True)
class Frame:
    """Size in pixels, and the planes. Blocks of all components are numbered together: component by component, row by row."""

    height: int
    width: int
    components: tuple[Component, ...]
    progressive: bool = False

    @cached_property
    def factors(self) -> tuple[int, int]:
        """The largest sampling factors, (vertical, horizontal)."""
        return max(c.vertical for c in self.components), max(c.horizontal for c in self.components)

    @cached_property
    def units(self) -> tuple[int, int]:
        """Rows and columns of minimum coded units, which contain whole blocks of every component."""
        vertical, horizontal = self.factors
        return -(-self.height // (8 * vertical)), -(-self.width // (8 * horizontal))

    def plane_size(self, index: int) -> tuple[int, int]:
        """Samples of a component, (height, width)."""
        component, (vertical, horizontal) = self.components[index], self.factors
        return -(-self.height * component.vertical // vertical), -(-self.width * component.horizontal // horizontal)

    def grid(self, index: int) -> tuple[int, int]:
        """Blocks that a component's samples touch, (rows, columns)."""
        height, width = self.plane_size(index)
        return -(-height // 8), -(-width // 8)

    def stored_grid(self, index: int) -> tuple[int, int]:
        """Blocks of a component with those that fill up the last minimum coded units, (rows, columns)."""
        component = self.components[index]
        return self.units[0] * component.vertical, self.units[1] * component.horizontal

    @cached_property
    def bounds(self) -> tuple[int, ...]:
        """Where each component's blocks begin, and the number of all."""
        sizes = [rows * columns for rows, columns in map(self.stored_grid, range(len(self.components)))]
        return (0, *np.cumsum(sizes).tolist())

    @property
    def block_count(self) -> int:
        return self.bounds[-1]

    def scan_blocks(self, indices: tuple[int, ...]) -> np.ndarray:
        """The blocks of a scan over components `indices` in coding order: (units of the scan, blocks a unit).

        A lone component is coded row by row without the blocks that only fill up; several are interleaved.
        """
        if len(indices) == 1:
            rows, columns = self.grid(indices[0])
            return self._numbers(indices[0])[:rows, :columns].reshape(-1, 1)
        parts = []
        for index in indices:
            component = self.components[index]
            grid = self._numbers(index).reshape(self.units[0], component.vertical, self.units[1], component.horizontal)
            parts.append(grid.transpose(0, 2, 1, 3).reshape(-1, component.vertical * component.horizontal))
        return np.concatenate(parts, axis=1)

    def scan_pattern(self, indices: tuple[int, ...]) -> np.ndarray:
        """Which of the scan's components each block of a unit belongs to: (blocks a unit,)."""
        if len(indices) == 1:
            return np.zeros(1, np.intp)
        return np.repeat(np.arange(len(indices)), [self.components[i].vertical * self.components[i].horizontal for i in indices])

    def _numbers(self, index: int) -> np.ndarray:
        rows, columns = self.stored_grid(index)
        return np.arange(self.bounds[index], self.bounds[index + 1]).reshape(rows, columns)
