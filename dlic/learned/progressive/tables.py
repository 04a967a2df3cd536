"""The data of second layers: frequency tables, the order of coding, and reconstruction points. They are counted on photographs
(`training.refinement`), stored as integers, and never computed anew.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError
from dlic.layers.scale_rows import ROWS
from dlic.learned.progressive.passes import CELLS, Passes

STORED = "refinement.json"  # in this folder
GAP = 20  # levels between both layers: steps of the second are about 0.4 of the first
CLASSES = 4  # of the first layer's symbol: |s| = 0, 1, 2, 3 or more
BANDS, LEVELS_A_BAND = 4, 16  # of levels of the second layer, for the shifts of channels
SPREADS = 16  # differences between the rows at both levels, 0 … 15
CENTRE = 64  # reconstruction points are stored in 1/64 of a step
ID = 4  # bytes by which a file names its tables


@dataclass(frozen=True, eq=False)
class RefinementTables:
    """Tables of one checkpoint. Table 4·r + k codes refinements of latents of scale row r whose first symbol has the class k."""

    tables: FrequencyTables  # ROWS · CLASSES
    centres: tuple[NDArray[np.int16], ...]  # of each value of each table, from the value itself, in 1/CENTRE of a step
    splits: NDArray[np.int16]  # (tables,): where cell 1 of the first pass begins (`Passes`)
    cells: NDArray[np.int16]  # (tables, CELLS): the value that each cell stands for, in 1/CENTRE of a step
    ranks: NDArray[np.int16]  # (2, tables): of both passes in the order of coding: 0 brings the most quality for its bits
    channels: NDArray[np.int8]  # shift of the row of each channel (BANDS, M)
    spreads: NDArray[np.int8]  # shift of the row for each difference between the rows at both levels (SPREADS,)

    def __post_init__(self) -> None:
        count = ROWS * CLASSES
        if len(self.tables) != count or self.splits.shape != (count,) or self.cells.shape != (count, CELLS):
            raise ValueError("second layers have a table with its cells for each row and class")
        if sorted(self.ranks.ravel().tolist()) != list(range(2 * count)):
            raise ValueError("tables of second layers have a rank for each pass")
        if any(len(centres) != size for centres, size in zip(self.centres, self.tables.sizes, strict=True)):
            raise ValueError("every value of a table of second layers has a reconstruction point")

    def of(self, symbols: NDArray[Any], first: NDArray[Any], rows: NDArray[Any], level: int) -> NDArray[np.uint8]:
        """The table of each latent, by whole numbers alone.

        Args:
            symbols: of the first layer (h, w, M).
            first: their rows (h, w, M).
            rows: those that the same z gives at the level of the second layer (h, w, M).
            level: of the second layer.
        """
        whole = rows.astype(np.int16)
        spread = np.clip(whole - first, 0, SPREADS - 1)
        row = np.clip(whole + self.channels[level // LEVELS_A_BAND] + self.spreads[spread], 0, ROWS - 1)
        table: NDArray[np.uint8] = (CLASSES * row + np.minimum(np.abs(symbols), CLASSES - 1)).astype(np.uint8)
        return table

    @cached_property
    def passes(self) -> Passes:
        """The two passes in which refinements are coded."""
        return Passes(self.tables, self.splits)

    @cached_property
    def points(self) -> tuple[NDArray[np.float32], int]:
        """Offsets of reconstruction points from values −reach … reach in each table (ROWS · CLASSES, 2·reach + 1) in steps, and the
        reach; 0 where a table does not have the value.
        """
        reach = int(max(max(-minimum, minimum + len(c)) for minimum, c in zip(self.tables.minima, self.centres, strict=True)))
        offsets = np.zeros((len(self.tables), 2 * reach + 1), np.float32)
        for row, (minimum, centres) in enumerate(zip(self.tables.minima.tolist(), self.centres, strict=True)):
            offsets[row, reach + minimum : reach + minimum + len(centres)] = centres / np.float32(CENTRE)
        return offsets, reach

    def values(self, refinements: NDArray[Any], tables: NDArray[Any]) -> NDArray[np.float32]:
        """Whole refinements and their tables → the values that they stand for, in steps."""
        offsets, reach = self.points
        inside = np.clip(refinements, -reach, reach) + reach
        offset = np.where(np.abs(refinements) <= reach, offsets[tables, inside], np.float32(0))
        values: NDArray[np.float32] = refinements.astype(np.float32) + offset
        return values

    def to_json(self) -> dict[str, Any]:
        return {
            **self.tables.to_json(),
            "centres": [centres.tolist() for centres in self.centres],
            "splits": self.splits.tolist(),
            "cells": self.cells.tolist(),
            "ranks": self.ranks.tolist(),
            "channels": self.channels.tolist(),
            "spreads": self.spreads.tolist(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "RefinementTables":
        """Inverse of `to_json`. Raises KeyError and ValueError for anything else."""
        return cls(
            tables=FrequencyTables.from_json(dict(stored)),
            centres=tuple(np.array(centres, np.int16) for centres in stored["centres"]),
            splits=np.array(stored["splits"], np.int16),
            cells=np.array(stored["cells"], np.int16),
            ranks=np.array(stored["ranks"], np.int16),
            channels=np.array(stored["channels"], np.int8),
            spreads=np.array(stored["spreads"], np.int8),
        )

    @cached_property
    def id(self) -> bytes:
        """The first bytes of the SHA-256 of the JSON text of all numbers, with sorted keys and without spaces."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).digest()[:ID]


@lru_cache(maxsize=8)
def tables_of(model: bytes, channels: int) -> RefinementTables:
    """The tables for a checkpoint, by the first 8 bytes of its fingerprint and its channels of y. The rows of checkpoints without
    counted shifts are not shifted.
    """
    stored = json.loads((resources.files(__package__) / STORED).read_text())
    shifts = stored.pop("shifts").get(model.hex())
    if shifts is None:
        shifts = np.zeros((BANDS, channels), np.int8).tolist()
    return RefinementTables.from_json({**stored, "channels": shifts})


def check_id(tables: RefinementTables, given: bytes) -> None:
    """Raises CorruptFileError for a file that was written with other tables."""
    if given != tables.id:
        raise CorruptFileError(
            f"the second layer was written with tables {given.hex()}; this dlic has {tables.id.hex()} for the checkpoint"
        )
