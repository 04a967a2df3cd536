"""Big pictures → files in tiles (`learned.tiles.plan` draws how)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dlic.container.tiles import MAX_TILES, join, tile_grid
from dlic.container.units import CodedUnit
from dlic.errors import DlicError
from dlic.learned.picture import AnalysedPicture, Encoded
from dlic.learned.tiles.plan import ENCODING, PIXEL, REFINING, Tiling, by_stage, crew, largest, latents_of_a_tile
from dlic.learned.tiles.seams import Seams
from dlic.learned.unit import AnalysedUnit, EncodedUnit, UnitCodec
from dlic.pixels.grid import Grid
from dlic.progress import Progress
from dlic.runtime.memory import PROCESS_WITH_TORCH

Summary = TypeVar("Summary")


@dataclass(frozen=True)
class EncodedTile:
    """An encoded tile without its symbols and latents, which take too much memory to keep."""

    unit: CodedUnit
    estimated_bits: float
    seconds: dict[str, float]  # by stage


def analyse(codec: UnitCodec, tiling: Tiling, image: NDArray[np.uint8], keep: bool) -> AnalysedPicture:
    """An image (H, W, 3) in tiles. Tiles are analysed when they are encoded; with `keep` their latents then stay in memory for
    other levels, as far as memory allows. Raises DlicError for an image of more tiles than a file can have.
    """
    grid = tile_grid(image.shape[1], image.shape[0], tiling.side)
    if len(grid) > MAX_TILES:  # before the list of the tiles is made
        raise DlicError(f"an image of {grid.width} × {grid.height} pixels has {len(grid):,} tiles, more than {MAX_TILES:,}")
    room = tiling.tiles_kept(sum(_encoding(codec, grid, effort=1)), latents_of_a_tile(grid)) if keep else 0
    return AnalysedPicture(image, grid, min(room, len(grid)))


def encode(codec: UnitCodec, tiling: Tiling, analysed: AnalysedPicture, level: int, effort: int, progress: Progress) -> Encoded:
    """All tiles of an image at one level."""
    start, grid = time.perf_counter(), analysed.grid
    assert grid is not None, "the picture is one unit"

    def summary(index: int, unit: AnalysedUnit, seams: Seams, tile: EncodedUnit, progress: Progress) -> EncodedTile:
        return EncodedTile(tile.unit, tile.estimated_bits, tile.seconds)

    tiles = encoded_tiles(codec, tiling, analysed, level, effort, progress, summary)
    bits = sum(tile.estimated_bits for tile in tiles)
    return Encoded(
        container=join(grid, [tile.unit for tile in tiles]),
        crcs=tuple(tile.unit.symbols_crc for tile in tiles),
        estimate=lambda: bits,
        seconds=by_stage([tile.seconds for tile in tiles], time.perf_counter() - start),
    )


def encoded_tiles(
    codec: UnitCodec,
    tiling: Tiling,
    analysed: AnalysedPicture,
    level: int,
    effort: int,
    progress: Progress,
    summary: Callable[[int, AnalysedUnit, Seams, EncodedUnit, Progress], Summary],
    of_encoding: Callable[[Progress], Progress] = lambda progress: progress,
) -> list[Summary]:
    """The `summary` of every encoded tile at one level, made in the thread of the tile; its latents are not kept. `of_encoding`:
    the progress of the encoding of a tile, given that of all work on it.
    """
    grid = analysed.grid
    assert grid is not None, "the picture is one unit"
    shares = Shares(len(grid), progress)

    def encoded(index: int) -> Summary:
        place, unit = grid.tiles[index], analysed.unit(codec, index)
        around = codec.surroundings(analysed.image, place, level) if effort else None
        seams = Seams(place, grid.whole, codec.stride)
        told = partial(shares.tell, index)
        tile = codec.encode(unit, level, effort, of_encoding(told), around, seams)
        result = summary(index, unit, seams, tile, told)
        shares.tell(index, 1.0)
        return result

    fixed, each = _encoding(codec, grid, effort)
    with crew(tiling, fixed + analysed.room * latents_of_a_tile(grid), each) as threads:
        return list(threads.results(partial(encoded, index) for index in range(len(grid))))


class Shares:
    """Adds the progress of all tiles up to that of the picture."""

    def __init__(self, count: int, progress: Progress):
        self._shares, self._progress = [0.0] * count, progress

    def tell(self, index: int, share: float) -> None:
        """Reports the share of a tile's work that is done."""
        self._shares[index] = share
        self._progress(sum(self._shares) / len(self._shares))


def _encoding(codec: UnitCodec, grid: Grid, effort: int) -> tuple[int, int]:
    """Bytes of a process that encodes an image in tiles, and further bytes a tile in work."""
    each = REFINING[codec.distortion] * largest(grid, codec.border) if effort else ENCODING * largest(grid)
    return (max(codec.process, PROCESS_WITH_TORCH) if effort else codec.process) + PIXEL * grid.width * grid.height, each
