"""What an evaluation prints and stores: a line a quality, and one for each codec it is compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from dlic.evaluation.comparison import Anchor, Comparison, compare_all, saved_by
from dlic.evaluation.measure import Means
from dlic.evaluation.provenance import Provenance
from dlic.evaluation.rate_distortion import RATES, Point
from dlic.evaluation.sweep import Rate


@dataclass(frozen=True)
class Evaluation:
    """A checkpoint on a set of images, and the curves it is held against."""

    name: str
    fingerprint: str
    effort: int
    rates: list[Rate]  # of different qualities, or the only one the checkpoint has
    anchors: dict[str, Anchor]  # by label
    source: str  # of the anchors
    provenance: Provenance

    @property
    def has_one_rate(self) -> bool:
        return self.rates[0].quality is None

    @property
    def curve(self) -> list[Point]:
        return [rate.point for rate in self.rates]


def lines(evaluation: Evaluation) -> Iterator[str]:
    """An evaluation as text."""
    name, count, first = evaluation.name, len(evaluation.rates[0].images), evaluation.rates[0]
    if evaluation.has_one_rate:
        mean = first.mean
        yield f"{name} on {count} images: {mean.bpp:.4f} bpp, {mean.psnr:.2f} dB PSNR, {_similarity(mean)} MS-SSIM"
        yield f"files are {first.gap:+.2%} of what the tables estimate"
        yield from _saved_lines(evaluation)
        return
    yield f"{name} on {count} images, effort {evaluation.effort}, {evaluation.provenance.threads} threads"
    yield ""
    yield from _rate_lines(evaluation.rates)
    yield ""
    yield from _comparison_lines(evaluation)


def as_json(evaluation: Evaluation) -> dict:
    """An evaluation as what JSON can hold: every figure of `lines`, those of each image, and where they come from."""
    anchors = evaluation.anchors
    whole = {
        "checkpoint": {"name": evaluation.name, "fingerprint": evaluation.fingerprint},
        **asdict(evaluation.provenance),
        "effort": evaluation.effort,
        "peers": {label: [asdict(point) for point in anchor.points] for label, anchor in anchors.items()},
        "notes": {label: anchor.note for label, anchor in anchors.items() if anchor.note},
        "source": evaluation.source,
    }
    if evaluation.has_one_rate:
        return {**whole, **_rate_json(evaluation.rates[0]), "saved": saved_by(evaluation.curve[0], anchors)}
    compared = compare_all(anchors, evaluation.curve)
    return {
        **whole,
        "rates": [{"quality": rate.quality, **_rate_json(rate)} for rate in evaluation.rates],
        "bd_rate_between_bpp": RATES,
        "bd_rate": {label: asdict(comparison) for label, comparison in compared.items()},
    }


def _rate_json(rate: Rate) -> dict:
    return {
        "mean": asdict(rate.mean),
        "gap": rate.gap,
        "images": [{"file": name, **asdict(row)} for name, row in rate.images.items()],
    }


def _saved_lines(evaluation: Evaluation) -> Iterator[str]:
    for label, share in saved_by(evaluation.curve[0], evaluation.anchors).items():
        comparison = "its curve does not reach this PSNR" if share is None else f"{share:+.1%} bits saved at equal PSNR"
        yield f"against {label}: {comparison}{_note(evaluation.anchors[label])}"
    yield evaluation.source


def _rate_lines(rates: Sequence[Rate]) -> Iterator[str]:
    yield "quality     bpp  PSNR dB  MS-SSIM  encode ms  decode ms  files over tables"
    for rate in rates:
        mean = rate.mean
        yield (
            f"{rate.quality:7}  {mean.bpp:6.4f}  {mean.psnr:7.2f}  {_similarity(mean):>7}"
            f"  {mean.encode_ms:9.1f}  {mean.decode_ms:9.1f}  {rate.gap:+17.2%}"
        )


def _comparison_lines(evaluation: Evaluation) -> Iterator[str]:
    width = max(map(len, evaluation.anchors))
    yield f"BD-rate by PSNR between {RATES[0]} and {RATES[1]} bpp; negative where {evaluation.name} needs fewer bits"
    yield f"{'against':{width}}   BD-rate  over PSNR in dB     at our bpp  all rates"
    for label, compared in compare_all(evaluation.anchors, evaluation.curve).items():
        yield f"{label:{width}}  {_figures(compared)}{_note(evaluation.anchors[label])}"
    yield evaluation.source


def _figures(compared: Comparison) -> str:
    if compared.bd_rate is None or compared.psnr is None or compared.bpp is None:
        return f"no figure: {compared.problem}"
    psnr, bpp = ("{:.2f} to {:.2f}".format(*pair) for pair in (compared.psnr, compared.bpp))
    return f"{compared.bd_rate:+8.1%}  {psnr:>15}  {bpp:>13}  {compared.whole:+9.1%}"


def _note(anchor: Anchor) -> str:
    return f"  ({anchor.note})" if anchor.note else ""


def _similarity(mean: Means) -> str:
    """MS-SSIM, or a dash where the images are too small for it."""
    return "–" if mean.ms_ssim is None else f"{mean.ms_ssim:.4f}"
