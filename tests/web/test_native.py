"""The decoder in C, built for this machine: golden files, damage, and the share of the fuzzing that every run has."""

import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dlic
from dlic.classical.lossless import palette as palettes
from dlic.classical.lossless import residuals, webp
from dlic.classical.motion.field import still
from dlic.classical.motion.temporal import FrameMotion
from dlic.container.exact_layer import size_of_mask
from dlic.container.format import LEARNED, read, write
from dlic.container.sequence_groups import write_group
from dlic.container.sequence_reader import SequenceReader
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.formats.channels import encode_alpha
from dlic.learned.codec import load_codec
from dlic.learned.sequence.exact_blocks import ExactBlocks, Packing
from dlic.learned.sequence.key_packet import read_key
from dlic.learned.sequence.offsets import write_steps
from dlic.learned.sequence.packet import write_inter, write_motion
from dlic.web.weights import body_of, web_weights
from tests.golden.rewrite import GOLDEN, TINY_LIGHT
from tests.web.conftest import HAS_CLANG
from tests.web.golden_files import EXACT, KINDS, LIGHT, largest_difference
from tests.web.native import CLANG, Native

if not HAS_CLANG:
    pytest.skip("no clang and lld on this machine", allow_module_level=True)

SMALL = [path for path in LIGHT if path.stat().st_size < 100]
HOSTILE = sorted((GOLDEN / "hostile").glob("*.dlic"))
SHIPPED = sorted(path for path in (GOLDEN / "shipped").glob("light*.dlic") if "inter" not in path.name)  # that one is of clips
PROGRESSIVE = sorted((GOLDEN / "progressive").glob("*.dlic"))
FUZZED = 1500  # files
LONGEST = 4000  # bytes of a fuzzed file


@pytest.fixture(scope="module")
def native(library) -> Native:
    return Native(library, TINY_LIGHT)


@pytest.mark.parametrize("path", [path for path in EXACT if path.stem != "exact_clear"], ids=lambda path: path.stem)
def test_golden_exact_blocks_decode(native, path):
    container = read(path.read_bytes())
    assert largest_difference(native.exact(container.stream, container.width, container.height), path) == 0


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.stem)
def test_golden_files_decode(native, path):
    assert largest_difference(native.decode(path.read_bytes()), path) <= 1


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_files_of_shipped_checkpoints_decode(library, path):
    shown = Native(library, Path("checkpoints") / path.stem).decode(path.read_bytes())
    assert largest_difference(shown, path) <= 1


@pytest.mark.parametrize("path", PROGRESSIVE, ids=lambda path: path.stem)
def test_progressive_files_decode(native, library, path):
    decoder = Native(library, Path("checkpoints/light-1")) if path.stem == "light-1" else native
    assert largest_difference(decoder.decode(path.read_bytes())[..., :3], path, channels=3) <= 1


@pytest.mark.parametrize("name", ["photograph", "photograph_rans", "tiles"])
def test_beginnings_of_progressive_files_decode(native, name):
    """As Python's reader shows them; shorter ones than the first layer are refused."""
    data = (GOLDEN / "progressive" / f"{name}.dlic").read_bytes()
    shown = 0
    for end in [*range(len(data) - 7, 0, -97), len(data)]:
        try:
            pixels = native.decode(data[:end], partial=True)
        except ValueError:
            with pytest.raises(ValueError, match=r"\w"):
                native.decode(data[:end])
            continue
        expected = dlic.read(data[:end], partial=True, weights=TINY_LIGHT).pixels
        assert np.abs(pixels[..., :3].astype(int) - expected).max() <= 1, end
        shown += 1
    assert shown > 3


def test_a_damaged_second_layer_is_an_error(native):
    """Behind the checksum of its chunk, also in a beginning."""
    path = GOLDEN / "progressive" / "photograph_rans.dlic"
    container = read(path.read_bytes())
    fine = dict(container.chunks)[b"Fine"]
    changed = fine[:-9] + bytes([fine[-9] ^ 4]) + fine[-8:]
    data = write(replace(container, chunks=tuple((name, changed if name == b"Fine" else each) for name, each in container.chunks)))
    for partial in (False, True):
        with pytest.raises(ValueError, match="second layer"):
            native.decode(data, partial)


def test_a_level_beyond_those_of_the_model_is_refused(native):
    """Also in the header of a progressive file whose first layer has a level of the model."""
    container = read((GOLDEN / "progressive" / "first_layer.dlic").read_bytes())
    with pytest.raises(ValueError, match="level"):
        native.decode(write(replace(container, level=64)))


def test_symbols_are_those_of_python(native):
    codec = load_codec(TINY_LIGHT)
    for path in LIGHT:
        container = read(path.read_bytes())
        if container.kind == LEARNED:
            wanted = np.concatenate([part.symbols.ravel() for part in codec.unit.parse(_unit(container)).parts])
            assert np.array_equal(native.symbols(container, wanted.size), wanted)


def _unit(container):
    from dlic.container.units import unit_of

    return unit_of(container)


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_every_truncation_and_every_flipped_byte_is_an_error(native, path):
    data = path.read_bytes()
    damaged = [data[:end] for end in range(len(data))]
    damaged += [data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :] for at in range(len(data)) for flip in (1, 0x80, 0xFF)]
    for file in damaged:
        with pytest.raises(ValueError, match=r"\w"):
            native.decode(file)


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_files_are_refused(native, path):
    if path.stem == "metadata_bomb":  # its picture is whole; who asks for the metadata is told
        native.decode(path.read_bytes())
        return
    if path.stem == "alpha_of_another_size":
        assert not native.alpha(path.read_bytes())
        return
    with pytest.raises(ValueError, match=r"\w"):
        native.decode(path.read_bytes())


@pytest.mark.parametrize("colours", [1, 2, 200, 257, 5000])
def test_palettes(native, colours):
    """Indices of one byte and of two, with copies near and far, and clear pixels."""
    rng = np.random.default_rng(colours)
    palette = rng.integers(0, 256, (colours, 4), dtype=np.uint8)
    height, width = 150, 210
    indices = rng.integers(0, colours, (40, 50))
    image = palette[np.tile(indices, (4, 5))[:height, :width]]
    image[60:90] = image[10:40, ::-1]
    for pixels in (image[..., :3], np.where(image[..., 3:] > 128, image, 0)):
        stream = palettes.encode(np.ascontiguousarray(pixels))
        layer = b"\0" + write_varint(8192) + _counted(stream)
        shown = native.exact(layer, width, height)
        opaque = pixels[..., 3] > 0 if pixels.shape[2] == 4 else np.ones((height, width), bool)
        assert np.array_equal(shown[opaque][:, :3], pixels[opaque][:, :3]) and not shown[~opaque].any()
        for broken in (stream[:-1], stream + b"\0", stream[:8], stream[:1] + b"\x00" + stream[2:]):
            assert native.exact(b"\0" + write_varint(8192) + _counted(broken), width, height) is None


@pytest.mark.parametrize("method", [0, 4, 6])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (37, 53), (130, 90)])
def test_webp_lossless(native, photograph, size, method):
    """All that libwebp writes: prediction, colours, palettes of several sizes, copies and the cache."""
    height, width = size
    photo, noise = photograph[:height, :width], np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    for image in (photo, noise, photo // 200 * 200, photo // 100 * 100, photo // 30 * 30, np.repeat(photo[:, :, :1], 3, axis=2)):
        layer = b"\0" + write_varint(8192) + _counted(webp.encode(np.ascontiguousarray(image), (method, min(100, 20 * method))))
        assert np.array_equal(native.exact(layer, width, height)[..., :3], image)
        clear = (photograph[:height, :width, 0] > 100)[..., None]
        if clear.any():
            some = np.where(clear, 0, np.dstack([image, np.full_like(image[..., 0], 255)]))
            layer = b"\0" + write_varint(8192) + _counted(webp.encode(some, (method, 50)))
            assert np.array_equal(native.exact(layer, width, height), some)


def test_damaged_streams_are_refused_or_other_pixels(native, photograph):
    """It has no checksum of its own; those of the chunk and the file stand around it. Nothing else may happen."""
    drawing = np.ascontiguousarray(photograph[:30, :40] // 60 * 60)
    for stream in (webp.encode(drawing), palettes.encode(drawing)):
        for at in range(len(stream)):
            damaged = stream[:at] + bytes([stream[at] ^ 0x55]) + stream[at + 1 :]
            native.exact(b"\0" + write_varint(8192) + _counted(damaged), 40, 30)
            assert native.exact(b"\0" + write_varint(8192) + _counted(stream[:at]), 40, 30) is None


def _counted(stream: bytes) -> bytes:
    return write_varint(len(stream)) + stream


def test_a_unit_that_is_too_large_is_refused(native):
    container = read(LIGHT[0].read_bytes())
    for size in ((1, 1 << 23), (1 << 15, 1 << 15), (0x7FFFFFFF, 0x7FFFFFFF)):
        assert not native.latents(container, *size)
        assert "larger" in native.problem()


def test_weights_that_are_cut_or_grow_are_refused(library):
    body = body_of(web_weights(TINY_LIGHT))
    native = Native(library, TINY_LIGHT)
    for wrong in (b"", body[:47], body[: len(body) // 2], body[:-1], body + b"\0", bytes(len(body))):
        assert not native.load(wrong) and "weights" in native.problem()


def seeds_of_parts() -> dict[str, bytes]:
    """What is no file, in the form that fuzz_decoder.c takes, by names."""
    return sequence_seeds() | alpha_seeds() | exact_seeds()


def sequence_seeds() -> dict[str, bytes]:
    """Heads, groups, packets and offsets of golden sequences in the form that fuzz_decoder.c takes: a letter, width and
    height less 1, data.
    """
    seeds = {}
    for path in (GOLDEN / "sequences").glob("*.dlic"):
        reader = SequenceReader(io.BytesIO(path.read_bytes()))
        form = reader.head.form
        size = bytes([form.width - 1, form.height - 1])
        seeds[f"{path.stem}.head"] = b"s" + size + path.read_bytes()[:64]
        for i, group in enumerate(reader.groups()):
            seeds[f"{path.stem}.{i}"] = b"g" + size + write_group(group)[0]
            for packet in group.table.packets:
                data = _without_alpha(group.data[packet.number]) if form.alpha else group.data[packet.number]
                kind = packet.level + 160 * (len(packet.references) == 2)
                if packet.references:
                    seeds[f"{path.stem}.{i}.{packet.number}"] = b"p" + size + _counted_packet(data, kind)
                elif (steps := read_key(data, packet, form, b"").steps) is not None:
                    seeds[f"{path.stem}.{i}.offsets"] = b"o" + size + write_steps(steps)
    return {name: seed for name, seed in seeds.items() if len(seed) <= LONGEST}


def _without_alpha(data: bytes) -> bytes:
    reader = Reader(data)
    reader.take(read_varint(reader))
    return data[reader.position :]


def _counted_packet(packet: bytes, kind: int) -> bytes:
    """As fuzz_decoder.c takes it: its level, + 160 of a B frame; a quarter of the length; the packet."""
    return bytes([kind, min(255, -(-len(packet) // 4))]) + packet


def alpha_seeds() -> dict[str, bytes]:
    """Chunks of transparency by copies, prediction and wavelet, in the form that fuzz_decoder.c takes."""
    seeds, rng = {}, np.random.default_rng(0)
    for height, width in ((30, 41), (41, 30), (9, 200)):
        ramp = np.add.outer(3 * np.arange(height), np.arange(width) // 2) + rng.integers(0, 30, (height, width))
        predicted = bytes([1, 8, 1, 1, 0]) + residuals.encode([ramp.astype(np.int32)], 8)  # an encoder takes it for larger planes
        ways = predicted, encode_alpha(ramp.astype(np.uint8)), encode_alpha(ramp.astype(np.uint8), 50)
        seeds |= {f"alpha.{height}.{way}": b"a" + bytes([width - 1, height - 1]) + data for way, data in enumerate(ways)}
    return seeds


def exact_seeds() -> dict[str, bytes]:
    """Packets of frames with exact blocks, opaque and with clear pixels, in the form that fuzz_decoder.c takes."""
    seeds, (height, width), rng = {}, (40, 70), np.random.default_rng(0)
    for number in range(4):
        mask = rng.random(size_of_mask(width, height)) < 0.2 + 0.2 * number
        squares = 80 * rng.integers(0, 3, (10, 18, 4), dtype=np.uint8).repeat(4, axis=0).repeat(4, axis=1)
        packing = Packing.of(mask, height, width)
        packed = packing.take(squares)
        exact = ExactBlocks(mask, packing.store(packed[..., :3], (packed[..., 3] == 80) & (number % 2 == 1), [webp.QUICK]))
        moved = write_motion(still(height, width), 1, [FrameMotion()])
        packet = write_inter(moved, np.zeros((1, 2), bool), 1, b"", exact)[0]
        seeds[f"exact.{number}"] = b"p" + bytes([width - 1, height - 1]) + _counted_packet(packet, 30)
    return seeds


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    source = Path(__file__).parent / "fuzz_decoder.c"
    options = ["-O1", "-DDLIC_FUZZING", "-DROOM=(24<<20)", "-fsanitize=fuzzer,address", "-fno-sanitize-recover=all"]
    made = subprocess.run([str(CLANG), *options, str(source), "-o", str(folder / "fuzz")], capture_output=True, text=True)
    if made.returncode and "libclang_rt" in made.stderr:
        pytest.skip("clang has no libFuzzer here; libclang-rt-dev brings it")
    assert made.returncode == 0, made.stderr
    (folder / "body").write_bytes(body_of(web_weights(TINY_LIGHT)))
    (folder / "seeds").mkdir()
    for path in [*SMALL, *KINDS, *HOSTILE, *PROGRESSIVE, GOLDEN / "light_parity_31_tiles.dlic"]:
        if path.stat().st_size < LONGEST:
            shutil.copy(path, folder / "seeds")
    for name, seed in seeds_of_parts().items():
        (folder / "seeds" / name).write_bytes(seed)
    return folder


def test_fuzzing_finds_nothing(fuzzer):
    command = ["./fuzz", f"-runs={FUZZED}", "-seed=1", f"-max_len={LONGEST}", "-timeout=60", "seeds"]
    done = subprocess.run(command, cwd=fuzzer, env={"DLIC_WEIGHTS": "body"}, capture_output=True, text=True)
    assert done.returncode == 0 and f"Done {FUZZED} runs" in done.stderr, done.stderr[-3000:]
