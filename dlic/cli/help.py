"""The text of -h: usage, description, arguments and options."""

import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from shutil import get_terminal_size

from dlic.cli.parameters import Argument, Option, Parameter, parameters_of

WIDEST, COLUMN = 100, 26  # of a line, and where descriptions begin at the latest


def command_help(words: str, command: Callable[..., None]) -> str:
    """`words`: 'dlic compress'."""
    parameters = parameters_of(command)
    arguments = [parameter for parameter in parameters if isinstance(parameter.declared, Argument)]
    options = [parameter for parameter in parameters if isinstance(parameter.declared, Option)]
    usage = " ".join(["Usage:", words, *map(_place, arguments), *["[OPTIONS]"] * bool(options)])
    sections = [usage, *_paragraphs(inspect.getdoc(command) or "")]
    if arguments:
        sections.append("Arguments:\n" + _table((argument.metavar, _text(argument)) for argument in arguments))
    rows = [*((_left(option), _text(option)) for option in options), ("-h, --help", "Show this text.")]
    return "\n\n".join([*sections, "Options:\n" + _table(rows)])


def group_help(words: str, about: str, commands: Mapping[str, str], more: str = "") -> str:
    """`commands`: names and one line about each."""
    sections = [f"Usage: {words} COMMAND …", *_paragraphs(about), "Commands:\n" + _table(commands.items())]
    return "\n\n".join([*sections, *_paragraphs(more)])


def first_line(command: Callable[..., None]) -> str:
    """The first sentence of a command's description."""
    return (inspect.getdoc(command) or "").partition("\n\n")[0].replace("\n", " ").partition(": ")[0].rstrip(".")


def _place(argument: Parameter) -> str:
    name = argument.metavar.strip("[].…")
    name = f"{name}…" if argument.is_list else name
    return name if argument.is_required else f"[{name}]"


def _left(option: Parameter) -> str:
    names = ", ".join((*option.names, *option.off_names))
    return names if option.is_switch else f"{names} {option.metavar}"


def _text(parameter: Parameter) -> str:
    declared = parameter.declared
    text = declared.help if isinstance(declared, Argument | Option) else ""
    if isinstance(declared, Option) and parameter.is_required:
        return f"{text} Required.".strip()
    shown = parameter.default not in (None, False, True, "") and "default" not in text.lower()
    value = getattr(parameter.default, "value", parameter.default)
    return f"{text.rstrip('.')}; default: {value}." if shown and isinstance(declared, Option) else text


def _width() -> int:
    return min(WIDEST, get_terminal_size().columns - 1)


def _paragraphs(text: str) -> list[str]:
    return [textwrap.fill(" ".join(part.split()), _width()) for part in text.split("\n\n") if part]


def _table(rows: Iterable[tuple[str, str]]) -> str:
    rows = list(rows)
    column = min(COLUMN, max(len(left) for left, _ in rows) + 4)
    lines = []
    for left, text in rows:
        first = f"  {left}".ljust(column) if len(left) < column - 3 else f"  {left}\n{'':{column}}"
        lines.append(first + textwrap.fill(text, max(30, _width() - column)).replace("\n", "\n" + " " * column))
    return "\n".join(line.rstrip() for line in lines)
