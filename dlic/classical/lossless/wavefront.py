"""Lossless prediction of all planes of a picture in one wavefront, in the steps of `stripes`; plane p is p steps behind the first.

neighbours ─ candidates ─ blend ┬ + correction ─ prediction; residual = sample − prediction, modulo 2^depth
                                └ error ─ sizes around ─ activity ─ context ─ correction, table of the residual
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from dlic.classical.lossless import fitting
from dlic.classical.lossless.blending import NUMBERS, Numbers, blend, corrected
from dlic.classical.lossless.prediction import CANDIDATES, FAR, NEAR, At, around, candidates
from dlic.classical.lossless.stripes import ABOVE, LONGEST, Stripes, around_each, framed
from dlic.classical.lossless.uncertainty import BAND, BEFORE, CONTEXTS, Uncertainty, context_of, features, in_units
from dlic.entropy import learned_tables
from dlic.entropy.byte_reader import Reader
from dlic.errors import CorruptFileError

RING = 8  # steps a decoder remembers
REACH = 5  # steps that neighbours reach back
BLOCK = 1 << 16  # samples an encoder predicts at a time: their candidates' errors fit a second-level cache

Pull = Callable[[np.ndarray], np.ndarray]  # groups (N,) → residuals (N,)


def encode(planes: Sequence[np.ndarray], depth: int) -> bytes:
    """Planes (H, W) in 0 … 2^depth − 1: weights and corrections, then the residuals."""
    residuals, groups, uncertainty = predict(planes, depth)
    return uncertainty.to_bytes() + learned_tables.encode(residuals, groups, uncertainty.magnitudes, depth)


def decode(reader: Reader, shape: tuple[int, int, int], depth: int) -> list[np.ndarray]:
    """Inverse of `encode`: C planes (H, W) for the shape (H, W, C). Raises CorruptFileError."""
    if max(shape[:2]) > LONGEST:
        raise CorruptFileError(f"planes of {shape[1]} × {shape[0]} samples are not coded in one wavefront")
    uncertainty = Uncertainty.read(reader, shape[2], depth)
    decoder = learned_tables.Decoder(reader, Stripes(*shape[:2]).samples * shape[2], uncertainty.magnitudes, depth)
    planes = restore(shape, uncertainty, decoder.nothing, decoder.pull)
    decoder.finish()
    return planes


def predict(planes: Sequence[np.ndarray], depth: int) -> tuple[np.ndarray, np.ndarray, Uncertainty]:
    """Residuals and groups (N,) of planes (H, W) each, in 0 … 2^depth − 1; those of a plane in the order of its steps."""
    numbers, stripes = NUMBERS[depth], Stripes(*planes[0].shape)
    parts, fitted, residuals = [], [], list[np.ndarray]()
    for plane in planes:
        predicted = _Plane(stripes.cut(plane).astype(numbers.sample), residuals[: -BEFORE - 1 : -1], numbers)
        weights, corrections = predicted.fit()
        coded, groups = predicted.code(weights, corrections)
        parts.append((stripes.in_steps(coded), stripes.in_steps(groups) + np.uint8(len(residuals) * CONTEXTS[depth])))
        fitted.append((weights, corrections))
        residuals.append(coded)
    values, groups = (np.concatenate(column) for column in zip(*parts, strict=True))
    return values, groups, Uncertainty(depth, *(np.stack(column) for column in zip(*fitted, strict=True)))


def restore(shape: tuple[int, int, int], uncertainty: Uncertainty, nothing: int, pull: Pull) -> list[np.ndarray]:
    """Inverse of `predict`: C planes (H, W) for the shape (H, W, C).

    `pull` is called with the groups (N,) of the next samples and returns their residuals (N,): zeros for the group `nothing`.
    """
    height, width, planes = shape
    decoder = _Decoder(Stripes(height, width), planes, uncertainty, nothing)
    for step in range(decoder.stripes.steps + planes - 1):
        decoder.step(step, pull)
    return decoder.planes()


class _Plane:
    """An encoder's plane in stripes (S, R, C), next to the residuals of planes before, the last first."""

    def __init__(self, samples: np.ndarray, before: Sequence[np.ndarray], numbers: Numbers):
        self._samples, self._before, self._numbers = samples, before, numbers
        self._blended = np.empty_like(samples)
        for part in self._parts():
            self._blended[part] = _blended(samples[part], numbers)

    def fit(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights (FEATURES,) and corrections (bands, BEFORE)."""
        every = fitting.every(self._samples.size)
        rows = slice(every // 2, None, every) if every // 2 < self._samples.shape[1] else slice(None)
        looks = self._features(slice(None), rows).astype(np.float64)
        samples, blended, *before = (each[:, rows].ravel() for each in (self._samples, self._blended, *self._before))
        depth, residuals = self._numbers.depth, samples - blended
        for _ in range(2 if before else 1):  # once more with the residuals that corrections leave
            weights = fitting.weights(looks, np.abs(residuals))
            contexts = fitting.expected(weights, looks, depth)
            corrections = fitting.corrections(samples - blended, before, contexts, depth)
            factors = self._factors(corrections, contexts)
            residuals = samples - corrected(blended, before, factors, self._numbers)
        return weights, corrections

    def code(self, weights: np.ndarray, corrections: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals and contexts (S, R, C)."""
        residuals, contexts = np.empty_like(self._samples), np.empty(self._samples.shape, np.uint8)
        for part in self._parts():
            looks = self._features(part, slice(None))
            activities = in_units(weights.astype(looks.dtype) @ looks)
            contexts[part] = context_of(activities, self._numbers.depth).reshape(contexts[part].shape)
            before = [each[part] for each in self._before]
            predictions = corrected(self._blended[part], before, self._factors(corrections, contexts[part]), self._numbers)
            residuals[part] = self._numbers.wrap(self._samples[part] - predictions)
        return residuals, contexts

    def _features(self, part: slice, rows: slice) -> np.ndarray:
        """Features (FEATURES, N) of some rows of some stripes."""
        samples, blended = self._samples[part], self._blended[part]
        at = around_each(framed(samples, self._numbers.grey), rows)
        sizes = around_each(framed(np.abs(samples - blended), 0), rows)
        looks = features(sizes, at, [each[part][:, rows] for each in self._before], self._numbers.real)
        return looks.reshape(len(looks), -1)

    def _factors(self, corrections: np.ndarray, contexts: np.ndarray) -> np.ndarray:
        return corrections.T.astype(self._numbers.sample)[:, contexts // BAND]

    def _parts(self) -> Iterator[slice]:
        each = max(1, BLOCK // self._samples[0].size)
        for first in range(0, len(self._samples), each):
            yield slice(first, first + each)


def _blended(samples: np.ndarray, numbers: Numbers) -> np.ndarray:
    """The blends that predict stripes (S, R, C)."""
    said = candidates(around_each(framed(samples, numbers.grey)), numbers.peak)
    errors = framed(np.abs(said - samples), 0)
    return blend(said, around(around_each(errors)), numbers)


class _Decoder:
    """The last decoded steps: sample (row, column) of a plane p is at [column + 2 · row + p, (row + ABOVE, p, stripe)].

    The last axis is flat. So the samples of a step, and their neighbours in any direction, are contiguous.
    """

    def __init__(self, stripes: Stripes, planes: int, uncertainty: Uncertainty, nothing: int):
        self.stripes, self._planes, self._nothing = stripes, planes, nothing
        self._numbers, self._depth = NUMBERS[uncertainty.depth], uncertainty.depth
        self._width, rows, sample = planes * stripes.count, ABOVE + stripes.rows + 1, self._numbers.sample
        self._samples = np.full((REACH + stripes.steps + planes - 1, rows * self._width), self._numbers.grey, sample)
        self._errors = np.zeros((RING, CANDIDATES + 1, rows * self._width), sample)  # the last: those of the blend
        self._residuals = np.zeros((RING, rows, BEFORE + planes, stripes.count), sample)  # none before the first plane
        self._weights = self._for_rows(uncertainty.weights.T.astype(self._numbers.real))
        self._factors = uncertainty.by_group.astype(sample)
        self._first_groups = self._for_rows((np.arange(planes) * CONTEXTS[self._depth]).astype(np.uint8))

    def step(self, step: int, pull: Pull) -> None:
        """Decodes the samples of one step of each plane."""
        ranges = [self.stripes.rows_at(step - plane) for plane in range(self._planes)]
        low, high = min(first for first, end in ranges if end), max(end for _, end in ranges)
        samples_at, errors_at = self._at(self._samples, REACH + step, low, high), self._at(self._errors, step, low, high)
        near = {offset: errors_at(*offset) for offset in (*NEAR, *FAR)}
        before = self._before(step, low, high)
        said = candidates(samples_at, self._numbers.peak)
        blended = blend(said, around(lambda *offset: near[offset][:-1]), self._numbers)
        groups = self._groups(features(lambda *offset: near[offset][-1], samples_at, before, self._numbers.real))
        predictions = corrected(blended, before, self._factors.take(groups, axis=1), self._numbers)
        residuals = pull(self._left_out(groups, ranges, low)).astype(self._numbers.sample)
        samples = predictions + residuals & self._numbers.peak
        samples_at(0, 0)[...], now = samples, errors_at(0, 0)
        np.abs(samples - said, out=now[:-1])
        np.abs(samples - blended, out=now[-1])
        self._residuals[step % RING, low:high, BEFORE:] = residuals.reshape(-1, self._planes, self.stripes.count)
        self._extend(step, ranges)

    def planes(self) -> list[np.ndarray]:
        """All planes (H, W)."""
        by_row = self._samples[REACH:].reshape(-1, ABOVE + self.stripes.rows + 1, self._planes, self.stripes.count)
        skewed = [by_row[plane:, ABOVE:, plane] for plane in range(self._planes)]
        return [self.stripes.join(self.stripes.from_steps(part)).astype(np.int32) for part in skewed]

    def _for_rows(self, values: np.ndarray) -> np.ndarray:
        """Values (…, P) of planes, for each sample of a step."""
        return np.tile(np.repeat(values, self.stripes.count, axis=-1), self.stripes.rows)

    def _at(self, store: np.ndarray, now: int, low: int, high: int) -> At:
        size, width = len(store), self._width
        first, end = (low + ABOVE) * width, (high + ABOVE) * width
        return lambda down, right: store[(now + 2 * down + right) % size, ..., first + down * width : end + down * width]

    def _before(self, step: int, low: int, high: int) -> list[np.ndarray]:
        """Residuals of the planes before, the last first."""
        if self._planes == 1:
            return []
        backs = range(1, BEFORE + 1)
        return [self._residuals[(step - back) % RING, low:high, BEFORE - back :][:, : self._planes].ravel() for back in backs]

    def _groups(self, looks: np.ndarray) -> np.ndarray:
        """Groups (N,) of features (FEATURES, N)."""
        size = looks.shape[1]
        looks *= self._weights[:, :size]
        return context_of(in_units(looks.sum(axis=0)), self._depth) + self._first_groups[:size]

    def _left_out(self, groups: np.ndarray, ranges: Sequence[tuple[int, int]], low: int) -> np.ndarray:
        """Names no residual for samples that are not of this step, or not of the picture."""
        by_row = groups.reshape(-1, self._planes, self.stripes.count)
        for plane, (first, end) in enumerate(ranges):
            by_row[: max(0, first - low), plane] = self._nothing
            by_row[max(0, end - low) :, plane] = self._nothing
        by_row[max(0, self.stripes.last - low) :, :, -1] = self._nothing
        return groups

    def _extend(self, step: int, ranges: Sequence[tuple[int, int]]) -> None:
        """Neighbours outside of the stripes, as in `framed`."""
        for store, outside in ((self._samples[REACH + step], self._numbers.grey), (self._errors[step % RING], 0)):
            by_row = store.reshape(*store.shape[:-1], -1, self._planes, self.stripes.count)
            for plane, (first, end) in enumerate(ranges):
                if step < plane:
                    by_row[..., plane, :] = outside
                elif end:
                    by_row[..., first : first + ABOVE, plane, :] = by_row[..., first + ABOVE, None, plane, :]
                    by_row[..., end + ABOVE, plane, :] = by_row[..., end + ABOVE - 1, plane, :]
