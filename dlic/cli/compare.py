"""`dlic compare`: one photograph by every codec at the same size, as a table and an HTML page."""

import math
import shlex
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dlic.checkpoints.manifest import TUNES
from dlic.cli import bars, streams, values
from dlic.cli.parameters import Argument, Option
from dlic.errors import DlicError
from dlic.images.files import MAX_PIXELS

if TYPE_CHECKING:
    import numpy as np

    from dlic.evaluation.series import Series
    from dlic.progress import Progress
    from dlic.report.pictures import Shown


def compare(
    source: Annotated[Path, Argument("PHOTO", "Image file.")],
    size: Annotated[str | None, Option(metavar="BYTES", help="Largest file: 30000, 30k, 1.5M, 40KiB.")] = None,
    bpp: Annotated[float | None, Option(help="Most bits per pixel, instead of --size.")] = None,
    codecs: Annotated[
        str | None, Option(metavar="NAMES", help="Codecs separated by commas, as light-1,jpeg,avif; default: all.")
    ] = None,
    tune: Annotated[str | None, Option(metavar="|".join(TUNES), help="Use the checkpoint tuned for this.")] = None,
    model: Annotated[str | None, Option(help="Name of a checkpoint; default: the shipped one.")] = None,
    weights: Annotated[Path | None, Option(help="Folder of a checkpoint, instead of a name.")] = None,
    effort: Annotated[int, Option("-e", "--effort", least=0, help="Effort of the checkpoint, as in dlic compress.")] = 0,
    output: Annotated[Path | None, Option("-o", "--output", metavar="FILE", help="Default: PHOTO.compare.html.")] = None,
    open_it: Annotated[bool | None, Option("--open/--no-open", help="Open the page in a browser; default: on a terminal.")] = None,
    lossless: Annotated[bool, Option("--lossless", help="Embed exact pixels.")] = False,
    force: Annotated[bool, Option("--force", help="Overwrite the page.")] = False,
    max_pixels: Annotated[int, Option(help="Refuse larger images.")] = MAX_PIXELS,
) -> None:
    """Encode a photograph with every codec to the same size, and show the results next to each other in a browser. Without --size
    and --bpp, that size is the one of the checkpoint's default quality.
    """
    target = output or source.with_name(f"{source.stem}.compare.html")
    streams.check_targets([target], [], force)
    streams.refuse_existing(str(source), str(target), force)
    size_limit = _wanted(size, bpp)
    from dlic.images.files import read_image

    picture = read_image(source, max_pixels)
    for sentence in picture.notes:
        streams.note(sentence)
    series = _series(codecs, tune, model, weights, effort)
    limit = size_limit if isinstance(size_limit, int) else _bytes(size_limit, series[0], picture.pixels)
    with tempfile.TemporaryDirectory() as folder, bars.busy(f"compressing {source}") as progress:
        pictures = _pictures(Path(folder), source.name, picture.pixels, series, limit, progress)
        page = _page(Path(folder), source.name, pictures, series, limit, lossless)
    streams.write_bytes(str(target), page.encode(), force)
    streams.say("\n".join(_table(pictures, {codec.name: codec.label for codec in series}, limit)))
    streams.say(f"{target}: {len(page.encode()):,} bytes")
    if sys.stdout.isatty() if open_it is None else open_it:
        webbrowser.open(target.resolve().as_uri())


def _wanted(size: str | None, bpp: float | None) -> int | float | None:
    """Bytes as int, bits per pixel as float, or neither. Raises DlicError."""
    if size is not None and bpp is not None:
        raise DlicError("give one of --size and --bpp, not both")
    number = values.size(size) if size is not None else bpp
    if number is not None and not (math.isfinite(number) and number > 0):
        raise DlicError(f"{size or f'--bpp {bpp:g}'} is no size that a file can have")
    return number


def _bytes(bpp: float | None, first: "Series", image: "np.ndarray") -> int:
    """The size limit of every file in bytes: from the rate, or the size of the first codec's file at its default quality."""
    if bpp is not None:
        return max(1, math.floor(bpp * image[..., 0].size / 8))
    from dlic.formats.writing import DEFAULT_QUALITY

    quality = None if first.qualities == (None,) else DEFAULT_QUALITY
    return len(first.at(quality).compress(image))


def _series(names: str | None, tune: str | None, model: str | None, weights: Path | None, effort: int) -> "list[Series]":
    """The codecs to compare: the named ones, or a checkpoint and every other codec on this machine."""
    from dlic.checkpoints.local import choose
    from dlic.evaluation.known_codecs import COMPARED, present
    from dlic.evaluation.registry import Settings, learned_series, open_series

    if names is None:
        peers = [open_series(name) for name in present(COMPARED)]
        return [learned_series(choose(model, weights, tune), effort), *peers]
    if tune or model or weights:
        raise DlicError("--codecs names checkpoints too; leave out --tune, --model and --weights")
    names_given = values.words(names)
    if not names_given:
        raise DlicError("--codecs takes names separated by commas, as light-1,jpeg,avif")
    return [open_series(name, Settings(effort)) for name in dict.fromkeys(names_given)]


def _pictures(
    folder: Path, name: str, image: "np.ndarray", series: "Sequence[Series]", limit: int, progress: "Progress"
) -> "list[Shown]":
    """The photograph by each codec; those that cannot code it are named and left out."""
    from dlic.report.pictures import make_pictures, read_pictures

    failed = []
    for done, codec in enumerate(series):
        try:
            make_pictures(folder, None, {name: image}, [codec], [8 * limit / image[..., 0].size])
        except (DlicError, ValueError, OSError) as error:  # as Pillow's formats say that a picture is too large for them
            failed.append(f"{codec.label} is left out: {error}")
        progress((done + 1) / len(series))
    for sentence in failed:
        streams.note(sentence)
    pictures = read_pictures(folder)
    if not pictures:
        raise DlicError(f"no codec could write {name} at {limit:,} bytes")
    return pictures


def _page(folder: Path, name: str, pictures: "list[Shown]", series: "Sequence[Series]", limit: int, lossless: bool) -> str:
    from dlic.evaluation.provenance import provenance
    from dlic.metrics.registry import MS_SSIM_SMALLEST
    from dlic.report import Page, html_of, notes_of
    from dlic.report.gallery import gallery_of
    from dlic.report.pictures import FOLDER

    gallery = gallery_of(folder / FOLDER, pictures, {codec.name: codec.label for codec in series}, lossless)
    first = pictures[0]
    pixels = first.width * first.height
    lead = (
        f"{first.width} × {first.height} pixels by {len(pictures)} codecs, "
        f"each in at most {limit:,} bytes ({8 * limit / pixels:.2f} bits per pixel)."
    )
    command = shlex.join(["dlic", "compare", name, "--size", str(limit), "--codecs", ",".join(codec.name for codec in series)])
    notes = [f"{codec.label}: {codec.note}." for codec in series if codec.note]
    times = "Times are of one file, coded once."
    small = min(first.width, first.height) < MS_SSIM_SMALLEST
    scales = ["MS-SSIM is of fewer than five scales, as the picture is small."] * small
    return html_of(Page(name, lead, provenance(command), gallery=gallery, notes=(*notes, *scales, *notes_of(gallery), times)))


def _table(pictures: "Sequence[Shown]", labels: dict[str, str], limit: int) -> list[str]:
    width = max(len(label) for label in labels.values())
    lines = [f"{'':{width}}  quality    bytes     bpp  PSNR dB  MS-SSIM  SSIMULACRA 2  encode ms  decode ms"]
    for entry in pictures:
        quality = "–" if entry.quality is None else f"{entry.quality:g}"
        similarity = "–" if entry.ms_ssim is None else f"{entry.ms_ssim:.4f}"
        score = "–" if entry.ssimulacra2 is None else f"{entry.ssimulacra2:.2f}"
        large = "" if entry.fits else f"  its smallest, above {limit:,} bytes"
        lines.append(
            f"{labels[entry.codec]:{width}}  {quality:>7}  {entry.bytes:7,}  {entry.bpp:6.3f}"
            f"  {entry.psnr:7.2f}  {similarity:>7}  {score:>12}  {entry.encode_ms:9.0f}  {entry.decode_ms:9.0f}{large}"
        )
    return lines
