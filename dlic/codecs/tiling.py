"""Big pictures: tiles that are coded independently, several at once, each shown as much around it as the transforms look at.

    image ─ tile + border ─ g_a ─ latent of the tile ─ coded as a small picture ─┐
                                                                  table of tiles ┴ stream (`container.tiles`)
    image ─ tile ─ g_s ─ y_hat + border ─ y_hat of the tiles around ─────────────┘

What is coded of a tile depends on nothing else, so that tiles are lost, and decoded, one by one. Every tile is computed on one
core, so that neither a file nor a picture depends on how many are in work.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from dlic.codecs.base import Decoded
from dlic.codecs.seams import Seams
from dlic.container.format import Container, write
from dlic.container.tiles import Grid, is_side, join, split, split_beginning
from dlic.errors import CorruptFileError, DlicError
from dlic.progress import Progress
from dlic.rectangles import Rectangle
from dlic.timing import timed

if TYPE_CHECKING:
    from dlic.codecs.learned import Analysed, LearnedCodec

Result = TypeVar("Result")

PIXEL = 3  # bytes of one in memory
LATENT = 5  # bytes a pixel of y: 320 float32 for 16 × 16 pixels
# Bytes: of a process with torch, a checkpoint and what oneDNN takes, and beside it of the work on a pixel of a unit. Measured with
# light-1 as the peaks of 1, 2 and 4 tiles at once; 100 megapixels then take 1.4 GB where these say 1.36. Refining lowers what a
# checkpoint was trained against; blurred planes of all scales stay in memory while the slope of MS-SSIM is found.
PROCESS, ENCODING, DECODING = 780_000_000, 130, 90
REFINING = {"mse": 470, "ms-ssim": 920}
LOST = 128  # gray in place of a lost tile


@dataclass(frozen=True)
class Tiling:
    """When and how a learned codec cuts pictures."""

    side: int = 1024  # pixels along a tile, a multiple of 64
    above: int = 1 << 21  # pixels that are still one unit
    at_once: int | None = None  # tiles in work; one a core if None
    max_memory: int | None = None  # bytes the process may take: fewer tiles at once, or a refusal

    def __post_init__(self) -> None:
        if not is_side(self.side):
            raise DlicError(f"the side of a tile is a multiple of 64 pixels up to 4096, not {self.side}")

    def cuts(self, height: int, width: int) -> bool:
        """Whether a picture becomes tiles."""
        return height * width > self.above

    def check_memory(self, needed: int) -> None:
        """Raises DlicError for work that takes more than is allowed."""
        if self.max_memory is not None and needed > self.max_memory:
            takes, has = f"{needed / 1e6:,.0f} MB", f"{self.max_memory / 1e6:,.0f} MB"
            raise DlicError(f"this takes about {takes} of memory, more than the {has} of --max-memory")

    def tiles_at_once(self, cores: int, fixed: int, each: int) -> int:
        """How many may be in work where so many bytes are taken anyway, and by each. Raises DlicError where not one fits."""
        self.check_memory(fixed + each)
        wanted = self.at_once or cores
        return wanted if self.max_memory is None else min(wanted, (self.max_memory - fixed) // each)


def one_unit(height: int, width: int, work: int) -> int:
    """Bytes that it takes to code a picture in one piece, where the `work` on a pixel takes so many."""
    return PROCESS + height * width * (PIXEL + work)


# --- encoding -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AnalysedTiles:
    """A big image, whose tiles are analysed when they are encoded."""

    image: np.ndarray  # uint8 (H, W, 3)
    grid: Grid
    room: int  # tiles whose latents may be kept for other levels
    kept: "dict[int, Analysed]" = field(default_factory=dict)

    @property
    def height(self) -> int:
        return self.image.shape[0]

    @property
    def width(self) -> int:
        return self.image.shape[1]

    def tile(self, codec: "LearnedCodec", index: int) -> "Analysed":
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

    container: Container
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


def analysed(codec: "LearnedCodec", image: np.ndarray, keep: bool) -> AnalysedTiles:
    """An image that is to be encoded in tiles; with `keep` as many latents as memory has room for are computed but once."""
    grid, memory = Grid(image.shape[1], image.shape[0], codec.tiling.side), codec.tiling.max_memory
    room = len(grid) if keep else 0
    if memory is not None:
        room = min(room, max(0, memory - sum(_encoding(codec, grid, 1))) // _kept(grid))
    return AnalysedTiles(image, grid, room)


def encode_at(codec: "LearnedCodec", analysed: AnalysedTiles, level: int, effort: int, progress: Progress) -> EncodedTiles:
    """All tiles of an image as a file of one level."""
    begun, grid = time.perf_counter(), analysed.grid
    shares = Shares(len(grid), progress)

    def encoded(index: int) -> EncodedTile:
        around = codec.surroundings(analysed.image, grid.tiles[index], level) if effort else None
        seams = Seams(grid.tiles[index], grid.whole, codec.network.stride)
        tile = codec.encode_at(analysed.tile(codec, index), level, effort, partial(shares.tell, index), around, seams)
        done = EncodedTile(tile.container, tile.estimated_bits, tile.seconds)
        shares.tell(index, 1.0)
        return done

    fixed, each = _encoding(codec, grid, effort)
    with _crew(codec, fixed + analysed.room * _kept(grid), each) as crew:
        tiles = list(crew.results(partial(encoded, index) for index in range(len(grid))))
    return EncodedTiles(
        write(join(grid, [tile.container for tile in tiles])),
        level,
        tuple(tile.container.symbols_crc for tile in tiles),
        sum(tile.estimated_bits for tile in tiles),
        _by_stage([tile.seconds for tile in tiles], time.perf_counter() - begun),
    )


class Shares:
    """Makes one progress of that of each tile."""

    def __init__(self, count: int, progress: Progress):
        self._shares, self._progress = [0.0] * count, progress

    def tell(self, index: int, share: float) -> None:
        """That so much of a tile is done."""
        self._shares[index] = share
        self._progress(sum(self._shares) / len(self._shares))


def _encoding(codec: "LearnedCodec", grid: Grid, effort: int) -> tuple[int, int]:
    """Bytes taken by a process that encodes an image in tiles, and beside them for each tile in work."""
    each = REFINING[codec.distortion] * _largest(grid, _border(codec)) if effort else ENCODING * _largest(grid)
    return PROCESS + PIXEL * grid.width * grid.height, each


def _kept(grid: Grid) -> int:
    """Bytes of the latents of one tile."""
    return LATENT * _largest(grid)


# --- decoding -----------------------------------------------------------------------------------------------------------


def decode(codec: "LearnedCodec", picture: Container, crop: Rectangle | None, progress: Progress, damaged: bool = False) -> Decoded:
    """A picture in tiles, or a part of it, from those tiles that it needs.

    Of a `damaged` one the tiles that can be read; the others are gray, and listed. Raises CorruptFileError where there are none.
    """
    begun = time.perf_counter()
    grid, tiles = split_beginning(picture) if damaged else split(picture)
    wanted = crop or grid.whole
    needed, lost = grid.meeting(wanted), []
    with _crew(codec, *_decoding(codec, grid, wanted)) as crew:
        work = TileDecoder(codec, grid, tiles, wanted, damaged)
        for done, index in enumerate(crew.results(work.tasks(needed, crew.executor)), start=1):
            lost += [] if index is None else [grid.tiles[index]]
            progress(done / len(needed))
    if len(lost) == len(needed):
        raise CorruptFileError("no tile of the picture can be read")
    return Decoded(work.image, _by_stage(work.spent, time.perf_counter() - begun), tuple(lost))


class TileDecoder:
    """Tiles → pixels of the part that is wanted, by tasks of which several may run at once.

    A tile's latents come from its stream, its pixels from its latents and the nearest of those around it.
    """

    def __init__(self, codec: "LearnedCodec", grid: Grid, tiles: Sequence[Container | None], wanted: Rectangle, damaged: bool):
        self._codec, self._grid, self._tiles, self._wanted, self._damaged = codec, grid, tiles, wanted, damaged
        self._stride = codec.network.stride
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
        return self._grid.tiles[index].grown(_border(self._codec), self._grid.whole)

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

    def _scale(self, index: int, tile: Container) -> np.ndarray | None:
        return Seams(self._grid.tiles[index], self._grid.whole, self._stride).scale(tile.finer)

    def _show(self, index: int, around: dict[int, Future]) -> int | None:
        latents = {other: latent.result() for other, latent in around.items()}
        if latents[index] is None:
            return index
        seconds: dict[str, float] = {}
        with timed(seconds, "transform"):
            seen = self._seen(index)
            pixels = self._codec.network.synthesise(self._joined(index, latents), self._tiles[index].level)
            shown = self._grid.tiles[index].overlap(self._wanted)
            self.image[shown.within(self._wanted)] = pixels[shown.within(seen)]
        self.spent.append(seconds)
        return None

    def _joined(self, index: int, latents: dict[int, np.ndarray | None]) -> np.ndarray:
        """The latents that a tile's pixels depend on, zero where they are lost."""
        seen, first = self._seen(index).in_steps(self._stride), self._codec.network.space
        shape = list(latents[index].shape)
        shape[first : first + 2] = seen.height, seen.width
        joined = np.zeros(shape, np.float32)
        for other, latent in latents.items():
            if latent is not None:
                place = self._grid.tiles[other].in_steps(self._stride)
                both = place.overlap(seen)
                joined[self._codec.latents_within(both, seen)] = latent[self._codec.latents_within(both, place)]
        return joined


def crcs(codec: "LearnedCodec", picture: Container) -> tuple[int, ...]:
    """CRC-32 of the symbols of every tile, read and checked."""
    grid, tiles = split(picture)
    with _crew(codec, *_decoding(codec, grid, grid.whole)) as crew:
        return tuple(crew.results(partial(_crc, codec, tile) for tile in tiles))


def _crc(codec: "LearnedCodec", tile: Container) -> int:
    return codec.symbols(tile).crc


def _decoding(codec: "LearnedCodec", grid: Grid, wanted: Rectangle) -> tuple[int, int]:
    """Bytes taken by a process that decodes tiles, and beside them for each in work; the latents of a row wait for the next."""
    fixed = PROCESS + PIXEL * wanted.width * wanted.height + _kept(grid) * (grid.columns + 2)
    return fixed, DECODING * _largest(grid, _border(codec))


# --- several at once ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Crew:
    """Threads that compute on one core each."""

    executor: Executor
    count: int

    def results(self, tasks: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """What the tasks give, in their order; few are begun before their results are taken."""
        waiting: deque[Future] = deque()
        for task in tasks:
            waiting.append(self.executor.submit(task))
            if len(waiting) > 2 * self.count:  # so that nobody is idle while the first takes longer than others
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _crew(codec: "LearnedCodec", fixed: int, each: int) -> Iterator[Crew]:
    """As many as cores and memory allow, of which so many bytes are taken anyway, and by each tile in work."""
    count = codec.tiling.tiles_at_once(codec.network.cores, fixed, each)
    with codec.network.workers(count) as executor:
        yield Crew(executor, count)


def _border(codec: "LearnedCodec") -> int:
    """Pixels around a tile that its transforms are shown."""
    return codec.network.halo * codec.network.stride


def _largest(grid: Grid, border: int = 0) -> int:
    """Pixels of the largest tile."""
    return max((tile.width + 2 * border) * (tile.height + 2 * border) for tile in grid.tiles)


def _by_stage(spent: Sequence[dict[str, float]], wall: float) -> dict[str, float]:
    """The time that went by, divided among the stages as all threads together spent theirs."""
    stages = {stage: sum(seconds.get(stage, 0.0) for seconds in spent) for stage in dict.fromkeys(chain.from_iterable(spent))}
    together = sum(stages.values()) or 1.0
    return {stage: wall * value / together for stage, value in stages.items()}
