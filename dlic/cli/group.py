"""Commands below a command: `dlic checkpoints list`."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from dlic.cli.parameters import parameters_of
from dlic.cli.parsing import HELP, HelpWanted, parse
from dlic.errors import DlicError

NOTHING_ASKED = 1  # exit code of a command without the words it needs; it prints its help
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
            from dlic.cli.help import first_line, group_help

            print(group_help(called, self.about, {name: first_line(command) for name, command in self.commands.items()}))
            sys.exit(0 if words else NOTHING_ASKED)
        elif words[0] not in self.commands:
            raise unknown(words[0], called, self.commands)
        else:
            call(f"{called} {words[0]}", self.commands[words[0]], words[1:])


def call(called: str, command: Callable[..., None], words: Sequence[str]) -> None:
    """Runs a command with the words after its name, or prints its help. Raises DlicError."""
    parameters = parameters_of(command)
    try:
        if not words and any(parameter.is_required and not parameter.is_rest for parameter in parameters):
            raise HelpWanted
        values = parse(parameters, words)
    except HelpWanted:
        from dlic.cli.help import command_help

        print(command_help(called, command))
        sys.exit(0 if words else NOTHING_ASKED)
    command(**values)


def unknown(name: str, called: str, names: Iterable[str]) -> DlicError:
    """The error for a command that does not exist."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(names), 1)
    return DlicError(f"there is no command {name!r}{f'; did you mean {near[0]}?' if near else f'; {called} -h shows all'}")
