"""Plain encoding: latents → rounded symbols, and the y_hat of a decoder."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parity import Repair, groups_of_steps
from dlic.entropy.parts import Part, Symbols
from dlic.entropy.tables import FrequencyTables
from dlic.learned.tiles.seams import BUSY, COARSE, Seams, finer_steps
from dlic.runtime.network import DeployedModel


@dataclass(frozen=True, eq=False)
class Plain:
    """The result of plain encoding of one latent."""

    y: NDArray[Any]  # the latent in quantisation steps
    symbols: Symbols
    y_hat: NDArray[Any]  # the y_hat of a decoder
    finer: int = 0  # step size at seams: 2^(−finer / 64)
    scale: NDArray[Any] | None = None  # how many times finer each latent's step is, (h, w) float32; None: all steps are ordinary


@dataclass(frozen=True, eq=False)
class Rounding:
    """Latents → symbols: to the nearest integer or with a wider zero bin, and with finer steps at seams. Where groups must be even
    (`entropy.parity`), the groups of a context step are repaired before the next step uses its latents.
    """

    deployed: DeployedModel
    tables: FrequencyTables
    even: bool = False

    @property
    def _zero_bins(self) -> NDArray[Any] | None:
        price = self.deployed.encoder.step_price
        return None if price is None else _zero_bins(self.tables, price)

    @property
    def _repair(self) -> Repair:
        price = self.deployed.encoder.step_price
        assert price is not None, "a network with context steps says what an error in them is worth"
        return _repair(self.tables, price)

    def plain(self, latent: NDArray[Any], level: int, seams: Seams | None = None) -> Plain:
        """A latent at one level, with finer steps at the `seams` of a tile if they are needed there."""
        y = self.deployed.encoder.at_level(latent, level)
        z = self.deployed.encoder.hyper(y, level)
        if seams is None or not z.size or level < COARSE * self.deployed.decoder.levels:  # without z, seams need no finer steps
            return Plain(y, *self.rounded(y, z, level))
        distances = np.zeros_like(y)
        symbols, y_hat = self.rounded(y, z, level, distances=distances)
        finer = self._finer(y, symbols, distances, seams)
        if not finer:
            return Plain(y, symbols, y_hat)
        scale = seams.scale(finer)
        return Plain(y, *self.rounded(y, z, level, scale), finer, scale)

    def rounded(
        self,
        y: NDArray[Any],
        z: NDArray[Any],
        level: int,
        scale: NDArray[Any] | None = None,
        distances: NDArray[Any] | None = None,
    ) -> tuple[Symbols, NDArray[Any]]:
        """The symbols of plain encoding and y_hat, for clipped symbols of z. `scale` (h, w) says how many times finer steps are;
        `distances` is filled with the distances of y from its means.
        """
        size, context, y_hat = (y.shape[0], y.shape[1]), None, y

        def choose(part: Part) -> NDArray[Any]:
            nonlocal context, y_hat
            if part.name == "z":
                clipped = self.tables.clip(z, part.rows)
                context = self.deployed.decoder.context(clipped, size, level)
                return clipped
            symbols, y_hat = self._quantised(y, context, part, scale, distances)
            return symbols

        return Symbols.of(self.deployed.rows.path(size, level), choose), y_hat

    def _quantised(
        self, y: NDArray[Any], context: Any, part: Part, scale: NDArray[Any] | None, distances: NDArray[Any] | None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Symbols of the part y, and y_hat."""
        symbols, limits = np.zeros(part.shape, np.float32), self._limits(part.rows)
        groups = iter(groups_of_steps(part, self.tables) if self.even else ())

        def quantise(means: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
            distance = y - means
            if scale is not None:
                distance *= scale[..., None]
            rounded = _whole(distance, *limits)
            if of_step := next(groups, None):
                self._repair(rounded.reshape(-1), distance.reshape(-1), part.rows.ravel(), of_step)
            np.add(symbols, rounded * mask, out=symbols)  # a tenth of the time of copying where `mask` is set
            if distances is not None:
                np.add(distances, distance * mask, out=distances)
            return rounded if scale is None else rounded / scale[..., None]

        y_hat = self.deployed.encoder.quantise(context, quantise)
        return symbols.astype(np.int32), y_hat

    def in_steps(self, symbols: Symbols, scale: NDArray[Any] | None) -> NDArray[Any]:
        """Symbols of y in ordinary steps; `scale` says how many times finer their own steps are."""
        return symbols.y if scale is None else symbols.y / scale[..., None]

    def _limits(self, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        """Smallest and largest symbol, and half the width of the zero bin, for each of `rows`."""
        zeros = None if self._zero_bins is None else np.take(self._zero_bins, rows, mode="clip")  # no check of each index
        return *self.tables.bounds(rows), zeros

    def _finer(self, y: NDArray[Any], symbols: Symbols, distances: NDArray[Any], seams: Seams) -> int:
        """Chooses the step size at seams from the distances of latents from their means."""
        far, rows = distances[seams.edge], symbols.y_rows[seams.edge]
        near = _whole(distances, *self._limits(symbols.y_rows))  # before any repair, as below

        def error(scale: float) -> float:
            scaled = far * np.float32(scale)
            return float(np.square(_whole(scaled, *self._limits(rows)) - scaled).mean()) / scale**2

        errors, texture = np.square(distances - near).mean(axis=2), np.minimum(np.abs(y), BUSY).mean(axis=2)
        aim = seams.expected(errors, texture)
        return 0 if aim is None else finer_steps(error, aim)


@lru_cache(maxsize=8)  # of a checkpoint's tables: every frame of a sequence has a rounding of its own
def _zero_bins(tables: FrequencyTables, price: float) -> NDArray[Any]:
    return tables.zero_bins(price)


@lru_cache(maxsize=8)
def _repair(tables: FrequencyTables, price: float) -> Repair:
    return Repair(tables, price)


def _whole(distances: NDArray[Any], low: NDArray[Any], high: NDArray[Any], zeros: NDArray[Any] | None) -> NDArray[Any]:
    """Distances from means → symbols: whole numbers, float32."""
    rounded: NDArray[np.float32] = np.rint(distances)
    np.minimum(np.maximum(rounded, low, out=rounded), high, out=rounded)  # which np.clip takes twice as long for
    if zeros is not None:
        rounded *= np.abs(distances) >= zeros
    return rounded
