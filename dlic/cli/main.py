"""The `dlic` command. Exit codes: 0 done, 1 usage, 2 corrupt or unreadable input, 3 unknown checkpoint, 4 verification failed."""

import sys
import warnings
from typing import Annotated

import typer
from PIL import Image

from dlic.cli import (
    checkpoints,
    compare,
    compress,
    curve,
    data,
    decompress,
    desktop,
    evaluate,
    export,
    info,
    prune,
    report,
    streams,
    sweep,
    thumbnail,
)
from dlic.errors import DlicError

EPILOG = (
    "Exit codes: 0 done · 1 usage · 2 corrupt or unreadable input, or with -r some of it · 3 unknown checkpoint · "
    "4 verification failed"
)

USAGE_ERROR = 2  # typer's exit code, which means corrupt input in dlic

app = typer.Typer(
    name="dlic",
    help="Learned image compression: photographs to small .dlic files and back.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("compress", no_args_is_help=True)(compress.compress)
app.command("decompress", no_args_is_help=True)(decompress.decompress)
app.command("info", no_args_is_help=True)(info.info)
app.command("thumbnail", no_args_is_help=True)(thumbnail.thumbnail)
app.command("evaluate", no_args_is_help=True)(evaluate.evaluate)
app.command("report", no_args_is_help=True)(report.report)
app.command("compare", no_args_is_help=True)(compare.compare)
app.command("curve", no_args_is_help=True)(curve.curve)
app.command("export", no_args_is_help=True)(export.export)
app.command("prune", no_args_is_help=True)(prune.prune)
app.command("sweep", no_args_is_help=True, context_settings=sweep.CONTEXT)(sweep.sweep)
app.add_typer(checkpoints.app, name="checkpoints")
app.add_typer(data.app, name="data")
app.add_typer(desktop.app, name="desktop")


@app.command("train", context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def train(context: typer.Context) -> None:
    """Train a model on your photographs: dlic train --config configs/factorized.yaml --data.train_dir PATH."""
    from dlic.training.run import train as run

    run(context.args)


def _version(requested: bool) -> None:
    if requested:
        from dlic import __version__

        typer.echo(f"dlic {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    pass


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit the process; every expected failure is one sentence on standard error."""
    Image.MAX_IMAGE_PIXELS = None  # the process is ours: --max-pixels is the limit, also for Pillow's plugins
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    warnings.simplefilter("ignore", FutureWarning)  # for the authors of the libraries, not for the person at the shell
    try:
        app(args, prog_name="dlic")
        return 0
    except SystemExit as done:
        return 1 if done.code == USAGE_ERROR else int(done.code or 0)
    except DlicError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except MemoryError:
        return _fail("there is not enough memory for this command", 2)
    except ModuleNotFoundError as error:
        return _fail(f"{error.name} is not installed; pip install 'dlic[train]' brings what training needs", 1)


def _fail(sentence: str, code: int) -> int:
    typer.echo(f"dlic: {streams.shown(sentence)}", err=True)
    return code
