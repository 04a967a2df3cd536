"""The `dlic` command. Exit codes: 0 done, 1 usage, 2 corrupt or unreadable input, 3 unknown checkpoint, 4 verification failed."""

import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from dlic.cli import group, streams
from dlic.errors import DlicError

ABOUT = "Learned image compression: photographs to small .dlic files and back."
EPILOG = (
    "Exit codes: 0 done · 1 usage · 2 corrupt or unreadable input, or of several files some · 3 unknown checkpoint · "
    "4 verification failed"
)

# Modules of dlic.cli in the order of the help, and a line about each. The command is the function of the module's name; a group of
# commands is the module's `app`. Only the module of the command that is called is imported.
COMMANDS = {
    "compress": "Image files → .dlic files, or JPEG files.",
    "decompress": ".dlic or JPEG files → image files.",
    "info": "Show the contents of files, without decoding them.",
    "trim": "Cut a progressive file to a size.",
    "verify": "Check everything in files, and compare them with originals.",
    "thumbnail": "A small picture of a file.",
    "view": "A picture in the browser of this machine.",
    "share": "A page that anybody can open, in one file.",
    "web": "What a site serves to show .dlic pictures.",
    "compare": "One photograph by every codec at one size, side by side.",
    "evaluate": "Measure codecs on a folder of images.",
    "report": "An evaluation as one HTML page.",
    "train": "Train a model on your photographs.",
    "sweep": "Train a recipe with every combination of some settings.",
    "curve": "Several checkpoints of one recipe as a curve.",
    "export": "A training run's .ckpt → a checkpoint.",
    "prune": "Measure the blocks of a checkpoint, and leave out useless ones.",
    "checkpoints": "List, download and verify trained models.",
    "data": "Photographs to train on and to measure with.",
    "desktop": "Let the desktop know .dlic files.",
    "completion": "Completion for bash, zsh and fish.",
}


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit the process; every expected failure is one sentence on standard error."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # the process is ours: --max-pixels is the limit, also for Pillow's plugins
    sys.exit(run(args))


def run(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    warnings.simplefilter("ignore", FutureWarning)  # for the authors of the libraries, not for the person at the shell
    try:
        _call(list(sys.argv[1:] if args is None else args))
        sys.stdout.flush()
        return 0
    except SystemExit as done:
        return int(done.code or 0)
    except DlicError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except MemoryError:
        return _fail("there is not enough memory for this command", 2)
    except BrokenPipeError:  # the reader of standard output has what it wanted, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        return _fail(str(streams.no_standard_output(error)), 1)
    except ModuleNotFoundError as error:
        from dlic.cli.extras import missing

        return _fail(missing(error.name or "a package"), 1)


def _call(words: list[str]) -> None:
    """Runs the command that the first word names."""
    name = words[0] if words else group.HELP[0]
    if name in group.HELP:
        from dlic.cli.parser import group_parser

        group_parser("dlic", ABOUT, COMMANDS, EPILOG).print_help()
        sys.exit(0 if words else group.NOTHING_ASKED)
    elif name == "--version":
        from dlic.cli.version import version_text

        print(version_text())
    elif name not in COMMANDS:
        raise group.unknown(name, "dlic", COMMANDS)
    else:
        module: Any = import_module(f"dlic.cli.{name}")
        if hasattr(module, "app"):
            module.app.call(f"dlic {name}", words[1:])
        else:
            group.call(f"dlic {name}", getattr(module, name), words[1:])


def _fail(sentence: str, code: int) -> int:
    streams.say(f"dlic: {streams.shown(sentence)}", error=True)
    return code
