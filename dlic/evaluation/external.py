"""Commands as codecs of an evaluation, from an INI file.

A section is a codec, and its name the one `--codecs` takes:

    [cjxl]
    label = JPEG XL, cjxl, effort 7
    encode = cjxl {input} {output} -q {quality} -e 7
    decode = djxl {input} {output}
    ending = .jxl
    qualities = 20, 40, 60, 80, 90
    version = cjxl --version
    note = perceptually tuned

encode     PNG {input} to {output} at {quality}, as a shell would split it, but without a shell: no pipes, no $VARIABLES
decode     {input}, which is what encode wrote, to {output}: PNG, RGB of 8 bits a sample, of the size it was; it knows no {quality}
ending     of the files, some programs go by it; .bin by default
qualities  by rising rate, as many as the curve shall have points; left out where encode has no {quality}
between    no, where a whole number between two qualities is none: then no file is fitted to a size; yes by default
label      as tables call it; the section's name by default
note       what to know before comparing
version    a command that prints the program's version, which is kept with the results
timeout    seconds that each command may take for an image; 600 by default

What stands in [DEFAULT] holds for every section.
"""

import configparser
import hashlib
import math
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TypeVar

from dlic.errors import DlicError
from dlic.evaluation.series import Series
from dlic.peers.external import TIMEOUT_S, ExternalCodec, finish, private_folder, shown
from dlic.storage.files import read_whole

KEYS = frozenset(["label", "encode", "decode", "ending", "qualities", "between", "note", "version", "timeout"])
NAMES = re.compile(r"[A-Za-z0-9._+-]+")  # characters of names in lists with commas and in file names
TIMES = "times include starting its process"
VERSION_TIMEOUT_S = 30.0
T = TypeVar("T")


def read_external(path: str | Path) -> Mapping[str, Series]:
    """The codecs of an INI file by name. Each program is asked for its version when its codec is looked up, not before.

    Raises DlicError, which names section and key, for an incomplete or wrong file, and on lookup if the version command fails.
    """
    sections = _parsed(path)
    with_names = {name: _in_section(path, name, _series, name, section) for name, section in sections.items()}
    return ExternalSeries(str(path), with_names, {name: section.get("version", "") for name, section in sections.items()})


class ExternalSeries(Mapping[str, Series]):
    """Codecs by name. Only the programs of codecs that are looked up must be on this machine."""

    def __init__(self, path: str, series: dict[str, Series], versions: dict[str, str]):
        self._path, self._series, self._versions = path, series, versions

    def __getitem__(self, name: str) -> Series:
        series, version = self._series[name], self._versions[name]
        if not version:
            return series
        return replace(series, identity=f"{series.identity}; {_in_section(self._path, name, _version, version)}")

    def __contains__(self, name: object) -> bool:
        return name in self._series

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)


def _in_section(path: str | Path, name: str, read: Callable[..., T], *arguments) -> T:
    """What `read` gives; the sentence of its error names the section."""
    try:
        return read(*arguments)
    except DlicError as error:
        raise DlicError(f"{path}, section [{name}]: {error}") from error


def _parsed(path: str | Path) -> dict[str, configparser.SectionProxy]:
    parser = configparser.ConfigParser(interpolation=None)  # % is a sign like others
    try:
        parser.read_string(read_whole(path, DlicError).decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise DlicError(f"{path} is not a text file in UTF-8") from error
    except configparser.Error as error:
        raise DlicError(f"{path} is no INI file: {' '.join(str(error).split())}") from error
    if not parser.sections():
        raise DlicError(f"{path} has no section; each codec is a section, as [cjxl]")
    return {name: parser[name] for name in parser.sections()}


def _series(name: str, section: configparser.SectionProxy) -> Series:
    if not NAMES.fullmatch(name):
        raise DlicError("a name has letters, digits and . _ + - only, as --codecs takes it")
    if unknown := sorted(set(section) - KEYS):
        raise DlicError(f"there is no key {unknown[0]}; keys are {', '.join(sorted(KEYS))}")
    qualities = _qualities(section.get("qualities"))
    encode, decode = _command(section, "encode"), _command(section, "decode")
    codec = ExternalCodec(encode, decode, section.get("ending", ".bin"), qualities[0], _timeout(section))
    whole = all(quality is not None and float(quality).is_integer() for quality in qualities)
    return Series(
        name,
        section.get("label") or name,
        lambda quality: replace(codec, quality=quality),
        qualities,
        " → ".join(" ".join(map(_portable, command)) for command in (encode, decode)),
        codec.ending,
        f"{section['note']}; {TIMES}" if section.get("note") else TIMES,
        between=whole and _yes_or_no(section, "between", True),
    )


# --- keys ---------------------------------------------------------------------------------------------------------------


def _command(section: configparser.SectionProxy, key: str) -> tuple[str, ...]:
    if not section.get(key):
        raise DlicError(f"{key} is missing")
    return _arguments(key, section[key])


def _arguments(key: str, text: str) -> tuple[str, ...]:
    """A line as a shell splits it."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise DlicError(f"{key} cannot be split into arguments: {str(error).lower()}") from error


def _qualities(text: str | None) -> tuple[float | None, ...]:
    """'20, 40.5' → its numbers in their order; (None,) where there are none."""
    if text is None:
        return (None,)
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise DlicError(f"qualities are numbers separated by commas, as 20, 40, 60, not {text!r}") from error
    if not all(map(math.isfinite, numbers)) or len(set(numbers)) < len(numbers):
        raise DlicError(f"qualities are numbers, each once, not {text!r}")
    return tuple(int(number) if number.is_integer() else number for number in numbers)


def _timeout(section: configparser.SectionProxy) -> float:
    try:
        return section.getfloat("timeout", TIMEOUT_S)
    except ValueError as error:
        raise DlicError(f"timeout is a number of seconds, not {section['timeout']!r}") from error


def _yes_or_no(section: configparser.SectionProxy, key: str, default: bool) -> bool:
    try:
        return section.getboolean(key, default)
    except ValueError as error:
        raise DlicError(f"{key} is yes or no, not {section[key]!r}") from error


# --- identity -----------------------------------------------------------------------------------------------------------


def _version(text: str) -> str:
    """The first line of a program's output, on either stream and with any exit code."""
    command = _arguments("version", text)
    with private_folder() as folder:
        finished = finish(command, VERSION_TIMEOUT_S, folder, f"version {shown(command)}")
    lines = (finished.output or finished.errors).splitlines()
    if not lines:
        raise DlicError(f"version {shown(command)} prints nothing")
    return lines[0]


def _portable(argument: str) -> str:
    """An argument without the folders of this machine; for a file (a script), with the beginning of its sha256."""
    path = Path(argument)
    if not path.is_file():
        return argument
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return f"{PurePath(argument).name}:{digest}"
