"""Commands below a command: `dlic checkpoints list`."""

import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from dlic.cli.parameters import Rest, parameters_of
from dlic.cli.parser import closest, group_parser, parser_of, values_of
from dlic.errors import DlicError

HELP = ("-h", "--help", "help")
NOTHING_ASKED = 1  # exit code of a command that was called without words and printed its help

Command = TypeVar("Command", bound=Callable[..., None])


class Group:
    """Functions by the names of their commands."""

    def __init__(self, about: str) -> None:
        self.about = about
        self.commands: dict[str, Callable[..., None]] = {}

    def command(self, name: str | None = None) -> Callable[[Command], Command]:
        """Adds a function, by its own name unless another is given."""

        def add(function: Command) -> Command:
            self.commands[name or function.__name__] = function
            return function

        return add

    def call(self, called: str, words: Sequence[str]) -> None:
        """Runs the command that the first word names. Raises DlicError where there is none."""
        if not words or words[0] in HELP:
            group_parser(called, self.about, {name: first_line(command) for name, command in self.commands.items()}).print_help()
            sys.exit(0 if words else NOTHING_ASKED)
        if words[0] not in self.commands:
            raise unknown(words[0], called, self.commands)
        call(f"{called} {words[0]}", self.commands[words[0]], words[1:])


def call(called: str, command: Callable[..., None], words: Sequence[str]) -> None:
    """Runs a command with the words after its name, or prints its help. Raises DlicError."""
    parameters = parameters_of(command)
    if not words and any(parameter.is_required and not isinstance(parameter.declared, Rest) for parameter in parameters):
        parser_of(called, command).print_help()
        sys.exit(NOTHING_ASKED)
    command(**values_of(called, command, words))


def first_line(command: Callable[..., None]) -> str:
    """The first sentence of a command's description."""
    return (inspect.getdoc(command) or "").partition("\n\n")[0].replace("\n", " ").partition(": ")[0].rstrip(".")


def unknown(name: str, called: str, names: Iterable[str]) -> DlicError:
    """The error for a command that does not exist."""
    return DlicError(f"there is no command {name!r}{closest(name, list(names)) or f'; {called} -h shows all'}")
