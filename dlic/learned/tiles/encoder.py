"""Big pictures → files in tiles (`learned.tiles.plan` draws how)."""

import time
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from dlic.container.format import write
from dlic.container.tiles import join, tile_grid
from dlic.container.units import CodedUnit
from dlic.learned.tiles.plan import ENCODING, PIXEL, PROCESS, REFINING, Tiling, border, by_stage, crew, largest, latents_of_a_tile
from dlic.learned.tiles.seams import Seams
from dlic.learned.unit import Analysed, UnitCodec
from dlic.pixels.grid import Grid
from dlic.progress import Progress


@dataclass(frozen=True)
class AnalysedTiles:
    """A big image, whose tiles are analysed when they are encoded."""

    image: np.ndarray  # uint8 (H, W, 3)
    grid: Grid
    room: int  # tiles whose latents may be kept for other levels
    kept: dict[int, Analysed] = field(default_factory=dict)

    @property
    def height(self) -> int:
        return self.image.shape[0]

    @property
    def width(self) -> int:
        return self.image.shape[1]

    def tile(self, codec: UnitCodec, index: int) -> Analysed:
        """One tile, analysed now unless it was kept."""
        if index in self.kept:
            return self.kept[index]
        found = codec.analyse_part(self.image, self.grid.tiles[index])
        if index < self.room:
            self.kept[index] = replace(found, seconds={})
        return found


@dataclass(frozen=True)
class EncodedTile:
    """What is left of a tile once it is encoded."""

    unit: CodedUnit
    estimated_bits: float
    seconds: dict[str, float]  # by stage


@dataclass(frozen=True)
class EncodedTiles:
    """A compressed big image with what is worth reporting about it."""

    data: bytes
    level: int
    crcs: tuple[int, ...]  # of the symbols of each tile
    estimated_bits: float
    seconds: dict[str, float]  # by stage


def analysed(codec: UnitCodec, tiling: Tiling, image: np.ndarray, keep: bool) -> AnalysedTiles:
    """An image that is to be encoded in tiles; with `keep` as many latents as memory has room for are computed but once."""
    grid, memory = tile_grid(image.shape[1], image.shape[0], tiling.side), tiling.max_memory
    room = len(grid) if keep else 0
    if memory is not None:
        room = min(room, max(0, memory - sum(_encoding(codec, grid, 1))) // latents_of_a_tile(grid))
    return AnalysedTiles(image, grid, room)


def encode_at(
    codec: UnitCodec, tiling: Tiling, analysed: AnalysedTiles, level: int, effort: int, progress: Progress
) -> EncodedTiles:
    """All tiles of an image as a file of one level."""
    begun, grid = time.perf_counter(), analysed.grid
    shares = Shares(len(grid), progress)

    def encoded(index: int) -> EncodedTile:
        around = codec.surroundings(analysed.image, grid.tiles[index], level) if effort else None
        seams = Seams(grid.tiles[index], grid.whole, codec.deployed.decoder.stride)
        tile = codec.encode_unit(analysed.tile(codec, index), level, effort, partial(shares.tell, index), around, seams)
        done = EncodedTile(tile.unit, tile.estimated_bits, tile.seconds)
        shares.tell(index, 1.0)
        return done

    fixed, each = _encoding(codec, grid, effort)
    with crew(tiling, fixed + analysed.room * latents_of_a_tile(grid), each) as threads:
        tiles = list(threads.results(partial(encoded, index) for index in range(len(grid))))
    return EncodedTiles(
        write(replace(join(grid, [tile.unit for tile in tiles]), chunks=codec.chunks)),
        level,
        tuple(tile.unit.symbols_crc for tile in tiles),
        sum(tile.estimated_bits for tile in tiles),
        by_stage([tile.seconds for tile in tiles], time.perf_counter() - begun),
    )


class Shares:
    """Makes one progress of that of each tile."""

    def __init__(self, count: int, progress: Progress):
        self._shares, self._progress = [0.0] * count, progress

    def tell(self, index: int, share: float) -> None:
        """That so much of a tile is done."""
        self._shares[index] = share
        self._progress(sum(self._shares) / len(self._shares))


def _encoding(codec: UnitCodec, grid: Grid, effort: int) -> tuple[int, int]:
    """Bytes taken by a process that encodes an image in tiles, and beside them for each tile in work."""
    each = REFINING[codec.distortion] * largest(grid, border(codec.deployed.decoder)) if effort else ENCODING * largest(grid)
    return PROCESS + PIXEL * grid.width * grid.height, each
