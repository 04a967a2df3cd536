"""`dlic completion`: scripts for shells, which then complete commands, options and file names."""

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

from dlic.cli import streams
from dlic.cli.group import Group, first_line
from dlic.cli.parameters import Argument
from dlic.cli.parser import Parser, add_parameters
from dlic.errors import DlicError


def completion(shell: Annotated[str, Argument("SHELL", "bash, zsh, fish or tcsh.")]) -> None:
    """Print a script for the completion of a shell.

    bash: dlic completion bash > ~/.local/share/bash-completion/completions/dlic

    zsh: dlic completion zsh > ~/.zfunc/_dlic, where fpath has ~/.zfunc

    fish: dlic completion fish > ~/.config/fish/completions/dlic.fish
    """
    import shtab

    if shell not in shtab.SUPPORTED_SHELLS:
        raise DlicError(f"there is completion for {', '.join(shtab.SUPPORTED_SHELLS)}, not for {shell!r}")
    streams.say(shtab.complete(whole_parser(), shell))


def whole_parser() -> Parser:
    """The parser of all commands at once."""
    from dlic.cli.main import ABOUT, COMMANDS

    parser = Parser("dlic", ABOUT)
    added = parser.add_subparsers(metavar="COMMAND")
    for name, about in COMMANDS.items():
        module: Any = import_module(f"dlic.cli.{name}")
        group: Group | None = getattr(module, "app", None)
        if group is None:
            _complete(added.add_parser(name, help=about, called=f"dlic {name}", about=about), getattr(module, name))
            continue
        inner = added.add_parser(name, help=about, called=f"dlic {name}", about=about).add_subparsers(metavar="COMMAND")
        for own, command in group.commands.items():
            line = first_line(command)
            _complete(inner.add_parser(own, help=line, called=f"dlic {name} {own}", about=line), command)
    return parser


def _complete(parser: Parser, command: Callable[..., None]) -> None:
    """Arguments of a command; words without names complete as files."""
    import shtab

    add_parameters(parser, command)
    for action in parser._get_positional_actions():
        action.complete = shtab.FILE  # type: ignore[attr-defined]  # as shtab wants it
