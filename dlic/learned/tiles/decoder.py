"""Files in tiles → big pictures, or parts of them (`learned.tiles.plan` draws how)."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import Container
from dlic.container.tiles import split, split_beginning
from dlic.container.units import CodedUnit
from dlic.errors import CorruptFileError
from dlic.learned.guarded_rounding import GuardedRounding
from dlic.learned.tiles.plan import DECODING, PIXEL, Tiling, by_stage, crew, largest, latents_of_a_tile
from dlic.learned.tiles.seams import Seams
from dlic.learned.unit import DecodedUnit, UnitCodec
from dlic.pixels.arrays import Decoded
from dlic.pixels.grid import Grid
from dlic.pixels.rectangles import Rectangle
from dlic.progress import Progress
from dlic.runtime.timing import timed

LOST = 128  # gray in place of a lost tile

Latent = NDArray[np.float32]  # y_hat (h, w, M)


class FurtherLayer(Protocol):
    """Refines the latents of tiles."""

    @property
    def level(self) -> int:
        """Of the synthesis."""

    def y_hat(self, index: int, decoded: DecodedUnit, seams: Seams) -> Latent:
        """The refined latent of a tile. Raises CorruptFileError."""


def decode(
    codec: UnitCodec,
    tiling: Tiling,
    picture: Container,
    crop: Rectangle | None,
    progress: Progress,
    damaged: bool = False,
    further: FurtherLayer | None = None,
    rounding: GuardedRounding | None = None,
    reduction: int = 1,
) -> Decoded:
    """Decodes a picture in tiles, or a part of it; only the tiles of the part are read. In a `damaged` picture, unreadable tiles
    are gray and are listed in the result. A `further` layer refines the latents; `rounding` is that of a guarded frame, which is
    decoded as a whole. With a `reduction` the part begins at multiples of it. Raises CorruptFileError where no tile can be read.
    """
    start = time.perf_counter()
    grid, tiles = split_beginning(picture) if damaged else split(picture)
    part = crop or grid.whole
    needed, lost = grid.meeting(part), list[Rectangle]()
    with crew(tiling, *_decoding(codec, grid, part, reduction)) as threads:
        work = TileDecoder(codec, grid, tiles, part, damaged, further, rounding, reduction)
        for done, index in enumerate(threads.results(work.tasks(needed, threads.executor)), start=1):
            lost += [] if index is None else [grid.tiles[index]]
            progress(done / len(needed))
    if len(lost) == len(needed):
        raise CorruptFileError("no tile of the picture can be read")
    return Decoded(work.image, by_stage(work.spent, time.perf_counter() - start), tuple(lost))


class TileDecoder:
    """Tiles → pixels of a part of the picture, by tasks that may run in parallel. A tile's latents come from its stream. Its pixels
    come from its latents and the nearest latents of its neighbours.
    """

    def __init__(
        self,
        codec: UnitCodec,
        grid: Grid,
        tiles: Sequence[CodedUnit | None],
        shown: Rectangle,
        damaged: bool,
        further: FurtherLayer | None = None,
        rounding: GuardedRounding | None = None,
        reduction: int = 1,
    ):
        self._codec, self._grid, self._tiles, self._shown, self._damaged = codec, grid, tiles, shown, damaged
        self._further, self._rounding, self._reduction = further, rounding, reduction
        small = shown.in_steps(reduction)
        self.image: NDArray[np.uint8] = np.full((small.height, small.width, 3), LOST, np.uint8)
        self.spent: list[dict[str, float]] = []  # seconds by stage

    def tasks(self, needed: Sequence[int], executor: Executor) -> Iterator[Callable[[], int | None]]:
        """One task for each tile, in order; it returns the tile's index if the tile is lost. A task stands behind the tasks of the
        latents that it waits for.
        """
        around = {index: self._grid.meeting(self._seen(index)) for index in needed}
        last_use = {neighbour: index for index in needed for neighbour in around[index]}
        latents: dict[int, Future[Latent | None]] = {}
        for index in needed:
            latents |= {
                neighbour: executor.submit(self._latent, neighbour) for neighbour in around[index] if neighbour not in latents
            }
            yield partial(self._show, index, {neighbour: latents[neighbour] for neighbour in around[index]})
            latents = {neighbour: latent for neighbour, latent in latents.items() if last_use[neighbour] != index}

    def _seen(self, index: int) -> Rectangle:
        """A tile with the surrounding pixels on which its own pixels depend."""
        return self._grid.tiles[index].grown(self._codec.border, self._grid.whole)

    def _latent(self, index: int) -> Latent | None:
        """y_hat of a tile; None for an unreadable tile if damage is allowed."""
        tile, start = self._tiles[index], time.perf_counter()
        if tile is None:
            return None
        try:
            decoded = self._codec.decode(tile, scale=self._seams(index).scale(tile.finer))
            with timed(decoded.seconds, "refinement"):
                y_hat = decoded.y_hat if self._further is None else self._further.y_hat(index, decoded, self._seams(index))
        except CorruptFileError:
            if not self._damaged:
                raise
            self.spent.append({"entropy": time.perf_counter() - start})
            return None
        self.spent.append(decoded.seconds)
        return y_hat

    def _seams(self, index: int) -> Seams:
        return Seams(self._grid.tiles[index], self._grid.whole, self._codec.stride)

    def _show(self, index: int, around: dict[int, Future[Latent | None]]) -> int | None:
        latents = {neighbour: latent.result() for neighbour, latent in around.items()}
        tile, own = self._tiles[index], latents[index]
        if tile is None or own is None:
            return index
        seconds: dict[str, float] = {}
        with timed(seconds, "transform"):
            joined = self._joined(index, latents, channels=own.shape[2])
            part = self._grid.tiles[index].overlap(self._shown)
            place = part.in_steps(self._reduction).within(self._shown.in_steps(self._reduction))
            self.image[place] = self._pixels(joined, index, tile, part)
        self.spent.append(seconds)
        return None

    def _pixels(self, joined: Latent, index: int, tile: CodedUnit, part: Rectangle) -> NDArray[np.uint8]:
        """The pixels of a part of a tile, from its latents and those around it, reduced."""
        inside = part.within(self._seen(index))
        if self._rounding is not None:
            return self._codec.synthesise_guarded(joined, tile.level, inside, self._rounding, part)
        level = self._further.level if self._further else tile.level
        return self._codec.synthesise_part(joined, level, inside, self._reduction)

    def _joined(self, index: int, latents: dict[int, Latent | None], channels: int) -> Latent:
        """The latents that a tile's pixels depend on, zero where they are lost."""
        stride = self._codec.stride
        area = self._seen(index).in_steps(stride)
        joined: Latent = np.zeros((area.height, area.width, channels), np.float32)
        for neighbour, latent in latents.items():
            if latent is not None:
                place = self._grid.tiles[neighbour].in_steps(stride)
                overlap = place.overlap(area)
                joined[overlap.within(area)] = latent[overlap.within(place)]
        return joined


def crcs(codec: UnitCodec, tiling: Tiling, picture: Container) -> tuple[int, ...]:
    """Parses and checks the symbols of every tile; returns their CRC-32."""
    grid, tiles = split(picture)
    with crew(tiling, *_decoding(codec, grid, grid.whole)) as threads:
        return tuple(symbols.crc for symbols in threads.results(partial(codec.parse, tile) for tile in tiles))


def _decoding(codec: UnitCodec, grid: Grid, part: Rectangle, reduction: int = 1) -> tuple[int, int]:
    """Bytes of a process that decodes tiles, and further bytes a tile in work. The latents of a row stay until the next row is
    decoded.
    """
    shown = part.in_steps(reduction)
    fixed = codec.process + PIXEL * shown.width * shown.height + latents_of_a_tile(grid) * (grid.columns + 2)
    return fixed, DECODING * largest(grid, codec.border)
