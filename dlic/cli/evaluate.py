"""`dlic evaluate`: a checkpoint on a folder of images, beside the codecs Pillow ships or the curves others published."""

import json
import shlex
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlic.cli import streams
from dlic.errors import DlicError, UnreadableImageError

if TYPE_CHECKING:
    import numpy as np

    from dlic.codecs.learned import LearnedCodec
    from dlic.evaluation.comparison import Anchor
    from dlic.evaluation.report import Evaluation
    from dlic.evaluation.sweep import Rate

FIGURE_ENDINGS = (".png", ".svg")


class Published(str, Enum):
    """Sets of images that curves have been published for."""

    kodak = "kodak"


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of images, such as Kodak.")],
    model: Annotated[str | None, typer.Option(help="Name of a checkpoint; the shipped one by default.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of a checkpoint, instead of a name.")] = None,
    qualities: Annotated[str | None, typer.Option(help="Points of the curve, such as 10,50,90; eleven by default.")] = None,
    effort: Annotated[int, typer.Option(min=0, help="Time the encoder takes to save bits, as in dlic compress.")] = 0,
    against: Annotated[Published | None, typer.Option(help="Compare with published curves, and encode no peers.")] = None,
    figure: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw PSNR over rate as .png or .svg.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every figure as JSON.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the files of --figure and --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
) -> None:
    """Measure a checkpoint on a folder of images: real files, saved pixels, beside JPEG, WebP and AVIF at the same PSNR."""
    _check_targets(folder, figure, out, force)
    from dlic.api import choose
    from dlic.codecs.learned import load_codec
    from dlic.evaluation.provenance import provenance
    from dlic.evaluation.report import Evaluation, lines
    from dlic.evaluation.report import as_json as to_json

    codec = load_codec(choose(model, weights))
    chosen = _qualities(codec, qualities)
    images = images_in(folder)
    published = _published(folder, images) if against else None  # refuses other pictures before the work
    rates = _rates(codec, images, chosen, effort)
    anchors, source = published or _peers(images)
    options = {"qualities": qualities, "effort": effort, "against": against and against.value}
    origin = provenance(_command(folder, codec.name, options))
    result = Evaluation(codec.name, codec.fingerprint.hex(), effort, rates, anchors, source, origin)
    figures = json.dumps(to_json(result), indent=1)
    if out:
        streams.write_bytes(str(out), figures.encode(), force)
    if figure:
        _draw(result, folder, figure, force)
    typer.echo(figures if as_json else "\n".join(lines(result)))


def images_in(folder: Path) -> "dict[str, np.ndarray]":
    """Every readable image of the folder by file name; the others are named on standard error."""
    from dlic.images.files import EXTENSIONS, read_image

    if not folder.is_dir():
        raise DlicError(f"{folder} is not a folder of images")
    images = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS):
        try:
            images[path.name] = read_image(path).pixels
        except UnreadableImageError as error:
            streams.note(f"left out: {error}")
    if not images:
        raise UnreadableImageError(f"no image in {folder} can be read")
    return images


def _check_targets(folder: Path, figure: Path | None, out: Path | None, force: bool) -> None:
    """Refuse before the work what could not be written after it."""
    if figure and figure.suffix.lower() not in FIGURE_ENDINGS:
        raise DlicError(f"--figure draws {' or '.join(FIGURE_ENDINGS)}, not {figure.name}")
    for target in filter(None, (figure, out)):
        if not target.parent.is_dir():
            raise DlicError(f"{target} cannot be written: {target.parent} is no folder")
        streams.refuse_existing(str(folder), str(target), force)


def _qualities(codec: "LearnedCodec", text: str | None) -> tuple[int | None, ...]:
    from dlic.evaluation.sweep import QUALITIES, parse_qualities

    if codec.levels == 1:
        if text is not None:
            raise DlicError(f"{codec.name} has one rate; --qualities is for checkpoints with several")
        return (None,)
    return QUALITIES if text is None else parse_qualities(text)


def _rates(codec: "LearnedCodec", images: "dict[str, np.ndarray]", qualities: tuple[int | None, ...], effort: int) -> "list[Rate]":
    from dlic.evaluation.sweep import measure_rate, warm_up

    warm_up(codec, next(iter(images.values())))
    labels = {quality: codec.name if quality is None else f"{codec.name}, quality {quality}" for quality in qualities}
    return [measure_rate(codec, _progress(images.items(), label), quality, effort) for quality, label in labels.items()]


def _published(folder: Path, images: "dict[str, np.ndarray]") -> "tuple[dict[str, Anchor], str]":
    """Curves of others on the same images, and where they come from."""
    from dlic.evaluation.anchors import ABOUT, check_kodak, kodak_anchors

    check_kodak(str(folder), list(images.values()))
    return kodak_anchors(), ABOUT


def _peers(images: "dict[str, np.ndarray]") -> "tuple[dict[str, Anchor], str]":
    """What `_published` gives, made here."""
    from dlic.evaluation.comparison import Anchor
    from dlic.evaluation.peers import ABOUT, PEERS, peer_curve

    pixels = list(images.values())
    return {label: Anchor(peer_curve(peer, pixels, _progress(peer.qualities, label))) for label, peer in PEERS.items()}, ABOUT


def _draw(result: "Evaluation", folder: Path, path: Path, force: bool) -> None:
    from dlic.evaluation.comparison_plot import comparison_figure, figure_bytes
    from dlic.evaluation.plots import Curve

    ours = Curve.through(result.name, result.curve)
    others = [Curve.through(label, anchor.points) for label, anchor in result.anchors.items()]
    title = f"{result.name} on the {len(result.rates[0].images)} images of {folder.resolve().name}"
    streams.write_bytes(str(path), figure_bytes(comparison_figure(ours, others, title), path.suffix), force)


def _command(folder: Path, checkpoint: str, options: dict) -> str:
    """What was asked for, without the paths it was asked with."""
    given = [word for option, value in options.items() if value for word in (f"--{option}", str(value))]
    return shlex.join(["dlic", "evaluate", folder.resolve().name, "--model", checkpoint, *given])


def _progress(items, label: str):
    from rich.console import Console
    from rich.progress import track

    return track(items, description=label, console=Console(stderr=True), transient=True)
