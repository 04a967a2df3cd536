"""Files in tiles → big pictures, or parts of them (`learned.tiles.plan` draws how)."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from functools import partial

import numpy as np

from dlic.container.format import Container
from dlic.container.tiles import split, split_beginning
from dlic.container.units import CodedUnit
from dlic.errors import CorruptFileError
from dlic.learned.tiles.plan import DECODING, PIXEL, PROCESS, Tiling, border, by_stage, crew, largest, latents_of_a_tile
from dlic.learned.tiles.seams import Seams
from dlic.learned.unit import UnitCodec
from dlic.pixels.arrays import Decoded
from dlic.pixels.grid import Grid
from dlic.pixels.rectangles import Rectangle
from dlic.progress import Progress
from dlic.runtime.timing import timed

LOST = 128  # gray in place of a lost tile


def decode(
    codec: UnitCodec, tiling: Tiling, picture: Container, crop: Rectangle | None, progress: Progress, damaged: bool = False
) -> Decoded:
    """A picture in tiles, or a part of it, from those tiles that it needs.

    Of a `damaged` one the tiles that can be read; the others are gray, and listed. Raises CorruptFileError where there are none.
    """
    begun = time.perf_counter()
    grid, tiles = split_beginning(picture) if damaged else split(picture)
    wanted = crop or grid.whole
    needed, lost = grid.meeting(wanted), []
    with crew(tiling, *_decoding(codec, grid, wanted)) as threads:
        work = TileDecoder(codec, grid, tiles, wanted, damaged)
        for done, index in enumerate(threads.results(work.tasks(needed, threads.executor)), start=1):
            lost += [] if index is None else [grid.tiles[index]]
            progress(done / len(needed))
    if len(lost) == len(needed):
        raise CorruptFileError("no tile of the picture can be read")
    return Decoded(work.image, by_stage(work.spent, time.perf_counter() - begun), tuple(lost))


class TileDecoder:
    """Tiles → pixels of the part that is wanted, by tasks of which several may run at once.

    A tile's latents come from its stream, its pixels from its latents and the nearest of those around it.
    """

    def __init__(self, codec: UnitCodec, grid: Grid, tiles: Sequence[CodedUnit | None], wanted: Rectangle, damaged: bool):
        self._codec, self._grid, self._tiles, self._wanted, self._damaged = codec, grid, tiles, wanted, damaged
        self._stride = codec.deployed.decoder.stride
        self.image = np.full((wanted.height, wanted.width, 3), LOST, np.uint8)
        self.spent: list[dict[str, float]] = []  # seconds by stage

    def tasks(self, needed: Sequence[int], executor: Executor) -> Iterator[Callable[[], int | None]]:
        """One for each tile in its order, giving its index if it is lost: to be queued behind the latents it waits for."""
        around = {index: self._grid.meeting(self._seen(index)) for index in needed}
        last_use = {other: index for index in needed for other in around[index]}
        latents: dict[int, Future] = {}
        for index in needed:
            latents |= {other: executor.submit(self._latent, other) for other in around[index] if other not in latents}
            yield partial(self._show, index, {other: latents[other] for other in around[index]})
            latents = {other: latent for other, latent in latents.items() if last_use[other] != index}

    def _seen(self, index: int) -> Rectangle:
        """A tile with what its pixels depend on."""
        return self._grid.tiles[index].grown(border(self._codec.deployed.decoder), self._grid.whole)

    def _latent(self, index: int) -> np.ndarray | None:
        """y_hat of a tile; where it cannot be read and the picture is known to be damaged, None."""
        tile, seconds = self._tiles[index], {}
        try:
            return None if tile is None else self._codec.latent(tile, seconds, scale=self._scale(index, tile))
        except CorruptFileError:
            if self._damaged:
                return None
            raise
        finally:
            self.spent.append(seconds)

    def _scale(self, index: int, tile: CodedUnit) -> np.ndarray | None:
        return Seams(self._grid.tiles[index], self._grid.whole, self._stride).scale(tile.finer)

    def _show(self, index: int, around: dict[int, Future]) -> int | None:
        latents = {other: latent.result() for other, latent in around.items()}
        if latents[index] is None:
            return index
        seconds: dict[str, float] = {}
        with timed(seconds, "transform"):
            seen = self._seen(index)
            pixels = self._codec.deployed.decoder.synthesise(self._joined(index, latents), self._tiles[index].level)
            shown = self._grid.tiles[index].overlap(self._wanted)
            self.image[shown.within(self._wanted)] = pixels[shown.within(seen)]
        self.spent.append(seconds)
        return None

    def _joined(self, index: int, latents: dict[int, np.ndarray | None]) -> np.ndarray:
        """The latents that a tile's pixels depend on, zero where they are lost."""
        seen = self._seen(index).in_steps(self._stride)
        joined = np.zeros((seen.height, seen.width, latents[index].shape[2]), np.float32)
        for other, latent in latents.items():
            if latent is not None:
                place = self._grid.tiles[other].in_steps(self._stride)
                both = place.overlap(seen)
                joined[both.within(seen)] = latent[both.within(place)]
        return joined


def crcs(codec: UnitCodec, tiling: Tiling, picture: Container) -> tuple[int, ...]:
    """CRC-32 of the symbols of every tile, read and checked."""
    grid, tiles = split(picture)
    with crew(tiling, *_decoding(codec, grid, grid.whole)) as threads:
        return tuple(symbols.crc for symbols in threads.results(partial(codec.parse, tile) for tile in tiles))


def _decoding(codec: UnitCodec, grid: Grid, wanted: Rectangle) -> tuple[int, int]:
    """Bytes taken by a process that decodes tiles, and beside them for each in work; the latents of a row wait for the next."""
    fixed = PROCESS + PIXEL * wanted.width * wanted.height + latents_of_a_tile(grid) * (grid.columns + 2)
    return fixed, DECODING * largest(grid, border(codec.deployed.decoder))
