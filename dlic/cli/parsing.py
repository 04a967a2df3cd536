"""Words of a command line → the arguments of a command's function, by GNU's rules: options anywhere, -abc, --name=value, --."""

from collections.abc import Sequence
from typing import Any

from dlic.cli.parameters import Option, Parameter, Rest
from dlic.errors import DlicError

HELP = ("-h", "--help")


class HelpWanted(Exception):
    """-h or --help is among the words."""


def parse(parameters: Sequence[Parameter], words: Sequence[str]) -> dict[str, Any]:
    """The values by name. Raises DlicError for words that do not fit, and HelpWanted."""
    rest = next((parameter for parameter in parameters if isinstance(parameter.declared, Rest)), None)
    if rest is not None and isinstance(rest.declared, Rest) and rest.declared.all_words:
        return {rest.name: list(words)}
    reader = _Words(parameters, rest is not None)
    reader.read(list(words))
    values = {parameter.name: reader.value(parameter) for parameter in parameters if isinstance(parameter.declared, Option)}
    if rest is not None:
        return values | {rest.name: reader.plain}
    return values | _arguments([parameter for parameter in parameters if not parameter.names], reader.plain)


def _arguments(parameters: Sequence[Parameter], words: list[str]) -> dict[str, Any]:
    """Words without names to parameters in order; a list takes all that the others leave."""
    values, left = dict[str, Any](), list(words)
    for place, parameter in enumerate(parameters):
        count = max(0, len(left) - (len(parameters) - place - 1)) if parameter.is_list else min(1, len(left))
        taken, left = left[:count], left[count:]
        if not taken and parameter.is_required:
            raise DlicError(f"{parameter.metavar} is missing: {_uncapitalised(parameter)}; -h shows more")
        read = [parameter.value(word) for word in taken]
        values[parameter.name] = (read if parameter.is_list else read[0]) if taken else parameter.default
    if left:
        raise DlicError(f"{left[0]!r} is one word too many; -h shows what the command takes")
    return values


def _uncapitalised(parameter: Parameter) -> str:
    text = parameter.declared.help.rstrip(".") if not isinstance(parameter.declared, Rest) else ""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


class _Words:
    """The options that were read so far, and the words that belong to none."""

    def __init__(self, parameters: Sequence[Parameter], keeps_unknown: bool) -> None:
        self.by_name = {name: parameter for parameter in parameters for name in (*parameter.names, *parameter.off_names)}
        self.keeps_unknown = keeps_unknown
        self.found: dict[str, list[Any]] = {}
        self.plain: list[str] = []

    def value(self, option: Parameter) -> Any:
        if option.name in self.found:
            values = self.found[option.name]
            return values if option.is_list else values[-1]
        if option.is_required:
            raise DlicError(f"{option.label} is missing; -h shows what the command takes")
        return option.default

    def read(self, words: list[str]) -> None:
        while words:
            word = words.pop(0)
            if word == "--":
                self.plain += words
                return
            if word.startswith("--"):
                self._long(word, words)
            elif word.startswith("-") and word != "-":
                self._short(word, words)
            else:
                self.plain.append(word)

    def _long(self, word: str, words: list[str]) -> None:
        name, equals, value = word.partition("=")
        option = self._option(name)
        if option is None:
            self.plain.append(word)
        elif not option.is_switch:
            self._add(option, value if equals else self._next(name, words))
        elif equals:
            raise DlicError(f"{name} takes no value")
        else:
            self._add(option, name not in option.off_names)

    def _short(self, word: str, words: list[str]) -> None:
        """-v, -rv, -q 60, -q60"""
        option = self._option(word[:2])
        if option is None:
            self.plain.append(word)
        elif not option.is_switch:
            self._add(option, word[2:].removeprefix("=") or self._next(word, words))
        else:
            self._add(option, True)
            if word[2:]:
                self._short("-" + word[2:], words)

    def _option(self, name: str) -> Parameter | None:
        """None for an unknown one, where such are kept."""
        if name in HELP:
            raise HelpWanted
        if name not in self.by_name and not self.keeps_unknown:
            from difflib import get_close_matches

            near = get_close_matches(name, self.by_name, 1)
            meant = f"; did you mean {near[0]}?" if near else "; -h shows those it has"
            raise DlicError(f"the command has no option {name}{meant}")
        return self.by_name.get(name)

    def _next(self, name: str, words: list[str]) -> str:
        if not words:
            raise DlicError(f"{name} needs a value")
        return words.pop(0)

    def _add(self, option: Parameter, value: Any) -> None:
        self.found.setdefault(option.name, []).append(value if option.is_switch else option.value(value))
