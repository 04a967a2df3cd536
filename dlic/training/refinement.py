"""Counts the tables of second layers (`learned.progressive.tables`) on photographs, for several checkpoints of `light` together.

photographs ─ first layers ─ distances ─┬─ rounded by price ─ counts ─ tables ─┐
                                        └── shifts of channels and spreads ◀───┘  a few times
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.data.photographs import find_photographs, split
from dlic.entropy.tables import PRECISION, tables_from_likelihoods
from dlic.layers.scale_rows import ROWS
from dlic.layers.step_price import STEP_PRICE
from dlic.learned.codec import LearnedCodec
from dlic.learned.progressive.pricing import NEAR, Pricing
from dlic.learned.progressive.tables import BANDS, CENTRE, CLASSES, SPREADS, RefinementTables
from dlic.training.refinement_passes import split_in_passes
from dlic.training.refinement_samples import Samples, samples_of

HELD_OUT = 0.05  # share of the photographs, as in training
CHANGES = np.arange(-4, 5)  # of a shift, that are tried in a round
MOST = 24  # rows of a shift
REACH = 64  # refinements that are counted; larger ones are as good as never seen
ROUNDS = 4  # of rounding, shifting and counting: the last changes the bits by less than 0.1 %
ROW_WINDOW = 4  # rows on each side from which a table borrows …
BORROWED = 400.0  # … as if it had seen so many symbols of them
FEW = 20.0  # symbols that hold a reconstruction point at its value


@dataclass(frozen=True, eq=False)
class Shifts:
    """Shifts of rows of one checkpoint."""

    channels: NDArray[np.int8]  # (BANDS, M)
    spreads: NDArray[np.int8]  # (SPREADS,), the same for all checkpoints

    def rows(self, samples: Samples) -> NDArray[np.int16]:
        """The shifted row of each latent, which may lie outside of the tables."""
        shift = self.channels[samples.band, samples.channels].astype(np.int16) + self.spreads[samples.spread]
        rows: NDArray[np.int16] = samples.row.astype(np.int16) + shift
        return rows

    def tables(self, samples: Samples) -> NDArray[np.uint8]:
        """The table of each latent."""
        return (CLASSES * np.clip(self.rows(samples), 0, ROWS - 1) + samples.kind).astype(np.uint8)


def count(codecs: Sequence[LearnedCodec], folder: Path, photographs: int, seed: int = 0) -> dict[str, object]:
    """The content of the file of tables, from photographs below a folder, drawn with `seed` among those that training does not hold
    out.
    """
    chosen = _drawn(folder, photographs, seed)
    samples = [Samples.joined(list(samples_of(codec, chosen))) for codec in codecs]
    data, shifts = fitted(samples)
    stored = data.to_json()
    del stored["channels"]
    names = [codec.fingerprint[:8].hex() for codec in codecs]
    return {**stored, "shifts": {name: own.channels.tolist() for name, own in zip(names, shifts, strict=True)}}


def fitted(samples: Sequence[Samples], price: float = STEP_PRICE) -> tuple[RefinementTables, list[Shifts]]:
    """Tables that all checkpoints share, and shifts of each."""
    shifts = [Shifts(np.zeros((BANDS, int(of.channels.max()) + 1), np.int8), np.zeros(SPREADS, np.int8)) for of in samples]
    chosen = [np.rint(of.distance) for of in samples]
    data = _counted(samples, shifts, chosen)
    for _ in range(ROUNDS):
        pricing = Pricing(data.tables, price)
        chosen = [pricing.cheapest(of.distance, own.tables(of)) for of, own in zip(samples, shifts, strict=True)]
        spreads = _best(SPREADS, [(of.spread, of, own, q) for of, own, q in zip(samples, shifts, chosen, strict=True)], pricing)
        shifts = [replace(own, spreads=_moved(own.spreads, spreads)) for own in shifts]
        shifts = [_shifted(of, own, q, pricing) for of, own, q in zip(samples, shifts, chosen, strict=True)]
        data = _counted(samples, shifts, chosen)
    return data, shifts


def shifts_added(codec: LearnedCodec, stored: dict[str, Any], folder: Path, photographs: int, seed: int = 0) -> dict[str, Any]:
    """The content of the file of tables with shifts for one more checkpoint; tables stay, and so do files of others."""
    of = Samples.joined(list(samples_of(codec, _drawn(folder, photographs, seed))))
    channels = int(of.channels.max()) + 1
    data = RefinementTables.from_json({**stored, "channels": np.zeros((BANDS, channels), np.int8).tolist()})
    return {**stored, "shifts": {**stored["shifts"], codec.fingerprint[:8].hex(): fitted_shifts(of, data).channels.tolist()}}


def fitted_shifts(of: Samples, data: RefinementTables) -> Shifts:
    """The shifts of channels that cost the fewest bits with these tables and spreads, searched from those of `data`."""
    own, pricing = Shifts(data.channels, data.spreads), Pricing(data.tables, STEP_PRICE)
    for _ in range(ROUNDS):
        own = _shifted(of, own, pricing.cheapest(of.distance, own.tables(of)), pricing)
    return own


def _drawn(folder: Path, photographs: int, seed: int) -> list[Path]:
    """Photographs below a folder, drawn among those that training does not hold out."""
    paths, _ = split(find_photographs(folder), HELD_OUT, seed)
    return [paths[i] for i in np.random.default_rng(seed).permutation(len(paths))[:photographs]]


def _shifted(of: Samples, own: Shifts, chosen: NDArray[np.float32], pricing: Pricing) -> Shifts:
    """With the shift of each channel that costs the fewest bits."""
    places = of.band.astype(np.int64) * own.channels.shape[1] + of.channels
    best = _best(own.channels.size, [(places, of, own, chosen)], pricing).reshape(own.channels.shape)
    return replace(own, channels=_moved(own.channels, best))


Placed = tuple[NDArray[Any], Samples, Shifts, NDArray[np.float32]]  # place of a shift of each latent, and what it is


def _best(count: int, samples: Sequence[Placed], pricing: Pricing) -> NDArray[np.int8]:
    """The change of each of `count` shifts that costs the fewest bits."""
    bits = np.zeros((len(CHANGES), count))
    for places, of, own, chosen in samples:
        rows, values = own.rows(of), np.clip(chosen, -NEAR, NEAR).astype(np.int64) + NEAR
        for i, change in enumerate(CHANGES):
            tables = CLASSES * np.clip(rows + change, 0, ROWS - 1) + of.kind
            bits[i] += np.bincount(places, weights=_certain(pricing)[tables, values], minlength=count)
    bits += 1e-6 * np.abs(CHANGES)[:, None]  # of equals the least change
    return CHANGES[bits.argmin(axis=0)].astype(np.int8)


def _certain(pricing: Pricing) -> NDArray[np.float32]:
    """Bits, with a high price for what skipped tables cannot code."""
    bits = pricing.bits.copy()
    skipped = np.flatnonzero(pricing.tables.skipped)
    bits[skipped] = PRECISION
    bits[skipped, NEAR] = 0
    return bits


def _moved(shifts: NDArray[np.int8], changes: NDArray[np.int8]) -> NDArray[np.int8]:
    return np.clip(shifts + changes, -MOST, MOST).astype(np.int8)


def _counted(samples: Sequence[Samples], shifts: Sequence[Shifts], chosen: Sequence[NDArray[np.float32]]) -> RefinementTables:
    """Tables, reconstruction points and passes for chosen refinements."""
    width, rows = 2 * REACH + 1, ROWS * CLASSES
    seen, offsets = np.zeros((rows, width)), np.zeros((rows, width))
    for of, own, q in zip(samples, shifts, chosen, strict=True):
        own_tables = own.tables(of)
        places = own_tables.astype(np.int64) * width + np.clip(q, -REACH, REACH).astype(np.int64) + REACH
        seen += np.bincount(places, minlength=seen.size).reshape(seen.shape)
        offsets += np.bincount(places, weights=of.distance - q, minlength=seen.size).reshape(seen.shape)
    weights = _borrowing(seen.sum(axis=1))
    seen, offsets = weights @ seen, weights @ offsets
    tables = tables_from_likelihoods(lambda values: seen / seen.sum(axis=1, keepdims=True), REACH)
    points = np.clip(offsets / (seen + FEW), -0.5, 0.5)
    points[::CLASSES] = 0.0  # where the first symbol is 0, g_s takes whole steps best: with their means bits rose by 5 %
    centres = tuple(
        np.rint(CENTRE * points[row, REACH + minimum : REACH + minimum + size]).astype(np.int16)
        for row, (minimum, size) in enumerate(zip(tables.minima.tolist(), tables.sizes.tolist(), strict=True))
    )
    return RefinementTables(
        tables=tables,
        centres=centres,
        **vars(split_in_passes(tables, centres)),
        channels=shifts[0].channels,
        spreads=shifts[0].spreads,
    )


def _borrowing(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (rows, rows) by which the sums of tables take from each other: tables with few symbols from near rows of the same
    class, and a little from all rows of it. `totals`: symbols of each.
    """
    row, kind = np.divmod(np.arange(totals.size), CLASSES)
    alike = kind[:, None] == kind[None, :]
    near = alike & (np.abs(row[:, None] - row[None, :]) <= ROW_WINDOW)
    weights = np.eye(totals.size)
    for group, amount in ((near, BORROWED), (alike, BORROWED / 10)):
        weights += group * np.minimum(1.0, amount / np.maximum(group @ totals, 1.0))[:, None]
    return weights
