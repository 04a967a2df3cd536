"""Big pictures: tiles that are coded independently and in parallel. Each tile has a border as wide as the transforms' receptive
fields.

    image ─ tile + border ─ g_a ─ latent of the tile ─ coded as a small picture ─┐
                                                                  table of tiles ┴ stream (`container.tiles`)
    image ─ tile ─ g_s ─ y_hat + border ─ y_hat of the tiles around ─────────────┘

The stream of a tile depends on no other tile, so tiles are decoded, and lost, one by one. Every tile is computed on one core, so
neither files nor pixels depend on the number of tiles in work. `encoder` reads this drawing from the left and `decoder` from the
right; this module says when pictures are cut, and how much memory and which threads that takes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from dlic.container.tiles import MAX_SIDE, UNIT, is_side
from dlic.container.units import MAX_UNIT
from dlic.errors import DlicError
from dlic.pixels.grid import Grid
from dlic.runtime import memory, threads

Result = TypeVar("Result")

PIXEL = 3  # bytes of one in memory
LATENT = 5  # bytes a pixel of y: 320 float32 for 16 × 16 pixels
# Bytes of the work on a pixel of a unit, next to those of the process. Measured with light-1 as the peaks of 1, 2, 4 tiles at once;
# 100 megapixels then take 1.4 GB where these say 1.36. Refinement minimises the checkpoint's training distortion; the gradient of
# MS-SSIM keeps blurred planes of all scales in memory.
ENCODING, DECODING = 130, 90
REFINING = {"mse": 470, "ms-ssim": 920, "visual": 920}


@dataclass(frozen=True)
class Tiling:
    """When and how a learned codec cuts pictures."""

    side: int = MAX_SIDE  # pixels along a tile, a multiple of `container.tiles.UNIT`
    above: int = MAX_UNIT  # pixels that are still one unit
    at_once: int | None = None  # tiles in work; one a core if None
    max_memory: int | None = None  # bytes the process may take; None: a share of the free memory at the start
    process: int = memory.PROCESS_WITH_TORCH  # bytes that it takes before any work

    def __post_init__(self) -> None:
        if not is_side(self.side):
            raise DlicError(f"the side of a tile is a multiple of {UNIT} pixels up to {MAX_SIDE}, not {self.side}")
        if self.above > MAX_UNIT:
            raise DlicError(f"a picture of more than {MAX_UNIT:,} pixels is in tiles; {self.above:,} cannot be one unit")

    def cuts(self, height: int, width: int) -> bool:
        """Whether a picture of this size is cut into tiles."""
        return height * width > self.above

    def check_memory(self, needed: int) -> None:
        """Raises DlicError for work that takes more bytes than the limit."""
        if needed > (limit := self._limit()):
            takes, has = f"{needed / 1e6:,.0f} MB", f"{limit / 1e6:,.0f} MB"
            whose = "of" if self.max_memory is not None else "that this machine can spare; more is allowed by"
            raise DlicError(f"this takes about {takes} of memory, more than the {has} {whose} --max-memory")

    def tiles_at_once(self, cores: int, fixed: int, each: int) -> int:
        """Number of tiles that may be in work, for `fixed` bytes and `each` more a tile. Raises DlicError where not one fits."""
        self.check_memory(fixed + each)
        return max(1, min(self.at_once or cores, (self._limit() - fixed) // each))

    def tiles_kept(self, fixed: int, each: int) -> int:
        """Number of tiles of `each` bytes that fit in memory next to `fixed` other bytes."""
        return max(0, self._limit() - fixed) // each

    def _limit(self) -> int:
        return self.process + memory.ceiling() if self.max_memory is None else self.max_memory


def one_unit(height: int, width: int, work: int, process: int) -> int:
    """Bytes of a `process` that codes a picture in one piece, at `work` bytes a pixel."""
    return process + height * width * (PIXEL + work)


def latents_of_a_tile(grid: Grid) -> int:
    """Bytes of the latents of one tile."""
    return LATENT * largest(grid)


def largest(grid: Grid, border: int = 0) -> int:
    """Pixels of the largest tile."""
    return max((tile.width + 2 * border) * (tile.height + 2 * border) for tile in grid.tiles)


@dataclass(frozen=True)
class Crew:
    """Threads that compute on one core each."""

    executor: Executor
    count: int

    def results(self, tasks: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """The results of the tasks, in order. Only a few tasks run ahead of the results that the caller has taken."""
        waiting: deque[Future[Result]] = deque()
        for task in tasks:
            waiting.append(self.executor.submit(task))
            if len(waiting) > 2 * self.count:  # so that no thread is idle while the first task takes longer than others
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def crew(tiling: Tiling, fixed: int, each: int) -> Iterator[Crew]:
    """As many threads as cores and memory allow, for `fixed` bytes and `each` more a tile in work."""
    count = tiling.tiles_at_once(threads.cores(), fixed, each)
    with threads.pool(count) as executor:
        yield Crew(executor, count)


def by_stage(spent: Sequence[dict[str, float]], wall: float) -> dict[str, float]:
    """Wall time, divided among the stages in proportion to the sums over all threads."""
    stages = {stage: sum(seconds.get(stage, 0.0) for seconds in spent) for stage in dict.fromkeys(chain.from_iterable(spent))}
    together = sum(stages.values()) or 1.0
    return {stage: wall * value / together for stage, value in stages.items()}
