"""An evaluation: the pictures, the codecs, and a row for each file that was written; means and curves follow from the rows."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dlic.evaluation.provenance import Provenance
from dlic.evaluation.rate_distortion import Point
from dlic.evaluation.scores import HIGH_QUALITY, as_score


@dataclass(frozen=True)
class Picture:
    """One of the images that are measured on."""

    name: str  # of its file
    width: int
    height: int
    sha256: str  # of its pixels

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class Entry:
    """A codec of a run."""

    name: str  # as --codecs takes it
    label: str  # as tables and figures call it
    identity: str  # everything its files depend on: a fingerprint, or options and versions
    note: str = ""  # note for readers of the comparison
    ending: str = ""  # of its files
    effort: int = 0  # of a learned codec
    peak_memory_mb: float | None = None  # of a process that codes the largest picture once; None where it was not measured


@dataclass(frozen=True)
class Row:
    """Measurements of one file: its size and its decoded pixels."""

    codec: str
    quality: float | None  # None where the codec has one rate
    image: str
    bytes: int
    bpp: float
    encode_ms: float  # pixels to bytes and back, without the disk
    decode_ms: float
    estimated_bits: float | None  # of the same symbols, by the tables of a learned codec
    metrics: dict[str, float | None]  # by name, as in `metrics.METRICS`; None where the picture is too small for one

    @property
    def key(self) -> tuple[str, float | None, str]:
        return self.codec, self.quality, self.image


@dataclass(frozen=True)
class Mean:
    """The rows of a codec at one quality: means over the images of the per-image values."""

    codec: str
    quality: float | None
    images: int
    bpp: float
    metrics: dict[str, float | None]
    psnr_of_mean_mse: float | None  # dB: the other common convention, which is lower where images differ
    encode_ms: float  # medians, which other work on the machine changes less
    decode_ms: float
    gap: float | None  # share by which files exceed `estimated_bits`


@dataclass(frozen=True)
class Run:
    """Everything that was measured."""

    provenance: Provenance
    title: str  # name of the folder of images
    pictures: tuple[Picture, ...]
    codecs: dict[str, Entry]  # by name; the first is compared with the others
    rows: tuple[Row, ...] = ()
    against: str | None = None  # a set of published curves to compare with: "kodak"
    jobs: int = 1  # files that were coded at the same time
    notes: tuple[str, ...] = ()  # notes for readers: images that were left out, metrics of fewer scales
    between: tuple[float, float] = HIGH_QUALITY  # range of SSIMULACRA 2 for a further BD-rate

    def qualities(self, codec: str) -> list[float | None]:
        """Those of a codec that all pictures were measured at, rising."""
        return [mean.quality for mean in self.means if mean.codec == codec]

    @cached_property
    def means(self) -> list[Mean]:
        """One for each codec and quality that has a row of every picture; codecs in their order, qualities rising."""
        grouped: dict[tuple[str, float | None], list[Row]] = {}
        for row in self.rows:
            grouped.setdefault((row.codec, row.quality), []).append(row)
        whole = {key: rows for key, rows in grouped.items() if len(rows) == len(self.pictures)}
        order = {name: place for place, name in enumerate(self.codecs)}
        return [_mean(whole[key]) for key in sorted(whole, key=lambda key: (order[key[0]], key[1] or 0))]

    def curve(self, codec: str, metric: str = "psnr", image: str | None = None) -> list[Point]:
        """bpp and a metric as a score, in which higher is better, by rising quality: of the means, or of one image."""
        rows: Iterable[Mean | Row]
        if image is None:
            rows = [mean for mean in self.means if mean.codec == codec]
        else:
            rows = sorted((r for r in self.rows if (r.codec, r.image) == (codec, image)), key=lambda row: row.quality or 0)
        values = [(row.bpp, row.metrics.get(metric)) for row in rows]
        return [Point(bpp, as_score(metric, value)) for bpp, value in values if value is not None]

    @property
    def metrics(self) -> list[str]:
        """Names of those that were measured, in the order of the columns."""
        return list(self.rows[0].metrics) if self.rows else []


def _mean(rows: Sequence[Row]) -> Mean:
    first = rows[0]
    return Mean(
        codec=first.codec,
        quality=first.quality,
        images=len(rows),
        bpp=float(np.mean([row.bpp for row in rows])),
        metrics={name: _mean_of(row.metrics.get(name) for row in rows) for name in first.metrics},
        psnr_of_mean_mse=_psnr_of_mean_mse([row.metrics.get("psnr") for row in rows]),
        encode_ms=float(np.median([row.encode_ms for row in rows])),
        decode_ms=float(np.median([row.decode_ms for row in rows])),
        gap=_gap(rows),
    )


def _mean_of(values: Iterable[float | None]) -> float | None:
    numbers = _known(values)
    return float(np.mean(numbers)) if numbers else None


def _gap(rows: Sequence[Row]) -> float | None:
    """Share by which files exceed the estimate of their tables; None where a row has no estimate."""
    estimated = _known(row.estimated_bits for row in rows)
    return sum(8 * row.bytes for row in rows) / sum(estimated) - 1 if len(estimated) == len(rows) else None


def _psnr_of_mean_mse(psnr: Sequence[float | None]) -> float | None:
    numbers = _known(psnr)
    if not numbers or len(numbers) < len(psnr):
        return None
    return float(-10 * math.log10(np.mean([10 ** (-value / 10) for value in numbers])))


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
