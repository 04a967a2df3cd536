"""Wavelet coefficients as bit planes, from the highest down: contexts of bits, and the decoder's state after every piece.

As in EBCOT (Taubman 2000), a bit's context consists of the known bits of surrounding coefficients, but all bits of a quarter of a
band are prepared in one vectorised step: a band is four lattices, of (even, even), (odd, odd), (even, odd) and (odd, even) rows and
columns, and the coefficients of a lattice are not neighbours of each other. Those of later lattices have neighbours on all sides
that are known to this plane already.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from dlic.classical.wavelet.transform import Band, bands
from dlic.entropy.adaptive import PIECE, EndOfStream, Probabilities
from dlic.entropy.tables import PRECISION, TOTAL
from dlic.pixels.arrays import size_of_array

NONE = 255  # no plane is known
LIKELY = TOTAL * 6 // 100  # from this probability on, a first one is worth more per bit than a refinement
LATTICES = ((0, 0), (1, 1), (0, 1), (1, 0))

# Thresholds between classes of the sums of magnitudes, in units of half the plane's step.
NEAR_CLASSES = np.array([1, 2, 3, 4, 6, 8, 11, 15, 21, 30, 45])
FAR_CLASSES = np.array([1, 2, 4, 7, 12, 22])
NEAR, FAR = len(NEAR_CLASSES) + 1, len(FAR_CLASSES) + 1

# Contexts: significance by (chroma, diagonal, far, near), refinement by (chroma, later, near), signs by (kind, across, along), and
# whether a band wakes by (chroma).
SIGNIFICANCE = 0
REFINEMENT = SIGNIFICANCE + 2 * 2 * FAR * NEAR
SIGN = REFINEMENT + 2 * 2 * NEAR
ALIVE = SIGN + 4 * 9
CONTEXTS = ALIVE + 2


Target = np.ndarray | None  # the coefficients, signed whole numbers, where an encoder knows them


class Coder(Protocol):
    """Codes or decodes bits for the walk: entropy.adaptive's Writer and Decoder."""

    probabilities: Probabilities

    def code(self, contexts: np.ndarray, bits: Any) -> np.ndarray:
        """Codes bits (N,) in contexts (N,) and returns them; a decoder gets None for the bits."""

    def end_piece(self, cost: int) -> None: ...


class State:
    """The known bits of a band's coefficients."""

    def __init__(self, band: Band, component: int, target: np.ndarray | None):
        self.band, self.component, self.target = band, component, target
        self.frame = np.zeros((band.shape[0] + 2, band.shape[1] + 2), np.int32)  # with a border of zeros; bits not known are 0
        self.low = np.full(band.shape, NONE, np.uint8)  # the lowest plane known of each coefficient
        self.alive = False

    @property
    def place(self) -> tuple[slice, slice]:
        return self.band.rows, self.band.columns

    @property
    def known(self) -> np.ndarray:
        """Signed whole numbers (H, W)."""
        return self.frame[1:-1, 1:-1]


def prior() -> Probabilities:
    """Prior of the contexts' probabilities."""
    ones, observations = np.full(CONTEXTS, 16), np.full(CONTEXTS, 32)
    chance = np.add.outer(np.arange(FAR) * 2, np.arange(NEAR) * 3) + 1  # in 1/64
    ones[:REFINEMENT] = np.tile((chance * 4).ravel(), 4)
    observations[:REFINEMENT] = 256
    return Probabilities(np.minimum(ones, observations - 1), observations)


def states(shape: tuple[int, int], components: int, levels: int, targets: Sequence[np.ndarray] | None = None) -> list[State]:
    """Every band that is not empty, coarse to fine, luma first; with the coefficients (H, W) of each component, for an encoder."""
    result = []
    for band in bands(shape, levels):
        for component in range(components if 0 not in band.shape else 0):
            target = None if targets is None else targets[component][band.rows, band.columns]
            result.append(State(band, component, target))
    return result


def walk(found: list[State], planes: int, coder: Coder) -> None:
    """Code or decode all bits of planes − 1 … 0; stops where the coder does.

    Each plane in two passes, by what a bit is worth (Taubman's fractional bit planes): likely significance first, then all else.
    """
    named = {(state.component, state.band.level, state.band.kind): state for state in found}
    try:
        for plane in reversed(range(planes)):
            for likely in (True, False):
                for state in found:
                    _walk_band(state, named, plane, likely, coder)
    except EndOfStream:
        return


def _walk_band(state: State, named: dict, plane: int, likely: bool, coder: Coder) -> None:
    if not state.alive and (not likely or not _wakes(state, plane, coder)):
        return
    far = _far(state, named, plane)
    for lattice in LATTICES:
        _walk_lattice(state, far, lattice, plane, likely, coder)


def _wakes(state: State, plane: int, coder: Coder) -> bool:
    """Codes whether the band has a significant bit in this plane."""
    bit = None if state.target is None else np.array([np.abs(state.target).max() >> plane > 0], np.int32)
    state.alive = bool(coder.code(np.array([ALIVE + (state.component > 0)]), bit)[0])
    coder.end_piece(1 << 12)
    return state.alive


def _walk_lattice(state: State, far: np.ndarray, lattice: tuple[int, int], plane: int, likely: bool, coder: Coder) -> None:
    place = slice(lattice[0], None, 2), slice(lattice[1], None, 2)
    known, low = state.known[place], state.low[place]
    if not known.size:
        return
    contexts, signs = _contexts(state, far[place], lattice, plane)
    pending = low.ravel() != plane
    if likely:
        pending &= (contexts < REFINEMENT) & (coder.probabilities.ones[contexts] >= LIKELY)
    where = np.flatnonzero(pending)
    target = None if state.target is None else state.target[place].ravel()[where]
    values, contexts, signs = known.ravel()[where], contexts[where], signs[where]
    rows, columns = np.divmod(where, known.shape[1])
    for part, cost in _pieces(contexts, coder.probabilities):
        _code_piece(values[part], contexts[part], signs[part], None if target is None else target[part], plane, coder)
        known[rows[part], columns[part]] = values[part]
        low[rows[part], columns[part]] = plane
        coder.end_piece(cost)


def _code_piece(
    values: np.ndarray, contexts: np.ndarray, signs: np.ndarray, target: np.ndarray | None, plane: int, coder: Coder
) -> None:
    """Code or decode the bits of a plane for some coefficients, and the signs of those that become significant."""
    bits = coder.code(contexts, None if target is None else np.abs(target) >> plane & 1)
    new = np.flatnonzero((values == 0) & (bits != 0))
    negative = coder.code(signs[new], None if target is None else (target[new] < 0).astype(np.int32))
    values += np.sign(values) * (bits << plane)
    values[new] = np.where(negative != 0, -1 << plane, 1 << plane)


def _pieces(contexts: np.ndarray, probabilities: Probabilities) -> Iterator[tuple[slice, int]]:
    """Parts with an expected size of PIECE bytes each, and their expected costs."""
    expected = probabilities.costs()
    expected[:REFINEMENT] += probabilities.ones[:REFINEMENT] >> PRECISION - 12  # a sign for every first one
    total = np.cumsum(expected[contexts])
    budget = PIECE << 15
    ends = np.searchsorted(total, np.arange(budget, total[-1] if total.size else 0, budget)) + 1
    edges = np.unique(np.concatenate([[0], ends, [total.size]]))
    for start, stop in pairwise(edges):
        yield slice(start, stop), int(total[stop - 1] - (total[start - 1] if start else 0))


def _far(state: State, named: dict, plane: int) -> np.ndarray:
    """Classes (H, W) of the magnitudes elsewhere: at the coarser level, in the level's other bands, in the component before."""
    band, component = state.band, state.component
    total = np.zeros(band.shape, np.int32)
    parent = named.get((component, band.level + 1, band.kind))
    if parent is not None:
        rows, columns = (
            np.minimum(np.arange(size) // 2, limit - 1) for size, limit in zip(band.shape, parent.band.shape, strict=True)
        )
        total += (2 * np.abs(parent.known) >> plane)[rows[:, None], columns]
    for kind in {"HL": (), "LH": ("HL",), "HH": ("HL", "LH"), "LL": ()}[band.kind]:
        earlier = named.get((component, band.level, kind))
        if earlier is not None:
            size = slice(min(band.shape[0], earlier.band.shape[0])), slice(min(band.shape[1], earlier.band.shape[1]))
            total[size] += (2 * np.abs(earlier.known[size])) >> plane
    for earlier in range(component):
        total += (2 * np.abs(named[earlier, band.level, band.kind].known)) >> plane
    return np.searchsorted(FAR_CLASSES, total, side="right").astype(np.int32)


def _contexts(state: State, far: np.ndarray, lattice: tuple[int, int], plane: int) -> tuple[np.ndarray, np.ndarray]:
    """Contexts of the bits, and of the signs, of a lattice: (N,) each."""
    at = _neighbours(state.frame, lattice, size_of_array(far))
    chroma, kind = int(state.component > 0), state.band.kind
    sideways, upright = _sum(at((0, -1)), at((0, 1)), plane), _sum(at((-1, 0)), at((1, 0)), plane)
    oblique = _sum(at((-1, -1)), at((1, 1)), plane) + _sum(at((-1, 1)), at((1, -1)), plane)
    if kind == "HL":
        near = sideways + 2 * upright
    elif kind == "LH":
        near = 2 * sideways + upright
    else:
        near = sideways + upright + (sideways + upright >> 1)
    near = np.searchsorted(NEAR_CLASSES, near + (oblique >> 1), side="right").astype(np.int32)
    magnitude = np.abs(at((0, 0))) >> plane + 1
    significance = SIGNIFICANCE + ((2 * chroma + (kind == "HH")) * FAR + far) * NEAR + near
    refinement = REFINEMENT + (2 * chroma + (magnitude > 1)) * NEAR + near
    across = np.clip(np.sign(at((0, -1))) + np.sign(at((0, 1))), -1, 1)
    along = np.clip(np.sign(at((-1, 0))) + np.sign(at((1, 0))), -1, 1)
    signs = SIGN + ("LL", "HL", "LH", "HH").index(kind) * 9 + 3 * across + along + 4
    return np.where(magnitude > 0, refinement, significance).ravel(), signs.ravel()


def _neighbours(frame: np.ndarray, lattice: tuple[int, int], shape: tuple[int, int]):
    def at(offset: tuple[int, int]) -> np.ndarray:
        top, left = 1 + lattice[0] + offset[0], 1 + lattice[1] + offset[1]
        return frame[top : top + 2 * shape[0] - 1 : 2, left : left + 2 * shape[1] - 1 : 2]

    return at


def _sum(a: np.ndarray, b: np.ndarray, plane: int) -> np.ndarray:
    """Of two magnitudes, in half steps of the plane."""
    return (2 * np.abs(a) >> plane) + (2 * np.abs(b) >> plane)
