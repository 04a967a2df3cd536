"""The second layer of one unit: latent and first layer ⇄ refinements in parts.

y · gain₂ − y_hat₁ in these steps ─ rounded by price and table ─ even groups ─ two passes, in parts ─ streams
y_hat₂ = y_hat₁ + the values of all refinements that are there
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.container.layers import CodedPart
from dlic.entropy.coder import Coder
from dlic.entropy.parity import Groups, Repair, groups_of_steps, joined
from dlic.entropy.parts import Symbols
from dlic.entropy.rans import RansDecoder, RansEncoder
from dlic.errors import CorruptFileError
from dlic.learned.progressive.layout import Layout, layout, signs
from dlic.learned.progressive.part_coding import PartCoder
from dlic.learned.progressive.pricing import Pricing
from dlic.learned.progressive.tables import CENTRE, RefinementTables
from dlic.learned.tiles.seams import BUSY, Seams, finer_steps
from dlic.runtime.gains import Gains
from dlic.runtime.network import FurtherGoal, TableRows
from dlic.runtime.tile_context import Surroundings

Latent = NDArray[np.float32]  # (h, w, M)


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """The decoded first layer of a unit."""

    symbols: Symbols
    y_hat: Latent
    level: int
    crc: int  # of the symbols

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of y."""
        return self.symbols.y.shape[0], self.symbols.y.shape[1]


def left_over(latent: Latent, first: FirstLayer, level: int, gains: Gains) -> Latent:
    """What the first layer leaves of a latent, in steps of `level`, counted away from zero."""
    base = first.y_hat / (gains.inverse[first.level] * gains.gain[first.level])
    distances: Latent = (latent - base) * gains.gain[level] * signs(first.symbols.y)
    return distances


@dataclass(frozen=True, eq=False)
class Refined:
    """Refinements of a unit, as far as they are there."""

    layout: Layout
    refinements: NDArray[np.int32]  # (h, w, M), 0 where they are missing
    cells: NDArray[np.int32]  # (h, w, M), of latents whose first pass is there
    parts: int  # that are there

    @classmethod
    def whole(cls, layout: Layout, refinements: NDArray[np.int32]) -> "Refined":
        """With all parts."""
        return cls(layout, refinements, np.zeros_like(refinements), layout.count)

    def values(self, data: RefinementTables) -> NDArray[np.float32]:
        """What every refinement stands for, in steps (h, w, M); those of which only the cell is known, for that, others for 0."""
        tables = self.layout.tables
        values = data.values(self.refinements, tables)
        if self.parts == self.layout.count:
            return values
        known, flat, cells = np.zeros(values.size, np.float32), tables.ravel(), self.cells.ravel()
        for coarse in self.layout.coarse[: self.parts]:
            known[coarse] = data.cells[flat[coarse], cells[coarse]] / np.float32(CENTRE)
        for fine in self.layout.fine[: self.parts]:
            known[fine] = values.ravel()[fine]
        return known.reshape(values.shape)


@dataclass(frozen=True, eq=False, kw_only=True)
class SecondLayer:
    """Codes the second layers of one checkpoint."""

    data: RefinementTables
    gains: Gains
    rows: TableRows
    coder: Coder
    price: float = 0.0  # bits a squared error of one step, for encoders

    # --- encoding

    def tables(self, first: FirstLayer, level: int) -> NDArray[np.uint8]:
        """The table of every latent, for a second layer of `level`: (h, w, M)."""
        rows = self.rows.rows(first.symbols.z, first.size, level)
        return self.data.of(first.symbols.y, first.symbols.y_rows, rows, level)

    def choose(self, distances: Latent, tables: NDArray[np.uint8], parts: Layout | None = None) -> NDArray[np.int32]:
        """Refinements of the least bits + price · squared error; with `parts` the groups of each part are even."""
        chosen, flat, rows = self._pricing.cheapest(distances.ravel(), tables.ravel()), distances.ravel(), tables.ravel()
        if parts is not None and self.coder.even:
            for number, places in enumerate(parts.fine):
                symbols = chosen[places]
                for groups in groups_of_steps(parts.part(number), self.data.tables):
                    self._repair(symbols, flat[places], rows[places], groups)
                chosen[places] = symbols
        return chosen.astype(np.int32).reshape(distances.shape)

    def finer(self, distances: Latent, y: Latent, tables: NDArray[np.uint8], seams: Seams) -> int:
        """The step size 2^(−finer / 64) of latents next to other tiles that brings them as near as others."""
        near = self._pricing.cheapest(distances.ravel(), tables.ravel()).reshape(distances.shape)
        errors, texture = np.square(distances - near).mean(axis=2), np.minimum(np.abs(y), BUSY).mean(axis=2)
        aim, far, rows = seams.expected(errors, texture), distances[seams.edge], tables[seams.edge]

        def error(scale: float) -> float:
            scaled = far * np.float32(scale)
            return float(np.square(self._pricing.cheapest(scaled.ravel(), rows.ravel()) - scaled.ravel()).mean()) / scale**2

        return 0 if aim is None else finer_steps(error, aim)

    def goal(
        self,
        image: NDArray[np.uint8],
        first: FirstLayer,
        level: int,
        plain: Refined,
        distortion: str,
        around: Surroundings | None = None,
    ) -> FurtherGoal:
        """The terms of the cost of a second layer of a unit (H, W, 3), with the layout of `plain`."""
        parts, none = plain.layout, np.zeros(plain.refinements.shape, np.int32)
        scale = around.scale if around else None
        base = self.y_hat(replace(plain, refinements=none, parts=0), first, level, level, scale)
        unit = signs(first.symbols.y) * self.gains.inverse[level]
        return FurtherGoal(
            image=image,
            level=level,
            base=base,
            unit=np.asarray(unit if scale is None else unit / scale[..., None], np.float32),
            tables=self.data.tables,
            rows=parts.tables,
            groups=self._groups(parts) if self.coder.even else None,
            bits=lambda refinements: self.bits(replace(plain, refinements=refinements)),
            y_hat=lambda refinements: self.y_hat(replace(plain, refinements=refinements), first, level, level, scale),
            distortion=distortion,
            around=around,
        )

    def _groups(self, parts: Layout) -> Groups:
        """The even groups of all parts."""
        groups = list[Groups]()
        for number, places in enumerate(parts.fine):
            for own in groups_of_steps(parts.part(number), self.data.tables):
                groups.append(Groups(members=places[own.members], starts=own.starts, lasts=places[own.lasts]))
        return joined(groups)

    def encode(self, refined: Refined, first: FirstLayer) -> list[CodedPart]:
        """The streams of all parts."""
        coded, crc, flat = list[CodedPart](), first.crc, refined.refinements.ravel()
        for number in range(refined.layout.count):
            encoder = RansEncoder(self.data.tables)
            crc = CodedPart.crc_after(crc, self._parts.push(encoder, flat, refined.layout, number))
            coded.append(CodedPart(encoder.finish(), crc))
        return coded

    def bits(self, refined: Refined) -> float:
        """Ideal bits of the parts that are there by the tables."""
        flat, layout = refined.refinements.ravel(), refined.layout
        return sum(self._parts.bits(flat, layout, number) for number in range(refined.parts))

    @cached_property
    def _parts(self) -> PartCoder:
        return PartCoder(self.data, self.coder.even)

    @cached_property
    def _pricing(self) -> Pricing:
        return Pricing(self.data.tables, self.price)

    @cached_property
    def _repair(self) -> Repair:
        return Repair(self.data.tables, self.price)

    # --- decoding

    def decode(self, parts: Sequence[CodedPart], first: FirstLayer, level: int, count: int, tolerant: bool = False) -> Refined:
        """Parses the parts that are there, of `count`. Raises CorruptFileError for a part that does not follow the one before it;
        if `tolerant`, it and all behind it count as missing.
        """
        cut, crc, there = layout(self.tables(first, level), self.data, count), first.crc, 0
        refinements, cells = np.zeros((2, *cut.tables.shape), np.int32)
        for coded in parts:
            try:
                decoder = RansDecoder(coded.stream, self.data.tables)
                values = self._parts.pull(decoder, coded.crc, crc, cut, there, cells.reshape(-1))
            except CorruptFileError as error:
                if not tolerant:
                    raise CorruptFileError(f"part {there + 1} of the second layer is damaged or of another picture") from error
                break
            refinements.reshape(-1)[cut.fine[there]], crc, there = values, coded.crc, there + 1
        return Refined(cut, refinements, cells, there)

    def y_hat(self, refined: Refined, first: FirstLayer, level: int, shown: int, scale: NDArray[Any] | None) -> Latent:
        """y_hat for the synthesis at the level `shown`, of refinements in steps of `level`; `scale` (h, w) says how many times
        finer steps are.
        """
        values = refined.values(self.data) * signs(first.symbols.y)
        if scale is not None:
            values /= scale[..., None]
        old, new = first.level, self.gains.gain[shown] * self.gains.inverse[shown]
        base = first.y_hat * (new / (self.gains.inverse[old] * self.gains.gain[old]))
        y_hat: Latent = base + values * (new / self.gains.gain[level])
        return y_hat
