"""Lossless prediction of samples from those above and to the left: Paeth, MED, and an error-weighted blend.

Around a sample x, all known to the decoder when it reaches x:

           nn  nne
        nw n   ne
    ww  w  x

The residual x − prediction is taken modulo 2^depth, so 8- and 16-bit samples have residuals of 8 and 16 bits. The activity of a
sample is the size of the residuals around it; a coder chooses its table by it.

All samples of an encoder's picture are predicted at once. A decoder has x only after w and ne, so it goes along the diagonals
column + 2 · row = t, whose samples do not depend on each other: one vectorised step each. Pictures that are long and thin, whose
diagonals would be short, are cut into strips which are decoded side by side.
"""

from collections.abc import Callable, Iterator

import numpy as np

from dlic.images.png import paeth

ABOVE, LEFT, RIGHT = 2, 2, 1  # how far neighbours reach
CANDIDATES = 12
RING = 8  # diagonals a decoder remembers, more than the five that neighbours reach back
BLOCK = 1 << 16  # samples an encoder predicts at a time: their candidates' errors fit a second-level cache
STRIP = 1024  # columns: the prediction starts anew in every strip, which costs 0.1 % of a photograph and bounds the steps
PREDICTORS = ("paeth", "med", "blend")

# Neighbours whose residuals, or whose candidates' errors, measure the uncertainty of a sample. The nearest count twice.
NEAR = ((0, -1), (-1, 0))
FAR = ((-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-2, -1), (-2, 1))

At = Callable[[int, int], np.ndarray]  # (rows down, columns right) → the neighbours there
Pull = Callable[[np.ndarray], np.ndarray]  # activities (N,) → residuals (N,)


def med(w: np.ndarray, n: np.ndarray, nw: np.ndarray) -> np.ndarray:
    """The median of w, n and w + n − nw (LOCO-I, JPEG-LS): an edge detector."""
    return np.clip(w + n - nw, np.minimum(w, n), np.maximum(w, n))


def candidates(at: At, peak: int) -> np.ndarray:
    """Predictions of simple predictors, 0 … `peak`: (CANDIDATES, …). The samples' type holds −`peak` … 3 · `peak`."""
    w, n, nw, ne = at(0, -1), at(-1, 0), at(-1, -1), at(-1, 1)
    said = (
        w, n, w + n - nw, w + ne - n, n + (ne - nw >> 1), 2 * n - at(-2, 0), 2 * w - at(0, -2), n + ne - at(-2, 1),
        med(w, n, nw), w + n + 1 >> 1, w + (ne - n >> 1), w + ne + 1 >> 1,
    )  # fmt: skip
    predictions = np.empty((CANDIDATES, *w.shape), w.dtype)
    for target, values in zip(predictions, said, strict=True):
        target[...] = values
    return np.clip(predictions, 0, peak, out=predictions)


def blend(said: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The mean of candidates (CANDIDATES, …), each weighted by 1 / (its errors nearby)², in whole numbers.

    After Seemann & Tischer 1997, "Generalized locally adaptive DPCM". Errors below 2²⁰ and 16-bit samples stay within 63 bits.
    """
    weights = (1 << 40) // (errors * errors + 1)
    total = weights.sum(axis=0)
    return ((weights * said).sum(axis=0) + (total >> 1)) // total


def predict(plane: np.ndarray, depth: int, predictor: str, beside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residuals and activities (H·W,) of samples (H, W) in 0 … 2^depth − 1, and the residuals' magnitudes (H, W); all int32.

    The first two in the order in which `restore` asks for them. `beside` (H, W) is added to the activities: other information about
    each sample's uncertainty.
    """
    magnitudes, parts = np.empty(plane.shape, np.int32), []
    for strips, sizes, extra in zip(_strips(plane), _strips(magnitudes), _strips(beside), strict=True):
        residuals = _wrap(strips - _predict_blocks(strips, depth, predictor), depth)
        sizes[...] = np.abs(residuals)
        activities = extra + around(_at(_padded(sizes), *strips.shape[-2:]))
        order = _diagonal_order(*strips.shape)
        parts.append((residuals.ravel()[order], activities.ravel()[order]))
    residuals, activities = (np.concatenate(column) for column in zip(*parts, strict=True))
    return residuals, activities, magnitudes


def restore(
    beside: np.ndarray, depth: int, predictor: str, pull: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of `predict`: samples and the magnitudes of their residuals (H, W), given `beside` (H, W).

    `pull` is called with the activities (N,) of the next samples and returns their residuals (N,).
    """
    samples, magnitudes = np.empty((2, *beside.shape), np.int32)
    for target, sizes, extra in zip(_strips(samples), _strips(magnitudes), _strips(beside), strict=True):
        target[...], sizes[...] = _restore_strips(extra, depth, predictor, pull)
    return samples, magnitudes


def around(at: At) -> np.ndarray:
    """The weighted sum of magnitudes around each sample."""
    total = at(*NEAR[0]) + at(*NEAR[1])
    total += total
    for offset in FAR:
        total += at(*offset)
    return total


def _prediction(predictor: str, samples: At, errors: At, peak: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The prediction, and the candidates' predictions if the predictor has candidates."""
    if predictor == "blend":
        predictions = candidates(samples, peak)
        return blend(predictions, around(errors).astype(np.int64)), predictions
    named = {"paeth": paeth, "med": med}[predictor]
    return named(samples(0, -1), samples(-1, 0), samples(-1, -1)), None


def _wrap(values: np.ndarray, depth: int) -> np.ndarray:
    """Modulo 2^depth, around zero."""
    half = 1 << (depth - 1)
    return (values + half & (2 * half - 1)) - half


def _predict_blocks(strips: np.ndarray, depth: int, predictor: str) -> np.ndarray:
    """The predictions, a few rows at a time."""
    count, height, width = strips.shape
    frame = _framed(strips, 1 << (depth - 1))
    predicted, step = np.empty(strips.shape, np.int32), max(1, BLOCK // (count * width))
    errors = np.zeros((CANDIDATES, count, ABOVE + step, LEFT + width + RIGHT), np.int32)
    inside = errors[..., ABOVE:, LEFT : LEFT + width]
    for top in range(0, height, step):
        rows = min(step, height - top)
        samples = _at(frame[:, top:], rows, width)
        if predictor == "blend":
            errors[..., :ABOVE, :] = errors[..., step:, :]
            inside[..., :rows, :] = np.abs(strips[:, top : top + rows] - candidates(samples, (1 << depth) - 1))
        predicted[:, top : top + rows], _ = _prediction(predictor, samples, _at(errors, rows, width), (1 << depth) - 1)
    return predicted


def _restore_strips(beside: np.ndarray, depth: int, predictor: str, pull: Pull) -> tuple[np.ndarray, np.ndarray]:
    count, height, width = beside.shape
    order = _diagonal_order(count, height, width)
    extra = beside.ravel()[order]
    diagonals = _Diagonals(count, height, width, depth, predictor)
    samples, magnitudes, done = np.empty(order.size, np.int32), np.empty(order.size, np.int32), 0
    for t, low, high in _diagonal_rows(height, width):
        part = slice(done, done + count * (high - low))
        samples[part], magnitudes[part] = diagonals.step(t, low, high, extra[part], pull)
        done = part.stop
    pictures = np.empty((2, order.size), np.int32)
    pictures[0, order], pictures[1, order] = samples, magnitudes
    restored, sizes = pictures.reshape(2, *beside.shape)
    return restored, sizes


class _Diagonals:
    """The last decoded diagonals: sample (row, column) is at [(column + 2 · row) % RING, …, row + ABOVE]."""

    def __init__(self, count: int, height: int, width: int, depth: int, predictor: str):
        self._width, self._depth, self._predictor = width, depth, predictor
        self._samples = np.full((RING, count, height + ABOVE), 1 << (depth - 1), np.int32)
        self._magnitudes = np.zeros((RING, count, height + ABOVE), np.int32)
        self._errors = np.zeros((RING, CANDIDATES, count, height + ABOVE), np.int32)

    def step(self, t: int, low: int, high: int, beside: np.ndarray, pull: Pull) -> tuple[np.ndarray, np.ndarray]:
        """Decode rows low … high − 1 of diagonal t: their samples and magnitudes, strip after strip."""
        place = slice(low + ABOVE, high + ABOVE)
        self._clear(t)
        predicted, guess = _prediction(self._predictor, self._at(self._samples, t, low, high), self._at(self._errors, t, low, high),
                                      (1 << self._depth) - 1)  # fmt: skip
        activities = around(self._at(self._magnitudes, t, low, high))
        residuals = pull(activities.ravel() + beside).reshape(predicted.shape)
        samples = predicted + residuals & (1 << self._depth) - 1
        now = t % RING
        self._samples[now, :, place], self._magnitudes[now, :, place] = samples, np.abs(residuals)
        if guess is not None:
            self._errors[now, ..., place] = np.abs(samples - guess)
        self._extend(t, low, high)
        return samples.ravel(), np.abs(residuals).ravel()

    def _at(self, ring: np.ndarray, t: int, low: int, high: int) -> At:
        return lambda down, right: ring[(t + 2 * down + right) % RING, ..., low + down + ABOVE : high + down + ABOVE]

    def _clear(self, t: int) -> None:
        self._samples[t % RING] = 1 << (self._depth - 1)
        self._magnitudes[t % RING] = self._errors[t % RING] = 0

    def _extend(self, t: int, low: int, high: int) -> None:
        """The first sample of a row also stands left of the row below, the last of a row right of it; see `_framed`."""
        now, before = self._samples[t % RING], self._samples[(t - 1) % RING]
        first = t // 2 + ABOVE  # the row whose first sample is on this diagonal, or was on the one before
        if first + 1 < now.shape[1]:
            now[:, first + 1] = (before if t % 2 else now)[:, first]
        row = (t - self._width) // 2
        if row * 2 == t - self._width and 0 <= row < now.shape[1] - ABOVE:
            now[:, row + ABOVE] = before[:, row + ABOVE]


def _framed(strips: np.ndarray, grey: int) -> np.ndarray:
    """Strips (B, H, W) with a border: grey above; on the left the first sample of the row above; on the right the row's last."""
    count, height, width = strips.shape
    frame = np.full((count, ABOVE + height, LEFT + width + RIGHT), grey, np.int32)
    frame[:, ABOVE:, LEFT : LEFT + width] = strips
    frame[:, ABOVE + 1 :, :LEFT] = strips[:, :-1, :1]
    frame[:, ABOVE:, LEFT + width :] = strips[:, :, -1:]
    return frame


def _padded(planes: np.ndarray) -> np.ndarray:
    return np.pad(planes, [(0, 0)] * (planes.ndim - 2) + [(ABOVE, 0), (LEFT, RIGHT)])


def _at(frame: np.ndarray, height: int, width: int) -> At:
    return lambda down, right: frame[..., ABOVE + down : ABOVE + down + height, LEFT + right : LEFT + right + width]


def _strips(plane: np.ndarray) -> list[np.ndarray]:
    """Views (B, H, W) that make up a plane (H, W), turned if it is higher than wide: those of equal width, then the rest."""
    plane = plane.T if plane.shape[0] > plane.shape[1] else plane
    height, width = plane.shape
    each = -(-width // -(-width // STRIP))
    count = width // each
    equal = plane[:, : count * each].reshape(height, count, each)  # splitting an axis never copies
    rest = plane[:, count * each :]
    return [equal.transpose(1, 0, 2), *([rest[None]] if rest.size else [])]


def _diagonal_rows(height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """(t, first row, row behind the last) of every diagonal; some have none where the picture is one column wide."""
    for t in range(width + 2 * (height - 1)):
        yield t, max(0, (t - width + 2) // 2), min(height, t // 2 + 1)


def _diagonal_order(count: int, height: int, width: int) -> np.ndarray:
    """Where the samples of strips (B, H, W) lie, diagonal by diagonal: (B·H·W,)."""
    t = np.arange(width) + 2 * np.arange(height)[:, None]
    small = np.broadcast_to(t, (count, height, width)).astype(np.min_scalar_type(int(t[-1, -1])))  # 16 bits are sorted by radix
    return np.argsort(small, axis=None, kind="stable")
