"""Codecs that are commands: cjxl, ffmpeg, VTM or a paper's script, with a process of its own for each file."""

import os
import select
import signal
import string
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dlic.errors import DlicError, UnreadableImageError
from dlic.images.files import MAX_PIXELS, opened
from dlic.images.pillow.opening import decoding
from dlic.pixels.arrays import check_pixels

FILES = frozenset(["input", "output"])
TIMEOUT_S = 600.0  # VTM takes minutes for a photograph
LONGEST_S = 604_800.0  # a week, in ms within the 31 bits that poll takes
LOG_TAIL = 1 << 16  # bytes read of a command's output: its version, or its last words
QUOTED = 200  # characters of a line that is quoted in a sentence
BIT_DEPTH = 24  # where a PNG file says it, after signature, length, name, width and height (W3C PNG, 11.2.1)


@dataclass(frozen=True)
class ExternalCodec:
    """Two commands: the encoder turns a PNG file into a compressed file, the decoder turns that into a PNG file.

    image ─ input.png ─ encode ─ output.jxl ─ bytes ─ input.jxl ─ decode ─ output.png ─ pixels

    A command is a list of arguments and starts without a shell, in the caller's folder. In each argument {input}, {output} and, for
    the encoder, {quality} are replaced; {{ and }} are braces. Its files lie in a folder made for this one call, which is removed
    afterwards with all that was left there (TMPDIR is the same), so that a decoder sees nothing but the file.

    Raises DlicError in one sentence for templates that cannot work, and for a command that is missing, fails, takes more than
    `timeout_s` (it is killed with all it has started, but for what has left its process group) or writes nothing.
    """

    encode: tuple[str, ...]
    decode: tuple[str, ...]
    ending: str = ".bin"  # of its files
    quality: float | None = None  # None where `encode` has no {quality}
    timeout_s: float = TIMEOUT_S  # for each command

    def __post_init__(self) -> None:
        placeholders = FILES if self.quality is None else FILES | {"quality"}
        _check_template("encode", self.encode, placeholders)
        _check_template("decode", self.decode, FILES)
        if not self.ending.startswith(".") or not self.ending[1:].isalnum():
            raise DlicError(f"ending is that of a file, such as .jxl, not {self.ending!r}")
        if not 0 < self.timeout_s <= LONGEST_S:
            raise DlicError(f"timeout is a number of seconds up to a week, not {self.timeout_s:g}")

    def compress(self, image: np.ndarray) -> bytes:
        pixels = Image.fromarray(check_pixels(image))
        with private_folder() as folder:
            source, target = folder / "input.png", folder / f"output{self.ending}"
            pixels.save(source, compress_level=1)  # a file of a moment, whose writing counts as encoding time
            self._convert(self.encode, source, target)
            return _written(target, self.encode)

    def decompress(self, data: bytes) -> np.ndarray:
        with private_folder() as folder:
            source, target = folder / f"input{self.ending}", folder / "output.png"
            source.write_bytes(data)
            self._convert(self.decode, source, target)
            return _pixels(_written(target, self.decode), self.decode)

    def _convert(self, template: Sequence[str], source: Path, target: Path) -> None:
        values = {"input": source, "output": target, "quality": "" if self.quality is None else plain_number(self.quality)}
        finished = finish([part.format(**values) for part in template], self.timeout_s, source.parent, shown(template))
        if finished.exit_code != 0:
            messages = finished.errors.splitlines() or ["it says nothing on standard error"]
            raise DlicError(f"{shown(template)} {_ending(finished.exit_code)}: {messages[-1]}")


def plain_number(value: float) -> str:
    """30.0 → "30", as most commands want it; 0.75 → "0.75"."""
    return str(int(value)) if value == int(value) else repr(float(value))


def shown(template: Sequence[str]) -> str:
    """A command as sentences name it."""
    return f"`{_line(' '.join(template))}`"


# --- templates ----------------------------------------------------------------------------------------------------------


def _check_template(key: str, template: Sequence[str], required: frozenset[str]) -> None:
    """Raises DlicError for a template with unknown placeholders, or without a required one."""
    if not template or not template[0]:
        raise DlicError(f"{key} names no command")
    placeholders = set().union(*(_placeholders(key, part) for part in template))
    if unknown := sorted(placeholders - required):
        names = ", ".join(f"{{{name}}}" for name in sorted(required))
        raise DlicError(f"{key} has the placeholder {{{unknown[0]}}}; it takes {names}, and {{{{ }}}} for braces")
    if missing := sorted(required - placeholders):
        raise DlicError(f"{key} lacks {{{missing[0]}}}")


def _placeholders(key: str, argument: str) -> set[str]:
    try:
        parsed = list(string.Formatter().parse(argument))
    except ValueError as error:
        raise DlicError(f"{key} has a single brace in {argument!r}; write {{{{ or }}}} for a brace itself") from error
    return {f"{name}{'!' + conversion if conversion else ''}{':' + form if form else ''}" for _, name, form, conversion in parsed
            if name is not None}  # fmt: skip


# --- processes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finished:
    """A process that has ended."""

    exit_code: int  # negative: the signal that ended it
    output: str  # end of its output, without empty lines
    errors: str  # end of its standard error


@contextmanager
def private_folder() -> Iterator[Path]:
    """An empty folder that nobody else can read, for the time of a block."""
    with tempfile.TemporaryDirectory(prefix="dlic-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def finish(command: Sequence[str], timeout_s: float, folder: Path, name: str) -> Finished:
    """Runs a command to its end. Its output goes to files in `folder`, as background processes could hold pipes open.

    Raises DlicError, with `name` for the command, where it cannot be started or takes longer than `timeout_s`.
    """
    with open(folder / ".output", "w+b") as output, open(folder / ".errors", "w+b") as errors:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True,
                env={**os.environ, "TMPDIR": str(folder)},
            )  # fmt: skip
        except FileNotFoundError as error:
            raise DlicError(f"{name} cannot be started: there is no program {command[0]} on this machine") from error
        except (OSError, ValueError) as error:  # no permission, no program; a null byte
            raise DlicError(f"{name} cannot be started: {getattr(error, 'strerror', None) or error}") from error
        try:
            if not _ends_within(process, timeout_s):
                raise DlicError(f"{name} was stopped after {timeout_s:g} seconds, the timeout it has")
            exit_code = process.wait()
        finally:  # Ctrl-C too, which a session of its own does not hear
            if process.returncode is None:
                _kill(process)
        return Finished(exit_code, _tail(output), _tail(errors))


def _ends_within(process: subprocess.Popen, timeout_s: float) -> bool:
    """Wait for a process; Popen.wait looks every 50 ms, which would count as its time, so only where the system cannot tell."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not Linux; not allowed
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True
    try:
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        return bool(waiting.poll(1000 * timeout_s))
    finally:
        os.close(descriptor)


def _kill(process: subprocess.Popen) -> None:
    """End a process that still runs, and those of its group."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)  # not yet waited for, so that the number is still its own
    else:  # Windows: those it has started stay
        process.kill()
    process.wait()


def _tail(log) -> str:
    """The last lines of a binary file, those that are not empty, without control characters."""
    log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL))
    lines = (_line(line) for line in log.read().decode(errors="replace").splitlines())
    return "\n".join(line for line in lines if line)


def _line(text: str) -> str:
    """Text for the middle of a sentence."""
    printable = "".join(letter for letter in text if letter.isprintable()).strip()
    return printable if len(printable) <= QUOTED else f"{printable[:QUOTED]}…"


def _ending(exit_code: int) -> str:
    if exit_code > 0:
        return f"failed with exit code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was ended by signal {-exit_code}"


# --- files --------------------------------------------------------------------------------------------------------------


def _written(path: Path, template: Sequence[str]) -> bytes:
    try:
        data = path.read_bytes()
    except OSError:
        data = b""
    if not data:
        raise DlicError(f"{shown(template)} ended without an error but wrote nothing to {{output}}")
    return data


def _pixels(data: bytes, template: Sequence[str]) -> np.ndarray:
    """A PNG file → uint8 (H, W, 3); gray, palette and alpha are taken where nothing is lost by it, and refused otherwise."""
    try:
        image: Image.Image = opened(data, MAX_PIXELS)
        if image.format != "PNG":
            raise DlicError(f"{shown(template)} wrote {image.format}, not PNG")
        if data[BIT_DEPTH] > 8:  # which Pillow cuts to 8 without a word
            raise DlicError(f"{shown(template)} wrote a PNG file of {data[BIT_DEPTH]} bits a sample; make it write 8")
        with decoding("its output"):
            image = image.convert("RGBA")  # with alpha from a palette or a transparent colour
    except UnreadableImageError as error:
        raise DlicError(f"{shown(template)} wrote no PNG file that can be read: {error}") from error
    pixels = np.asarray(image)
    if pixels[..., 3].min() < 255:
        raise DlicError(f"{shown(template)} wrote a PNG file with transparency, which is no picture to compare")
    return np.ascontiguousarray(pixels[..., :3])
