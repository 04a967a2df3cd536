"""Tries every file of a folder as an image, each in a process with limits: python scripts/corpus.py FOLDER

A file goes round (read, compressed without loss, decompressed to the same samples), is read with rounding, or is refused in a
sentence. A crash, or a file that takes more time or memory than the limits, is a fault: exit code 1 then, 0 otherwise.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from dlic.errors import DlicError
from dlic.formats.reading import Reading
from dlic.formats.registry import CODECS, describe
from dlic.formats.writing import Wishes
from dlic.images.files import EVERYTHING, read_image
from dlic.progress import no_progress

ROUND, READ, REFUSED, CRASHED, TOO_LONG, TOO_LARGE = "went round", "read", "refused", "crashed", "over time", "over memory"
OUTCOMES = (ROUND, READ, REFUSED, CRASHED, TOO_LONG, TOO_LARGE)
FAULTS = (CRASHED, TOO_LONG, TOO_LARGE)
MAX_PIXELS = 16_000_000  # fuzzed headers promise more; a limit that people may set, too


@dataclass(frozen=True)
class Tried:
    """What became of a file."""

    path: Path
    outcome: str
    said: str  # the sentence of a refusal, or the error of a crash
    seconds: float


@dataclass(frozen=True)
class Limits:
    """Bounds of the process for one file."""

    seconds: float
    memory: int  # bytes in addition to those of the process when it starts


def corpus(folder: Path, limits: Limits, jobs: int) -> Iterator[Tried]:
    """Every file below a folder in the order of their names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda path: tried(path, limits), paths)


def tried(path: Path, limits: Limits) -> Tried:
    """One file, in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["PIL.Image", "dlic.images.samples", "dlic.classical.lossless.codec"])
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(path, limits, there))
    begin = time.monotonic()
    process.start()
    there.close()
    outcome, said = _answer(here, limits, process)
    process.join()
    return Tried(path, outcome, said, time.monotonic() - begin)


def _answer(here: Connection, limits: Limits, process: multiprocessing.process.BaseProcess) -> tuple[str, str]:
    try:
        if here.poll(limits.seconds):
            answer: tuple[str, str] = here.recv()
            return answer
        process.kill()
        return TOO_LONG, f"took more than {limits.seconds:g} s"
    except EOFError:  # it ended without an answer
        process.join()
        return CRASHED, f"the process ended with {process.exitcode}"


def _work(path: Path, limits: Limits, there: Connection) -> None:
    statm = Path("/proc/self/statm")  # on Linux
    pages = int(statm.read_text().split()[0]) if statm.exists() else 0
    bound = pages * resource.getpagesize() + limits.memory
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    there.send(outcome_of(path))


def outcome_of(path: Path) -> tuple[str, str]:
    """What becomes of a file in this process, and what is said."""
    try:
        data = path.read_bytes()
        try:
            return _round(data)
        except DlicError:
            picture = read_image(data, MAX_PIXELS, EVERYTHING)
            return READ, ", ".join(picture.notes)
    except DlicError as error:
        text = str(error)
        if "memory" in text and "does not fit" in text:
            return TOO_LARGE, text
        return (REFUSED, text) if "\n" not in text else (CRASHED, f"refused in more than a sentence: {text!r}")
    except MemoryError:
        return TOO_LARGE, "took more memory than the limit"
    except Exception as error:
        return CRASHED, f"{type(error).__name__}: {error}"


def _round(data: bytes) -> tuple[str, str]:
    """Samples and metadata through a lossless file."""
    kind = CODECS["lossless"]
    picture = kind.load(data, MAX_PIXELS, strict=False)
    packed = kind.prepare(Wishes())(picture, no_progress).data
    back = kind.read(describe(packed), Reading(max_pixels=MAX_PIXELS)).picture
    if not np.array_equal(back.pixels, picture.pixels) or back.pixels.dtype != picture.pixels.dtype:
        return CRASHED, "other samples came back"
    rounded = back.metadata.dpi != picture.metadata.dpi  # thousandths of a pixel per inch
    if not rounded and back.metadata != picture.metadata:
        return CRASHED, "other metadata came back"
    return ROUND, ", ".join(picture.notes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=20, help="time for one file")
    parser.add_argument("--memory", type=int, default=2048, help="memory for one file, in MiB")
    parser.add_argument("--jobs", type=int, default=2, help="files at once")
    parser.add_argument("--verbose", action="store_true", help="a line for each file")
    options = parser.parse_args()
    if not options.folder.is_dir():
        print(f"{options.folder} is no folder", file=sys.stderr)
        return 2
    counts, slowest = dict.fromkeys(OUTCOMES, 0), 0.0
    for result in corpus(options.folder, Limits(options.seconds, options.memory << 20), options.jobs):
        counts[result.outcome] += 1
        slowest = max(slowest, result.seconds)
        if options.verbose or result.outcome in FAULTS:
            print(
                f"{result.outcome:12} {result.seconds:6.2f} s  {result.path.relative_to(options.folder)}: {result.said}", flush=True
            )
    print("".join(f"{outcome:12} {count:6}\n" for outcome, count in counts.items()) + f"slowest {slowest:.2f} s")
    return int(any(counts[outcome] for outcome in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
