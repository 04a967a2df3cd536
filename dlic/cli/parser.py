"""Commands as parsers of argparse.

The standard library's, because a call of dlic takes about 0.3 s: argparse takes 15 ms of them, typer 150 ms.
"""

import argparse
import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

from dlic.cli.parameters import REQUIRED, Argument, Option, Parameter, Rest, parameters_of
from dlic.errors import DlicError

METAVARS = {int: "N", float: "NUMBER", Path: "PATH"}
PLAIN = "\0"  # in front of a word that is no option; no word of a shell holds it
MOST_WIDTH = 100  # columns of a help text; longer lines are hard to read


class Parser(argparse.ArgumentParser):
    """A parser whose errors are DlicErrors."""

    def __init__(self, called: str, about: str, epilog: str = "", **_: object) -> None:
        """The rest are arguments that argparse gives to the parsers of subcommands."""
        super().__init__(
            prog=called, description=_paragraphs(about), epilog=_paragraphs(epilog), formatter_class=_Help, allow_abbrev=False
        )

    def _print_message(self, message: str, file: Any = None) -> None:
        """Without argparse's silence about an output that takes nothing."""
        print(message, end="", file=file or sys.stderr, flush=True)

    def error(self, message: str) -> NoReturn:
        raise DlicError(f"{message.removeprefix('argument ')}; -h shows what {self.prog} takes")


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26)
        self._width = min(self._width, MOST_WIDTH)

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if action.nargs == argparse.PARSER:
            self._action_max_length += self._indent_increment  # of subcommands, which argparse forgets


def parser_of(called: str, command: Callable[..., None]) -> Parser:
    """The parser of a command; `called`: 'dlic compress'."""
    parser = Parser(called, inspect.getdoc(command) or "")
    add_parameters(parser, command)
    return parser


def add_parameters(parser: Parser, command: Callable[..., None]) -> None:
    """Adds the arguments and options of a command to its parser."""
    for parameter in parameters_of(command):
        if isinstance(parameter.declared, Argument):
            _add_argument(parser, parameter, parameter.declared)
        elif isinstance(parameter.declared, Option):
            _add_option(parser, parameter, parameter.declared)


def group_parser(called: str, about: str, commands: Mapping[str, str], epilog: str = "") -> Parser:
    """The parser that prints the help of a group; `commands`: names and one line about each."""
    parser = Parser(called, about, epilog)
    added = parser.add_subparsers(metavar="COMMAND", title="commands")
    for name, line in commands.items():
        added.add_parser(name, help=_escaped(line), called=f"{called} {name}", about=line)
    return parser


def values_of(called: str, command: Callable[..., None], words: Sequence[str]) -> dict[str, Any]:
    """The words after a command's name as the arguments of its function. Prints the help and raises SystemExit for -h. Raises
    DlicError for words that do not fit.
    """
    rest = next((parameter for parameter in parameters_of(command) if isinstance(parameter.declared, Rest)), None)
    if rest is not None and isinstance(rest.declared, Rest) and rest.declared.all_words:
        return {rest.name: list(words)}
    parser = parser_of(called, command)
    try:
        found, more = parser.parse_known_intermixed_args(_after_dashes(words))
    except TypeError as error:  # Python 3.10 and 3.11, for some words that fit nothing
        raise DlicError(f"these words do not fit; -h shows what {called} takes") from error
    values = vars(found)
    if rest is not None:
        return values | {rest.name: [word.removeprefix(PLAIN) for word in more]}
    if more:
        raise _unknown_word(parser, more[0])
    return values


def _after_dashes(words: Sequence[str]) -> list[str]:
    """Without `--`, and with the words after it marked: argparse would take them as options in its second pass."""
    if "--" not in words:
        return list(words)
    place = list(words).index("--")
    return [*words[:place], *(PLAIN + word for word in words[place + 1 :])]


def closest(word: str, known: Sequence[str]) -> str:
    """'; did you mean compress?', or nothing."""
    near = get_close_matches(word, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _unknown_word(parser: Parser, word: str) -> DlicError:
    word = word.removeprefix(PLAIN)
    if not word.startswith("-"):
        return DlicError(f"{word!r} is one word too many; -h shows what {parser.prog} takes")
    name = word.partition("=")[0]
    near = closest(name, list(parser._option_string_actions)) or f"; -h shows those that {parser.prog} has"
    return DlicError(f"{parser.prog} has no option {name}{near}")


def _add_argument(parser: Parser, parameter: Parameter, declared: Argument) -> None:
    count = {(True, True): "+", (True, False): "*", (False, True): None, (False, False): "?"}
    parser.add_argument(
        parameter.name,
        metavar=declared.metavar.strip("[].…"),
        nargs=count[parameter.is_list, parameter.is_required],
        type=_type(parameter),
        default=None if parameter.is_required else parameter.default,
        help=_escaped(declared.help),
    )


def _add_option(parser: Parser, parameter: Parameter, declared: Option) -> None:
    names = [name for both in declared.names for name in both.split("/")[:1]] or ["--" + parameter.name.replace("_", "-")]
    common: dict[str, Any] = {
        "dest": parameter.name,
        "default": None if parameter.is_required else parameter.default,
        "required": parameter.is_required,
        "help": _help(parameter, declared),
    }
    if parameter.kind is not bool:
        action = "append" if parameter.is_list else "store"
        parser.add_argument(*names, action=action, type=_type(parameter), metavar=_metavar(parameter, declared), **common)
    elif any("/" in name for name in declared.names) or parameter.default is True:
        parser.add_argument(*names, action=argparse.BooleanOptionalAction, **common)
    else:
        parser.add_argument(*names, action="store_true", **common)


def _type(parameter: Parameter) -> Callable[[str], Any]:
    """Reads a word as a value; argparse adds the option's name to its errors."""

    def read(text: str) -> Any:
        text = text.removeprefix(PLAIN)
        if issubclass(parameter.kind, Enum):
            return _member(parameter.kind, text)
        try:
            value = parameter.kind(text)
        except ValueError as error:
            number = "a whole number" if parameter.kind is int else "a number"
            raise argparse.ArgumentTypeError(f"takes {number}, not {text!r}") from error
        _check_range(parameter, value)
        return value

    return read


def _member(kind: type[Enum], text: str) -> Enum:
    values = [str(member.value) for member in kind]
    if text not in values:
        raise argparse.ArgumentTypeError(f"is one of {', '.join(values)}, not {text!r}")
    return kind(text)


def _check_range(parameter: Parameter, value: Any) -> None:
    if not isinstance(parameter.declared, Option):
        return
    least, most = parameter.declared.least, parameter.declared.most
    if (least is not None and value < least) or (most is not None and value > most):
        limits = f"from {least} to {most}" if most is not None else f"of at least {least}"
        raise argparse.ArgumentTypeError(f"takes a whole number {limits}, not {value}")


def _metavar(parameter: Parameter, declared: Option) -> str:
    if declared.metavar:
        return declared.metavar
    if issubclass(parameter.kind, Enum):
        return "|".join(str(member.value) for member in parameter.kind)
    return METAVARS.get(parameter.kind, "TEXT")


def _help(parameter: Parameter, declared: Option) -> str:
    default = parameter.default
    if parameter.is_required or default in (None, True, False, REQUIRED, "") or "default" in declared.help.lower():
        return _escaped(declared.help + (" Required." if parameter.is_required else ""))
    return _escaped(f"{declared.help.rstrip('.')}; default: {getattr(default, 'value', default)}.")


def _paragraphs(text: str) -> str:
    return "\n\n".join(textwrap.fill(" ".join(part.split()), 79) for part in text.split("\n\n") if part)


def _escaped(text: str) -> str:
    """argparse replaces %(…)s in help texts."""
    return text.replace("%", "%%")
