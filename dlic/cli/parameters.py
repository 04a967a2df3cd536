"""A command is a function; the annotations of its arguments are the command line: Annotated[int, Option("-q", "--quality")]."""

import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Argument:
    """A word without a name, or several where the type is a list."""

    metavar: str
    help: str = ""


class Option:
    """A word that begins with a dash, and its value. `names` are those on the command line, by default `--` and the argument's
    name; "--open/--no-open" is a switch of two sides.
    """

    def __init__(
        self, *names: str, metavar: str | None = None, help: str = "", least: int | None = None, most: int | None = None
    ) -> None:
        self.names, self.metavar, self.help, self.least, self.most = names, metavar, help, least, most


@dataclass(frozen=True)
class Rest:
    """Every word that the other parameters do not take; with `all_words` really all of them, --help among them."""

    all_words: bool = False


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One argument of a command's function."""

    name: str
    declared: Argument | Option | Rest
    kind: Any  # str, int, float, bool, Path or an Enum
    is_list: bool
    default: Any

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED


def parameters_of(command: Callable[..., None]) -> list[Parameter]:
    """The parameters of a command, in the order of its function's arguments."""
    return [_parameter(parameter) for parameter in inspect.signature(command).parameters.values()]


def _parameter(parameter: inspect.Parameter) -> Parameter:
    assert get_origin(parameter.annotation) is Annotated, f"{parameter.name} is not declared as Annotated[…]"
    annotation, declared, *_ = get_args(parameter.annotation)
    kind, is_list = _kind(annotation)
    return Parameter(name=parameter.name, declared=declared, kind=kind, is_list=is_list, default=parameter.default)


def _kind(annotation: Any) -> tuple[Any, bool]:
    """`list[Path] | None` → Path, and True for a list."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is list:
        return get_args(annotation)[0], True
    return annotation, False
