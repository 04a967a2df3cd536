"""The trials of a sweep: every combination of the values of some keys of a recipe, each with a name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from dlic.errors import DlicError

LAMBDA = "model.lmbda"  # keys along a curve by default; other keys separate curves
BRACKETS = {"[": "]", "{": "}", "(": ")"}
LONGEST_NAME = 120  # characters: file systems allow 255 bytes

Settings = Mapping[str, str]  # key of a recipe → value, both as on the command line


@dataclass(frozen=True)
class Axis:
    """One key with its values, or several that change together."""

    keys: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]  # of every key


@dataclass(frozen=True)
class Trial:
    """One run of a sweep."""

    name: str  # of its folders
    settings: Settings
    start: str | None = None  # name of the trial whose weights it starts from


def parse_axis(text: str) -> Axis:
    """'model.lmbda=0.0067,0.013', or keys that change together: 'model.distortion:model.lmbda=mse:0.013,ms-ssim:16'.

    Commas and colons within brackets or quotes belong to a value. Raises DlicError for anything else.
    """
    left, equals, right = text.partition("=")
    keys = tuple(left.split(":"))
    if not equals or not all(re.fullmatch(r"[A-Za-z_][\w.]*", key) for key in keys):
        raise DlicError(f"--grid takes a key of the recipe and its values, such as model.lmbda=0.0067,0.013, not {text!r}")
    values = tuple(_values(value, keys, text) for value in split_outside(right, ","))
    for value in values:
        if values.count(value) > 1:
            raise DlicError(f"--grid {text} names {':'.join(value)} twice")
    return Axis(keys, values)


def _values(text: str, keys: tuple[str, ...], axis: str) -> tuple[str, ...]:
    values = tuple(split_outside(text, ":")) if len(keys) > 1 else (text,)
    if len(values) != len(keys) or not all(values):
        expected = "a value after each comma" if len(keys) == 1 else f"{len(keys)} values with colons between after each comma"
        raise DlicError(f"--grid {axis} needs {expected}, not {text!r}")
    return values


def split_outside(text: str, separator: str) -> list[str]:
    """Parts between separators that are neither in brackets nor in quotes."""
    parts, closing, quote = [""], [], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in BRACKETS:
            closing.append(BRACKETS[character])
        elif closing and character == closing[-1]:
            closing.pop()
        if character == separator and not closing and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def trials_of(axes: Sequence[Axis], chain: str | None = None) -> list[Trial]:
    """Every combination, the last axis fastest. With `chain`, each value of that key starts from the weights of the value before
    it.

    Raises DlicError for a key that is given twice, and for a chain of no key of the grid.
    """
    keys = [key for axis in axes for key in axis.keys]
    for key in keys:
        if keys.count(key) > 1:
            raise DlicError(f"--grid names {key} twice")
    if chain is not None:
        axes = sorted(axes, key=lambda axis: chain in axis.keys)  # stable: that axis last
        if not axes or chain not in axes[-1].keys:
            raise DlicError(f"--chain {chain} is no key of --grid")
    short = short_keys(keys)
    assignments = [dict(pair for values in combination for pair in values) for combination in product(*map(_choices, axes))]
    combinations = [{key: settings[key] for key in keys} for settings in assignments]  # named in the order that was given
    names = [_name(settings, short) for settings in combinations]
    for name in names:
        if names.count(name) > 1:
            raise DlicError(f"two combinations of the grid would both be called {name}; their values differ too little")
    length = len(axes[-1].values) if chain is not None else 1
    starts = [names[i - 1] if i % length else None for i in range(len(names))]
    return [Trial(*combination) for combination in zip(names, combinations, starts, strict=True)]


def _choices(axis: Axis) -> Iterator[tuple[tuple[str, str], ...]]:
    for values in axis.values:
        yield tuple(zip(axis.keys, values, strict=True))


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Short names of keys: the fewest last words that are unique, so model.network.init_args.stage is 'stage'."""
    return {key: next((tail for tail in _tails(key) if sum(_ends(other, tail) for other in keys) == 1), key) for key in keys}


def _tails(key: str) -> Iterator[str]:
    words = key.split(".")
    for count in range(1, len(words) + 1):
        yield ".".join(words[-count:])


def _ends(key: str, tail: str) -> bool:
    return key == tail or key.endswith(f".{tail}")


def _name(settings: Settings, short: Mapping[str, str]) -> str:
    """A valid folder name on every system, without commas, which separate codecs on the command line."""
    name = "+".join(f"{short[key]}={value}" for key, value in settings.items())
    return re.sub(r"[^\w.=+-]+", "-", name)[:LONGEST_NAME].strip("-.") or "run"


def chains(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Trials in training order, one list for each chain."""
    result: list[list[Trial]] = []
    for trial in trials:
        if trial.start is None:
            result.append([])
        result[-1].append(trial)
    return result
