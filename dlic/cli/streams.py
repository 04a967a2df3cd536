"""Input and output by path or `-`, notes and the line of figures: shared by the commands."""

import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dlic.batch.folders import Done
from dlic.errors import CorruptFileError, DlicError, ExistsError, UnreadableImageError, VerificationError
from dlic.storage.files import cannot_write, read_whole, written_whole
from dlic.storage.special import STANDARD_OUTPUT, descriptor, is_special

STANDARD = "-"
FIGURE_ENDINGS = (".png", ".svg")
PROCESS = 100_000_000  # bytes of a process without a network
IMAGE_FILE = 10  # bytes of memory for a pixel of an image file that is read or written: Pillow's, ours and the file's


def read_bytes(source: str) -> bytes:
    """The bytes of a .dlic file, or of standard input for `-`. Raises CorruptFileError where it cannot be read or is empty."""
    if source == STANDARD:
        return sys.stdin.buffer.read()
    return read_whole(source, CorruptFileError)


def peek(length: int) -> bytes:
    """The first bytes of standard input, at most `length`, which stay there to be read."""
    buffer = sys.stdin.buffer
    return buffer.peek(length)[:length] if isinstance(buffer, io.BufferedReader) else b""


def sources_of(names: Sequence[str]) -> list[str]:
    """The files that were named; patterns are expanded where the shell left them alone, as on Windows. Raises DlicError for a
    pattern without a match.
    """
    files: list[str] = []
    for name in names:
        if name == STANDARD or os.path.lexists(name) or not set(name) & set("*?["):
            files.append(name)
            continue
        from glob import glob

        matches = sorted(glob(name, recursive=True))
        if not matches:
            raise UnreadableImageError(f"no file matches {shown(name)}")
        files += matches
    return files


def target_of(source: str, output: str | None, next_to_it: str) -> str:
    """The output of one file: that of -o, or in the folder of -o, or next to the input; standard output for standard input."""
    if output is None:
        return STANDARD if source == STANDARD else next_to_it
    if output != STANDARD and source != STANDARD and (os.path.isdir(output) or output.endswith(("/", os.sep))):
        return os.path.join(output, os.path.basename(next_to_it))
    return output


def keep_time(source: str, target: str) -> None:
    """Gives an output the times of its input."""
    if source != STANDARD and not is_standard_output(target) and not is_special(Path(target)):
        times = os.stat(source)
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


def refuse_existing(source: str, target: str, force: bool) -> None:
    """Refuse an output that exists before the work rather than after it, and the input itself even with --force. Devices and pipes
    are written into, and lose nothing.
    """
    if target == STANDARD or is_special(Path(target)) or not os.path.lexists(target):
        return
    if source != STANDARD and os.path.exists(source) and os.path.exists(target) and os.path.samefile(source, target):
        if not os.path.isdir(source):
            raise DlicError(f"{target} is the input itself; -o names another output")
    elif not force:
        raise ExistsError(f"{target} exists; --force overwrites it")


def write_bytes(target: str, data: bytes, force: bool, verify: Callable[[bytes], None] | None = None) -> None:
    """Write to a path, whole or not at all, or to standard output. `verify` gets the bytes read back."""
    if is_standard_output(target):
        _write_standard_output(data)
        return
    with written_whole(Path(target), force) as file:
        file.write(data)
        file.flush()
        if verify is not None:
            verify(Path(file.name).read_bytes())


def write_piece(data: bytes) -> int:
    """Writes a part of the output to standard output at once; its bytes."""
    _write_standard_output(data)
    return len(data)


def _write_standard_output(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise no_standard_output(error) from error


def no_standard_output(error: OSError) -> DlicError:
    """The error for a standard output that takes no more. It is closed: bytes in its buffer must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), STANDARD_OUTPUT)
    return cannot_write(Path("standard output"), error)


def is_standard_output(target: str) -> bool:
    """Whether an output is standard output, as - or by its name: /dev/stdout, /proc/self/fd/1 and links to them."""
    return target == STANDARD or descriptor(Path(target)) == STANDARD_OUTPUT


def ending(target: str, otherwise: str) -> str:
    """The ending of an output's name; `otherwise` for standard output, and for a device or a pipe whose name has none."""
    suffix = Path(target).suffix
    return otherwise if target == STANDARD or (not suffix and is_special(Path(target))) else suffix


def not_what_was_encoded(target: str) -> VerificationError:
    return VerificationError(f"{target} was not written: reading it back gave other symbols than were encoded")


def say(text: object, error: bool = False) -> None:
    """Prints a line on standard output or standard error; signs that it cannot take become question marks."""
    stream = sys.stderr if error else sys.stdout
    try:
        print(text, file=stream, flush=True)
    except UnicodeEncodeError:
        print(str(text).encode(stream.encoding, "replace").decode(stream.encoding), file=stream, flush=True)


def report(done: Done, as_json: bool, verbose: bool) -> None:
    """The notes of a file, and its line or its figures as JSON; on standard error where standard output carries the data."""
    for sentence in done.notes:
        note(sentence)
    error = is_standard_output(done.output)
    say(json.dumps(done.figures) if as_json else shown(done.line), error)
    if verbose and done.detail and not as_json:
        say(f"  {shown(done.detail)}", error)


def shown(text: str | Path) -> str:
    """Text on one line that any terminal takes: newlines in names and bytes that are no UTF-8 as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def without_name(error: Exception, name: str | Path) -> str:
    """An error without the name of its file, which is printed in front of it."""
    return str(error).removeprefix(str(name)).lstrip(": ")


def note(sentence: str) -> None:
    """Prints a note on standard error."""
    say(f"note: {shown(sentence)}", error=True)


def check_memory(size: tuple[int, int], max_memory: int | None, process: int = PROCESS) -> None:
    """Raises DlicError where a process would take more bytes than it may to read or write an image file of (width, height)."""
    needed = process + IMAGE_FILE * size[0] * size[1]
    if max_memory is not None and needed > max_memory:
        takes, has = f"{needed / 1e6:,.0f} MB", f"{max_memory / 1e6:,.3g} MB"
        raise DlicError(f"{size[0]} × {size[1]} pixels take about {takes} of memory, more than the {has} of --max-memory")


def check_targets(targets: list[Path], figures: list[Path], force: bool) -> None:
    """Raises DlicError for targets that could not be written, before the work."""
    for path in figures:
        if path.suffix.lower() not in FIGURE_ENDINGS:
            raise DlicError(f"--figure draws {' or '.join(FIGURE_ENDINGS)}, not {path.name}")
    for path in targets:
        if not path.parent.is_dir():
            raise DlicError(f"{path} cannot be written: {path.parent} is no folder")
        if path.is_dir():
            raise DlicError(f"{path} is a folder, not a file to write")
        refuse_existing(STANDARD, str(path), force)
