"""docs/commands.md: every command with its arguments and options, from the parsers that read them."""

import argparse
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from dlic.cli.main import COMMANDS
from dlic.cli.parameters import Rest, parameters_of
from dlic.cli.parser import parser_of
from scripts.pages.blocks import table

HEAD = """# All commands

<!-- Made by python -m scripts.pages from the parsers of dlic/cli. -->

`dlic COMMAND -h` prints the same. [command-line.md](command-line.md) has examples.
"""
OF_LIGHTNING = (
    "The options are keys of the recipe: `--model.KEY`, `--data.KEY`, `--trainer.KEY`. `dlic train --help` lists all of them, and "
    "[training.md](training.md) the usual ones."
)


def commands_page() -> str:
    """The whole page."""
    names = " · ".join(f"[{name}](#dlic-{name})" for name in COMMANDS)
    parts = [HEAD, names + "\n"]
    for name, line in COMMANDS.items():
        module: Any = import_module(f"dlic.cli.{name}")
        parts.append(f"## dlic {name}\n")
        if hasattr(module, "app"):
            parts.append(f"{module.app.about}\n")
            for word, command in module.app.commands.items():
                parts += [f"### dlic {name} {word}\n", *_command(f"dlic {name} {word}", command)]
        else:
            parts += _command(f"dlic {name}", getattr(module, name), line)
    return "\n".join(parts)


def _command(called: str, command: Callable[..., None], line: str = "") -> Iterator[str]:
    """The usage, the description and the options of one command; `line` stands in where it takes the words of another parser."""
    rest = next((p.declared for p in parameters_of(command) if isinstance(p.declared, Rest)), None)
    if rest is not None and rest.all_words:
        yield f"    {called} --config RECIPE --data.train_dir DIR [OPTION…]\n\n{line} {OF_LIGHTNING}\n"
        return
    actions = [action for action in parser_of(called, command)._actions if not isinstance(action, argparse._HelpAction)]
    words = [_argument(action) for action in actions if not action.option_strings]
    needed = [f"{action.option_strings[0]} {action.metavar}" for action in actions if action.option_strings and action.required]
    yield f"    {' '.join([called, *words, *needed, '[OPTION…]' if len(actions) > len(words + needed) else '']).rstrip()}\n"
    yield "\n\n".join(" ".join(part.split()) for part in (inspect.getdoc(command) or "").split("\n\n")) + "\n"
    rows = [[_names(action), _help(action)] for action in actions]
    if rows:
        yield table([["option", ""], *rows]) + "\n"


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%").replace("<", "&lt;").replace("*", "\\*")


def _argument(action: argparse.Action) -> str:
    name = f"{action.metavar}{'…' if action.nargs in ('+', '*') else ''}"
    return f"[{name}]" if action.nargs in ("?", "*") else name


def _names(action: argparse.Action) -> str:
    """'`-q`, `--quality N`'; an argument by its name."""
    if not action.option_strings:
        return f"`{action.metavar}`"
    *short, last = action.option_strings
    value = f" {action.metavar}" if action.nargs != 0 and action.metavar else ""
    return ", ".join([*(f"`{name}`" for name in short), f"`{last}{value}`"])
