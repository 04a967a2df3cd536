"""`dlic evaluate`: codecs on a folder of images, every point from files, next to codecs in use and published curves."""

import json
import math
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from dlic.cli import bars, streams, values
from dlic.cli.evaluate_clips import ClipEvaluation, evaluate_clips, is_of_clips
from dlic.cli.extras import require
from dlic.cli.parameters import Argument, Option
from dlic.errors import DlicError, UnreadableImageError
from dlic.storage.locks import lock_folder

if TYPE_CHECKING:
    import numpy as np

    from dlic.evaluation.run import Run
    from dlic.evaluation.sweep import Plan

MOST_PICTURES = 24  # that are kept at equal sizes: more would make a page that browsers take long to open
T = TypeVar("T")


class Published(str, Enum):
    """Sets of images that curves have been published for."""

    kodak = "kodak"


def evaluate(
    folder: Annotated[Path, Argument("DIR", "Folder of images, such as Kodak.")],
    codecs: Annotated[
        str | None,
        Option(
            metavar="A,B,…",
            help="Codecs to measure, as light-1,avif,avif-psnr,avif444,jxl,webp,jpeg,jpeg2000,dlic-jpeg,wavelet; the first is "
            "compared with the others. By default a checkpoint with AVIF, JPEG XL, WebP and JPEG.",
        ),
    ] = None,
    model: Annotated[str | None, Option(help="Name of a checkpoint; default: the shipped one.")] = None,
    weights: Annotated[Path | None, Option(help="Folder of a checkpoint, instead of a name.")] = None,
    qualities: Annotated[str | None, Option(help="Qualities of --codecs, or of the checkpoint, as 10,50,90.")] = None,
    effort: Annotated[int, Option(least=0, help="Effort of checkpoints, as in dlic compress.")] = 0,
    metrics: Annotated[
        str | None,
        Option(
            metavar="A,B,…", help="By default psnr,psnr_y,ssim,ms_ssim,ssimulacra2; butteraugli,cvvdp,lpips,dists where installed."
        ),
    ] = None,
    between: Annotated[str, Option(metavar="LOW,HIGH", help="Range of SSIMULACRA 2 for a further BD-rate.")] = "70,85",
    against: Annotated[
        Published | None, Option(help="Compare with published curves; then only codecs of --codecs are encoded.")
    ] = None,
    external: Annotated[
        Path | None, Option(metavar="FILE", help="Commands of other programs as codecs, as in configs/external_codecs.ini.")
    ] = None,
    jobs: Annotated[int, Option(least=1, help="Files coded at a time; times are comparable only with 1.")] = 1,
    out: Annotated[
        Path | None, Option(metavar="RUN", help="Folder that keeps every figure; an interrupted run continues there.")
    ] = None,
    pictures: Annotated[
        str,
        Option(metavar="BPP,…", help="Rates at which RUN keeps pictures by every codec, for dlic report; or none."),
    ] = "0.25,0.5",
    tensorboard: Annotated[
        Path | None, Option(metavar="LOGDIR", help="Add curves, BD-rates and pictures, for tensorboard --logdir LOGDIR.")
    ] = None,
    figure: Annotated[Path | None, Option(metavar="FILE", help="Draw PSNR over rate as .png or .svg.")] = None,
    force: Annotated[bool, Option("--force", help="Overwrite the file of --figure, and start RUN again.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print every figure as JSON.")] = False,
    frames: Annotated[int | None, Option(least=2, help="Clips: frames of each that are measured; default: 32.")] = None,
) -> None:
    """Measure codecs on a folder of images, or of clips: files and decoded pixels, and the bits of the first compared with the
    others.
    """
    require("eval", "dlic evaluate", ["bjontegaard", *["matplotlib"] * bool(figure)])
    if tensorboard:
        require("train", "--tensorboard", ["torch", "tensorboard"])
    figures = [figure] if figure else []
    streams.check_targets(figures, figures, force)
    if is_of_clips(folder):
        options_of_clips = ClipEvaluation(
            folder=folder, codecs=codecs, qualities=qualities, model=model, frames=frames, metrics=metrics, out=out, figure=figure,
            with_player=pictures != "none", force=force, as_json=as_json,
        )  # fmt: skip
        evaluate_clips(options_of_clips)
        return
    if out and not out.parent.is_dir():
        raise DlicError(f"{out} cannot be written: {out.parent} is no folder")
    if out and out.exists() and not out.is_dir():
        raise DlicError(f"{out} is a file; --out names a folder")
    from dlic.evaluation.provenance import provenance
    from dlic.evaluation.results import results
    from dlic.evaluation.runner import begin, conduct, discard, join
    from dlic.evaluation.summary import lines
    from dlic.evaluation.sweep import make_plan

    rates, scores = _rates(pictures) if out else [], _between(between)
    names, qualities_by_name = _asked(codecs, model, weights, qualities, against)
    plan, left_out = make_plan(folder, names, qualities_by_name, values.words(metrics) or None, effort, external)
    for sentence in left_out.values():
        streams.note(f"left out: {sentence}")
    if against:
        from dlic.evaluation.anchors import check_kodak

        check_kodak(str(folder), [(picture.height, picture.width) for picture in plan.pictures])
    options = {"codecs": ",".join(plan.codecs), "qualities": qualities, "effort": effort, "metrics": metrics}
    origin = provenance(_command(folder, {**options, "against": against and against.value}))
    run = begin(plan, origin, [f"left out: {name}" for name in left_out], against and against.value, jobs, scores)
    if out and not force:
        join(run, out)  # refuses a folder of something else before anything is written there
    with _kept_to_us(out) if out else nullcontext():
        if out:
            if force:
                discard(out)
            run = join(run, out)
        run = conduct(run, plan, out, _watched, memory=len(run.codecs) > 1)
        if out and rates:
            _keep_pictures(out, run, plan, rates)
    if tensorboard:
        _log(tensorboard, run, plan, out)
    if figure:
        _draw(run, figure, force)
    streams.say(json.dumps(results(run), indent=1) if as_json else "\n".join(lines(run)))


@contextmanager
def _kept_to_us(out: Path) -> Iterator[None]:
    """Locks the folder of a run for the block: two evaluations at once would lose rows."""
    lock = lock_folder(out, f"another dlic evaluate works in {out}")
    try:
        yield
    finally:
        lock.release()


def images_in(folder: Path) -> "dict[str, np.ndarray]":
    """Every readable image of the folder by file name; the others are named on standard error."""
    from dlic.evaluation.sweep import images_of

    images = {}
    for name, image in images_of(folder):
        if isinstance(image, UnreadableImageError):
            streams.note(f"left out: {image}")
        else:
            images[name] = image
    return images


def _asked(
    codecs: str | None, model: str | None, weights: Path | None, qualities: str | None, against: Published | None
) -> tuple[list[str], dict[str, tuple[int, ...]]]:
    """Names and paths of the codecs to measure, and the qualities of those that were given some."""
    from dlic.checkpoints import local as checkpoints
    from dlic.evaluation.known_codecs import PEERS, present
    from dlic.evaluation.sweep import parse_qualities

    if codecs and (model or weights):
        raise DlicError("give --codecs, or --model or --weights, not both: --codecs takes checkpoints too")
    checkpoint = [str(weights) if weights else model or checkpoints.default_name()]
    names = values.words(codecs) or checkpoint
    qualities_by_name = {} if qualities is None else dict.fromkeys(names, parse_qualities(qualities))
    return (names if codecs or against else [*names, *present(PEERS)]), qualities_by_name


def _rates(text: str) -> list[float]:
    """'0.25,0.5' → bits per pixel; empty for 'none'."""
    try:
        rates = [] if text == "none" else [float(word) for word in text.split(",")]
    except ValueError as error:
        raise DlicError(f"--pictures takes bits per pixel separated by commas, as 0.25,0.5, or none, not {text!r}") from error
    if not all(0 < rate < 24 for rate in rates):
        raise DlicError(f"--pictures takes bits per pixel above 0 and below 24, not {text!r}")
    return rates


def _between(text: str) -> tuple[float, float]:
    """'70,85' → two values of SSIMULACRA 2, the lower first."""
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError as error:
        raise DlicError(f"--between takes two values of SSIMULACRA 2, as 70,85, not {text!r}") from error
    if not -math.inf < low < high <= 100:
        raise DlicError(f"--between takes a lower and a higher value up to 100, not {text!r}")
    return low, high


def _keep_pictures(out: Path, run: "Run", plan: "Plan", rates: list[float]) -> None:
    """Stores the first pictures by every codec of the plan at these rates in the folder of a run."""
    from dlic.images.files import read_image
    from dlic.report.pictures import make_pictures

    images = {picture.name: read_image(plan.folder / picture.name).pixels for picture in plan.pictures[:MOST_PICTURES]}
    with bars.busy("pictures at equal sizes") as progress:
        make_pictures(out, run, images, [plan.open(name) for name in plan.codecs], rates, progress)


def _log(log_dir: Path, run: "Run", plan: "Plan", out: Path | None) -> None:
    """The run in TensorBoard, with its pictures where a folder keeps them."""
    from dlic.evaluation.tensorboard import checkpoint_settings, log_run
    from dlic.report.pictures import by_original

    first = next(iter(run.codecs.values()))
    name = plan.codecs[first.name]
    learned = plan.open(first.name).checkpoint
    settings = {**(checkpoint_settings(learned) if learned else {"codec": name}), "effort": first.effort}
    log_run(log_dir, run, settings, by_original(out, run) if out else None)
    streams.note(f"tensorboard --logdir {log_dir} shows it")


def _draw(run: "Run", path: Path, force: bool) -> None:
    from dlic.evaluation.comparison_plot import figure_bytes, run_figure

    streams.write_bytes(str(path), figure_bytes(run_figure(run), path.suffix), force)


def _command(folder: Path, options: dict[str, Any]) -> str:
    """The command line without its paths."""
    words = [word for option, value in options.items() if value for word in (f"--{option}", str(value))]
    return shlex.join(["dlic", "evaluate", folder.resolve().name, *words])


def _watched(rows: Iterable[T], label: str, count: int) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track

    yield from track(rows, description=label, total=count, console=Console(stderr=True), transient=True)
