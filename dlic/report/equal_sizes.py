"""A page in Markdown that shows photographs by several codecs at equal file size, chosen by a rule that the page states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlic.errors import DlicError
from dlic.evaluation.scores import MAIN, digits
from dlic.evaluation.series import Series
from dlic.metrics.registry import METRICS, psnr
from dlic.progress import Progress, no_progress
from dlic.report.gallery import COPIES
from dlic.report.matched_size import at_size
from dlic.report.photograph_choice import CROP, Choice, choose, differing_window
from dlic.storage.files import written_whole

RATE = 0.25  # bpp at which differences between codecs are visible without a magnifier
NEAR = 44.0  # dB of a shown copy against the decoded pixels, so that ten photographs stay below 3 MB


@dataclass(frozen=True, eq=False)
class Coded:
    """One photograph by one codec."""

    label: str
    bytes: int
    fits: bool  # False where even the smallest file is larger than the size that was asked for
    pixels: np.ndarray  # uint8 (H, W, 3)
    values: dict[str, float | None]  # by metric


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph of the page with its pictures, the original apart."""

    name: str
    choice: Choice
    original: np.ndarray
    coded: list[Coded]


def write_page(
    target: Path,
    images: Mapping[str, np.ndarray],
    codecs: Sequence[Series],
    metrics: Sequence[str] = MAIN,
    rate: float = RATE,
    progress: Progress = no_progress,
) -> int:
    """Write `target` with the suffix .md, and the crops that it shows into the folder `target`; the bytes of all of it.

    Args:
        target: path without a suffix, such as docs/gallery.
        images: uint8 (H, W, 3) by file name.
        codecs: the first two, the anchor and ours, are compared to choose photographs.
        metrics: that the tables have.
        rate: bits per pixel that no file may exceed.
        progress: gets the share that is done, 0 … 1.
    """
    if len(codecs) < 2 or not images:
        raise DlicError("a page of equal sizes needs a photograph and two codecs")
    measured: dict[str, list[Coded]] = {}
    for done, (name, image) in enumerate(images.items()):
        measured[name] = [_coded(codec, image, rate, metrics) for codec in codecs[:2]]
        progress((done + 1) / (len(images) + 10))
    choices = choose({name: _difference(*pair) for name, pair in measured.items()}, images)
    photographs = []
    for name, choice in choices.items():
        more = [_coded(codec, images[name], rate, metrics) for codec in codecs[2:]]
        photographs.append(Photograph(name, choice, images[name], [measured[name][0], *more, measured[name][1]]))
    target.mkdir(parents=True, exist_ok=True)
    files = {f"{target.name}/{file}": data for photograph in photographs for file, data in _crops(photograph).items()}
    text = "\n".join([*_head(measured, rate), *(line for one in photographs for line in _section(one, target.name, metrics))])
    files[f"{target.name}.md"] = (text + "\n" + "\n".join(_all_of_them(measured)) + "\n").encode()
    for path, data in files.items():
        with written_whole(target.parent / path, overwrite=True) as file:
            file.write(data)
    progress(1.0)
    return sum(map(len, files.values()))


def _coded(series: Series, image: np.ndarray, rate: float, metrics: Sequence[str]) -> Coded:
    """The best file of at most `rate` bits per pixel."""
    matched = at_size(series, image, int(rate * image[..., 0].size / 8))
    pixels = series.at(matched.quality).decompress(matched.data)
    return Coded(
        label=series.label,
        bytes=len(matched.data),
        fits=matched.fits,
        pixels=pixels,
        values={name: METRICS[name].compute(image, pixels) for name in metrics},
    )


def _difference(anchor: Coded, ours: Coded) -> float:
    """SSIMULACRA 2 of ours less that of the anchor."""
    first, second = (coded.values.get("ssimulacra2") for coded in (anchor, ours))
    if first is None or second is None:
        raise DlicError("photographs are chosen by SSIMULACRA 2, which must be among the metrics")
    return second - first


# --- files --------------------------------------------------------------------------------------------------------------


def _crops(photograph: Photograph) -> dict[str, bytes]:
    """The same window of the original and of every codec's picture, as JPEG of at least `NEAR` dB, by file name."""
    top, left = photograph.choice.corner or differing_window(photograph.coded[0].pixels, photograph.coded[-1].pixels)
    window = slice(top, top + CROP), slice(left, left + CROP)
    pictures = [photograph.original, *(coded.pixels for coded in photograph.coded)]
    return {file: _near_copy(pixels[window]) for file, pixels in zip(_file_names(photograph), pictures, strict=True)}


def _file_names(photograph: Photograph) -> list[str]:
    stem = Path(photograph.name).stem
    return [f"{stem}-{place}.jpg" for place in range(1 + len(photograph.coded))]


def _near_copy(pixels: np.ndarray) -> bytes:
    """The smallest JPEG 4:4:4 of at least `NEAR` dB, or the best one."""
    data = b""
    for codec in COPIES:
        data = codec.compress(np.ascontiguousarray(pixels))
        if psnr(pixels, codec.decompress(data)) >= NEAR:
            break
    return data


# --- text ---------------------------------------------------------------------------------------------------------------


def _head(measured: Mapping[str, Sequence[Coded]], rate: float) -> list[str]:
    anchor, ours = next(iter(measured.values()))
    differences = sorted(_difference(*pair) for pair in measured.values())
    ahead = sum(difference > 0 for difference in differences)
    rule = (
        f"Every file on this page has at most {rate:g} bits per pixel, and the best quality with which its codec stays below that. "
        f"A codec that has no file so small is shown with its smallest one. "
        f"The photographs are chosen by a rule: of {len(measured)}, those where SSIMULACRA 2 of {ours.label} is furthest above and "
        f"furthest below that of {anchor.label}, the middle one, the darkest one, and fixed themes: a face, skin, text, grass."
    )
    balance = (
        f"{ours.label} is ahead on {ahead} of {len(measured)}; the difference is {differences[0]:+.1f} to {differences[-1]:+.1f}, "
        f"{float(np.mean(differences)):+.1f} on average. All are listed at the end."
    )
    crops = (
        f"Each picture is a window of {CROP} × {CROP} pixels: for a theme its subject, otherwise where the two codecs differ most. "
        f"The crops are JPEG 4:4:4 of at least {NEAR:g} dB against the decoded pixels; all figures are of the whole photographs."
    )
    return ["# Photographs at equal size", "", f"{rule} {balance}", "", crops]


def _section(photograph: Photograph, folder: str, metrics: Sequence[str]) -> list[str]:
    names = ["original", *(coded.label for coded in photograph.coded)]
    images = (f"![{name}]({folder}/{file})" for name, file in zip(names, _file_names(photograph), strict=True))
    height, width = photograph.original.shape[:2]
    rows = [["bytes", f"{3 * width * height:,}", *map(_size, photograph.coded)]]
    for metric in metrics:
        values = [_number(coded.values[metric], digits(metric)) for coded in photograph.coded]
        rows.append([f"{METRICS[metric].label} {METRICS[metric].unit}".strip(), "", *values])
    return [
        "",
        f"## {Path(photograph.name).stem}: {photograph.choice.reason}",
        "",
        *_markdown([["", *names], ["", *images], *rows]),
    ]


def _all_of_them(measured: Mapping[str, Sequence[Coded]]) -> list[str]:
    """SSIMULACRA 2 of both codecs on every photograph, from the worst to the best."""
    anchor, ours = next(iter(measured.values()))
    rows = [["photograph", f"{anchor.label}: bytes", "SSIMULACRA 2", f"{ours.label}: bytes", "SSIMULACRA 2", "difference"]]
    for name, pair in sorted(measured.items(), key=lambda item: _difference(*item[1])):
        cells = [cell for coded in pair for cell in (_size(coded), _number(coded.values["ssimulacra2"], 2))]
        rows.append([Path(name).stem, *cells, f"{_difference(*pair):+.2f}"])
    return ["", "## All photographs", "", *_markdown(rows)]


def _size(coded: Coded) -> str:
    return f"{coded.bytes:,}" if coded.fits else f"{coded.bytes:,}, its smallest file"


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def _number(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}"
