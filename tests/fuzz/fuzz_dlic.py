"""Fuzz targets of the .dlic decoder: any bytes decode or are a DlicError of one sentence.

    python -m tests.fuzz.fuzz_dlic --runs 1000000              the release run, by the mutations of tests/fuzz/mutations.py
    python -m tests.fuzz.fuzz_dlic --runs 20000 --atheris      guided by the branches of dlic, where atheris is installed

`--targets container,entropy` chooses some of TARGETS, `--seed 7` another beginning, and `--seconds 60` ends it earlier. The first
finding is printed as hexadecimal bytes and ends the run with another status than 0; without one, the end is a table of what was
executed, or what libFuzzer has to say. What is found goes to tests/golden/hostile, where a test reads all files for ever.
"""

import argparse
import contextlib
import importlib
import random
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

atheris = importlib.import_module("atheris") if __name__ == "__main__" and "--atheris" in sys.argv else None
with atheris.instrument_imports(include=["dlic"]) if atheris else contextlib.nullcontext():  # our branches guide it, nobody else's
    import dlic
    from dlic.classical.lossless import codec as lossless
    from dlic.classical.lossless.codec import LosslessCodec
    from dlic.classical.wavelet import codec as wavelet
    from dlic.classical.wavelet.codec import WaveletCodec
    from dlic.container.chunks import ALPHA, by_name
    from dlic.container.format import LEARNED, PROGRESSIVE, TILED, WAVELET, Container, read, read_beginning, write
    from dlic.container.latent_streams import unpack
    from dlic.container.layer_ends import ends_of_layers
    from dlic.container.tiles import join, split, split_beginning
    from dlic.entropy.coder import CODERS, coder_of
    from dlic.entropy.parts import Symbols
    from dlic.errors import DlicError
    from dlic.formats import metadata_chunks, thumbnails
    from dlic.formats.channels import encode_alpha
    from dlic.formats.progressive import trimmed
    from dlic.formats.reading import Reading
    from dlic.formats.registry import describe, describe_beginning
    from dlic.learned.codec import LearnedCodec, load_codec
    from dlic.learned.progressive.codec import ProgressiveCodec
    from dlic.learned.progressive.part_counts import PartCounts
    from dlic.learned.tiles.plan import Tiling
    from dlic.pixels.reduction import REDUCTIONS
    from tests.fuzz.fuzz_jpeg import mutated
    from tests.fuzz.memory import MUCH, atheris_limit, peak_memory
    from tests.fuzz.mutations import MAX_PIXELS, mutated_file, repaired
    from tests.learned.exact.pages import page

TINY_LIGHT = Path(__file__).parent.parent / "golden" / "tiny_light"
SLOW = 20  # seconds of a processor; an execution that takes more is a finding, as atheris has it


# --- targets: they return for what decodes, and raise DlicError for the rest -------------------------------------------------


def container(data: bytes) -> None:
    """Header, checksums, chunks and table of tiles, whole and of a damaged file; nothing is decoded."""
    with contextlib.suppress(DlicError):
        _look_at(read_beginning(data)[0], split_beginning)
    with contextlib.suppress(DlicError):
        unpack(data)
    _look_at(read(data), split)


def _look_at(found: Container, split_as: Callable) -> None:
    """Everything there is to a container but its picture."""
    if found.kind == TILED:
        grid, tiles = split_as(found)
        assert len(grid) == len(tiles) == len(grid.tiles)
    if found.kind == PROGRESSIVE:
        assert all(end.size for end in ends_of_layers(found))
    by_name(found.chunks)
    metadata_chunks.read(found.chunks)
    webp = thumbnails.read(found.chunks)
    if webp is not None:
        thumbnails.pixels_of(webp)


def entropy(data: bytes) -> None:
    """The stream of z and y: of what size, at which level and by which coder the first bytes say."""
    codec, head = _codec(), data[:4].ljust(4, b"\0")
    size, level = (1 + head[0] % 4, 1 + head[1] % 4), head[2] % codec.levels
    decoder = coder_of(head[3]).decoder(data[4:], codec.unit.tables)
    symbols = Symbols.of(codec.unit.deployed.rows.path(size, level), decoder.pull)
    assert symbols.y.shape[:2] == size
    decoder.finish()


def streams(data: bytes) -> None:
    """The stream of a lossless or a wavelet file, which those of alpha are too: no checksum is in front of it."""
    head = data[:3].ljust(3, b"\0")
    (lossless, wavelet)[head[0] % 2].decode(data[3:], 1 + head[1] % 24, 1 + head[2] % 24)


def whole(data: bytes) -> None:
    """The pixels and metadata of any file."""
    found = dlic.read(data, weights=TINY_LIGHT, max_pixels=MAX_PIXELS, runtime=_runtime(data))
    assert found.pixels.dtype in (np.uint8, np.uint16) and found.pixels.shape[0] * found.pixels.shape[1] <= MAX_PIXELS


def codec(data: bytes) -> None:
    """What a learned codec says of a file by itself, without the public functions in front of it."""
    limited = load_codec(TINY_LIGHT, _runtime(data)).within(None, MAX_PIXELS)
    limited.estimated_bits(data)
    crcs, container = limited.crcs(read(data)), read(data)
    assert len(crcs) == (len(split(container)[1]) if container.kind == TILED else 1)
    assert limited.decompress(data).shape == (container.height, container.width, 3)


def part(data: bytes) -> None:
    """A part of a picture, reduced, of a whole file or of a damaged one; the bytes' checksum says which."""
    chosen = random.Random(zlib.crc32(data))
    damaged = chosen.random() < 0.6
    described = (describe_beginning if damaged else describe)(data)
    width, height = min(described.width, 128), min(described.height, 128)
    crop = (chosen.randrange(-1, width), chosen.randrange(height), chosen.randint(0, width), chosen.randint(1, height))
    crop = chosen.choice([crop, (0, 0, width, height), None])
    reading = Reading(TINY_LIGHT, MAX_PIXELS, crop=crop, reduction=chosen.choice(REDUCTIONS), runtime=_runtime(data))
    read_as = described.kind.read_partial if damaged else described.kind.read
    assert read_as(described, reading).picture.pixels.size


def _runtime(data: bytes) -> str:
    """Either, as the bytes' checksum says."""
    return ("onnx", "torch")[zlib.crc32(data) & 1]


# --- what they begin with, and how it is changed ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """What is executed, on changes of what."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    mutate: Callable[[bytes, random.Random], bytes]
    share: int = 1  # of a run, beside those of others: what is quick is executed more often


@lru_cache
def _codec() -> LearnedCodec:
    return load_codec(TINY_LIGHT)


def _image(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Smooth, with some noise."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).integers(0, 30, (height, width, channels))
    return ((2 * y + 3 * x)[..., None] % 200 + noise).astype(np.uint8)


@lru_cache
def learned_files() -> list[bytes]:
    """Of the tiny light model: plain and in tiles, by all coders, with finer steps at seams, with alpha and metadata."""
    extra = {"icc_profile": bytes(90), "xmp": b"<x/>" * 9, "dpi": (72, 72), "text": {"Title": "Žofie"}, "thumbnail": 8}
    files = [dlic.compress(_image(20, 30, channels), 40, weights=TINY_LIGHT, **extra) for channels in (2, 4)]
    files += [dlic.compress(_image(20, 30, 4), 40, weights=TINY_LIGHT, alpha_quality=30)]
    tiles = Tiling(side=64, above=0, at_once=1)
    for one in (_codec().with_coder(number) for number in CODERS):
        files += [one.compress(_image(17, 40), 31), one.compress(_image(1, 1), 63), one.compress(_image(33, 18), 45)]
        files.append(replace(one, tiling=tiles).compress(_image(20, 150), 20))
    grid, plain = split(read(files[-1]))
    files.append(write(join(grid, [replace(tile, finer=100 * index) for index, tile in enumerate(plain)])))
    alpha = ((ALPHA, encode_alpha(_image(20, 150, 1)[..., 0], side=64)),)
    return [*files, replace(_codec(), tiling=tiles, chunks=alpha).compress(_image(20, 150), 0)]


@lru_cache
def classical_files() -> list[bytes]:
    """Of the codecs without a checkpoint."""
    gray, deep = _image(9, 14, 1)[..., 0], _image(7, 9, 3).astype(np.uint16) * 257
    files = [
        LosslessCodec(transform).compress(image)
        for transform in ("wavefront", "predictive", "wavelet")
        for image in (gray, deep, _image(9, 8, 4))
    ]
    return [*files, *(WaveletCodec(quality).compress(image) for quality in (20, 95) for image in (gray, _image(9, 14)))]


def any_files() -> list[bytes]:
    return learned_files() + classical_files() + exact_files() + progressive_files()


@lru_cache
def progressive_files() -> list[bytes]:
    """In two layers: in one unit, in tiles, with alpha, and cut."""
    layers = ProgressiveCodec(_codec(), PartCounts(2, 3))
    tiles = ProgressiveCodec(replace(_codec(), tiling=Tiling(side=64, above=0, at_once=1)), PartCounts(2, 2))
    files = [layers.compress(_image(33, 40), 45), tiles.compress(_image(20, 150), 50)]
    files.append(dlic.compress(_image(20, 30, 4), 60, weights=TINY_LIGHT, progressive=True, thumbnail=8))
    return [*files, trimmed(files[0], len(files[0]) - 20)]


@lru_cache
def exact_files() -> list[bytes]:
    """With exact blocks next to the picture of a network, and with nothing else."""
    mixed = page(64, 96).copy()
    mixed[:, 48:] = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    images = (mixed, page(40, 60)[..., 0], page(64, 96))
    return [dlic.compress(image, 80, weights=TINY_LIGHT, content="screen") for image in images]


def _entropy_seeds() -> list[bytes]:
    """Streams of pictures of one unit, behind what `entropy` takes from its first bytes."""
    found = [read(data) for data in learned_files() if read(data).kind == LEARNED]
    stride = _codec().unit.deployed.decoder.stride
    sizes = [(-(-one.height // stride) - 1, -(-one.width // stride) - 1) for one in found]
    return [bytes([*size, one.level, one.coder]) + one.stream for one, size in zip(found, sizes, strict=True)]


def _stream_seeds() -> list[bytes]:
    found = map(read, classical_files())
    return [bytes([one.kind == WAVELET, one.height - 1, one.width - 1]) + one.stream for one in found]


def _mutated_file(data: bytes, rng: random.Random) -> bytes:
    return mutated_file(data, rng, _codec())


TARGETS = {
    "container": Target(container, any_files, _mutated_file, share=8),
    "entropy": Target(entropy, _entropy_seeds, mutated, share=4),
    "streams": Target(streams, _stream_seeds, mutated),
    "whole": Target(whole, any_files, _mutated_file, share=2),
    "codec": Target(codec, learned_files, _mutated_file),
    "part": Target(part, any_files, _mutated_file, share=2),
}


# --- runs -----------------------------------------------------------------------------------------------------------------


class Finding(Exception):
    """Bytes that a target does not survive."""


@dataclass
class Tally:
    """What was executed of one target."""

    executions: int = 0
    decoded: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    refusals: set[str] = field(default_factory=set)  # without their numbers

    def __str__(self) -> str:
        each = f"{1e3 * self.seconds / max(self.executions, 1):.2f} ms each, {1e3 * self.slowest:.0f} ms the slowest"
        return f"{self.executions:>9,} executions, {self.decoded:>7,} decoded, {len(self.refusals):>3} refusals, {each}"


def execute(name: str, data: bytes, tally: Tally) -> bool:
    """Whether `data` decodes. Raises Finding for anything but a result or a DlicError of one sentence, in bounded time."""
    begun, decoded = time.process_time(), True
    try:
        TARGETS[name].run(data)
    except DlicError as error:
        decoded = False
        if not str(error) or "\n" in str(error):
            raise Finding(f"{name}: {error!r} is not a sentence, on {data.hex()}") from error
        tally.refusals.add("".join(letter for letter in str(error) if letter.isalpha() or letter == " ")[:60])
    except BaseException as error:
        raise Finding(f"{name}: {error!r}, on {data.hex()}") from error
    spent = time.process_time() - begun
    if spent > SLOW:
        raise Finding(f"{name}: {spent:.0f} seconds, on {data.hex()}")
    tally.executions, tally.decoded = tally.executions + 1, tally.decoded + decoded
    tally.seconds, tally.slowest = tally.seconds + spent, max(tally.slowest, spent)
    return decoded


def mutation_loop(names: list[str], runs: int, seed: int, seconds: float = float("inf"), news: bool = False) -> dict[str, Tally]:
    """Executes the targets in turns on mutated seeds. Raises Finding."""
    rng, end, tallies = random.Random(seed), time.monotonic() + seconds, {name: Tally() for name in names}
    seeds = {name: TARGETS[name].seeds() for name in names}
    turns = [name for name in names for _ in range(TARGETS[name].share)]
    allowed = peak_memory() + MUCH
    for run in range(runs):
        if time.monotonic() > end:
            break
        name = turns[run % len(turns)]
        execute(name, TARGETS[name].mutate(rng.choice(seeds[name]), rng), tallies[name])
        if news and run % 20_000 == 19_999:
            print(f"{run + 1:,} …", flush=True)
        if run % 1000 == 0 and peak_memory() > allowed:
            raise Finding(f"{MUCH:,} bytes of memory and more were taken, by one of the last thousand executions")
    return tallies


def run_atheris(names: list[str], runs: int, seed: int, seconds: float) -> None:
    """Ends the process, with status 0 if nothing was found. The first byte of an input chooses the target."""
    tallies = {name: Tally() for name in names}

    def one(data: bytes) -> None:
        name = names[data[0] % len(names)] if data else names[0]
        execute(name, data[1:], tallies[name])

    def changed(data: bytes, limit: int, seed: int) -> bytes:
        rng = random.Random(seed)
        first = data[:1] or b"\0"
        if rng.random() < 0.5:
            return first + repaired(atheris.Mutate(data[1:] or b"\0", limit - 1))
        return (first + TARGETS[names[first[0] % len(names)]].mutate(data[1:], rng))[:limit]

    with tempfile.TemporaryDirectory() as folder:
        for index, name in enumerate(names):
            for number, data in enumerate(TARGETS[name].seeds()):
                (Path(folder) / f"{name}_{number}").write_bytes(bytes([index]) + data)
        options = [
            f"-runs={runs}",
            f"-seed={seed + 1}",
            atheris_limit(),
            f"-timeout={SLOW}",
            "-max_len=4000",
            "-len_control=0",
        ]
        options += [f"-max_total_time={int(seconds)}"] if seconds < float("inf") else []
        atheris.Setup([sys.argv[0], *options, folder], one, custom_mutator=changed)
        atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--atheris", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("error", RuntimeWarning)  # arithmetic that overflows
    names, begun = given.targets.split(","), time.monotonic()
    if given.atheris:
        run_atheris(names, given.runs, given.seed, given.seconds)
    try:
        tallies = mutation_loop(names, given.runs, given.seed, given.seconds, news=True)
    except Finding as finding:
        traceback.print_exception(finding.__cause__ or finding)
        print("finding:", finding)
        return 1
    for name, tally in tallies.items():
        print(f"{name:10} {tally}")
    total = sum(tally.executions for tally in tallies.values())
    print(f"{total:,} executions in {time.monotonic() - begun:.0f} s, {peak_memory() / 1e6:.0f} MB at most, no finding")
    return 0


if __name__ == "__main__":
    sys.exit(main())
