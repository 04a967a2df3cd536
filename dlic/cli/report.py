"""`dlic report`: an evaluation as one HTML file, and as figures for papers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dlic.cli import bars, streams
from dlic.cli.extras import require
from dlic.cli.parameters import Argument, Option
from dlic.errors import DlicError

ABOUT_CLIPS = "clips.json"  # in the folder of an evaluation on clips

if TYPE_CHECKING:
    from dlic.evaluation.run import Run


def report(
    folder: Annotated[Path, Argument("RUN", "Folder from dlic evaluate --out.")],
    output: Annotated[Path | None, Option("-o", "--output", metavar="FILE", help="Default: RUN/report.html.")] = None,
    lossless: Annotated[bool, Option("--lossless", help="Embed exact pixels, in a larger file.")] = False,
    figures: Annotated[
        list[Path] | None, Option("--figure", metavar="FILE", help="Draw PSNR over rate too, as .png or .svg; repeatable.")
    ] = None,
    force: Annotated[bool, Option("--force", help="Overwrite what exists.")] = False,
) -> None:
    """Make one self-contained HTML page of an evaluation: curves, BD-rates, every file, and pictures side by side."""
    require("eval", "dlic report", ["plotly", "bjontegaard", *["matplotlib"] * bool(figures)])
    if (folder / ABOUT_CLIPS).is_file():
        _of_clips(folder, output or folder / "report.html", figures or [], force)
        return
    from dlic.evaluation.run_folder import read_run
    from dlic.report.pictures import FOLDER, read_pictures

    run, pictures, target = read_run(folder), read_pictures(folder), output or folder / "report.html"
    if not run.means:
        raise DlicError(f"{folder} holds no codec that all images were measured with; dlic evaluate --out {folder} goes on with it")
    streams.check_targets([target, *(figures or [])], figures or [], force)
    with bars.busy("preparing the pictures") as progress:
        from dlic.report import html_of, page_of
        from dlic.report.gallery import gallery_of

        labels = {name: entry.label for name, entry in run.codecs.items()}
        text = html_of(page_of(run, gallery_of(folder / FOLDER, pictures, labels, lossless, progress)))
    for path, data in [(target, text.encode()), *((path, _figure(run, path)) for path in figures or [])]:
        streams.write_bytes(str(path), data, force)
        streams.say(f"{path}: {len(data):,} bytes")


def _of_clips(folder: Path, target: Path, figures: list[Path], force: bool) -> None:
    """The page of an evaluation on clips."""
    from dlic.evaluation.clips.plots import over_frames
    from dlic.evaluation.clips.run import read_run
    from dlic.report.clip_page import html_of_clips
    from dlic.report.clip_sprites import read_sprites

    streams.check_targets([target, *figures], figures, force)
    run = read_run(folder)
    if not run.rows:
        raise DlicError(f"{folder} holds no measured file; dlic evaluate --out {folder} goes on with it")
    text = html_of_clips(run, read_sprites(folder), folder)
    for path, data in [(target, text.encode()), *((path, over_frames(run, path.suffix)) for path in figures)]:
        streams.write_bytes(str(path), data, force)
        streams.say(f"{path}: {len(data):,} bytes")


def _figure(run: "Run", path: Path) -> bytes:
    """PSNR over rate."""
    from dlic.evaluation.comparison_plot import figure_bytes, run_figure

    return figure_bytes(run_figure(run), path.suffix)
