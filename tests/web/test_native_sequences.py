"""Sequences by the decoder in C, built for this machine, against Python's."""

import io
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.lossless import webp
from dlic.classical.motion.field import MotionField
from dlic.classical.motion.prediction import predict
from dlic.container.exact_layer import size_of_mask
from dlic.container.sequence_groups import Packet, write_group
from dlic.container.sequence_reader import SequenceReader
from dlic.learned.sequence.areas import superblocks
from dlic.learned.sequence.codec import SequenceCodec, load_sequence_codec
from dlic.learned.sequence.decoder import SequenceDecoder
from dlic.learned.sequence.encoder import encode_sequence
from dlic.learned.sequence.exact_blocks import ExactBlocks, Packing, paste
from dlic.learned.sequence.frames import DecodedFrame
from dlic.learned.sequence.packet import write_inter, write_motion
from dlic.learned.sequence.settings import SequenceSettings
from tests.classical.motion.fields import random_field, sizes
from tests.golden.sequences.rewrite import FOLDER
from tests.learned.sequence.clips import TINY, codec, decoder, form_of, pan, photograph, timed
from tests.web.conftest import HAS_CLANG
from tests.web.native_sequence import NativeFrame, NativeSequences

if not HAS_CLANG:
    pytest.skip("no clang and lld on this machine", allow_module_level=True)

CHECKPOINTS = Path("checkpoints")
GOLDEN = sorted(FOLDER.glob("*.dlic"))
CHAIN = FOLDER / "chain.dlic"


@pytest.fixture(scope="module")
def native(library) -> NativeSequences:
    return NativeSequences(library, TINY, TINY)


@pytest.fixture(scope="module")
def shipped(library) -> NativeSequences:
    return NativeSequences(library, CHECKPOINTS / "light-2-visual", CHECKPOINTS / "light-1-inter-visual")


def check_frames(shown: list[np.ndarray], expected: list[np.ndarray]) -> None:
    """Colours are within a level, but for a few, whose references already were a level apart. Transparency is the same."""
    assert len(shown) == len(expected)
    for one, other in zip(shown, expected, strict=True):
        assert np.array_equal(one[..., 3], other[..., 3] if other.shape[2] == 4 else np.full(one.shape[:2], 255))
        apart = np.abs(one[..., :3].astype(int) - other[..., :3])
        assert apart.max() <= 2 and (apart > 1).mean() < 1e-4 and (apart > 0).mean() < 0.02


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_sequences_decode(native, path):
    data = path.read_bytes()
    check_frames(native.frames(data), [frame.pixels for frame in decoder(data).frames()])


@pytest.fixture(scope="module")
def shipped_codec() -> SequenceCodec:
    return load_sequence_codec(CHECKPOINTS / "light-2-visual", CHECKPOINTS / "light-1-inter-visual")


def test_a_file_of_the_shipped_checkpoints_decodes(shipped, shipped_codec):
    frames = pan(5, size=(90, 140))
    data = b"".join(encode_sequence(timed(frames), form_of(frames), shipped_codec, SequenceSettings(level=35)))
    decoded = [frame.pixels for frame in SequenceDecoder(SequenceReader(io.BytesIO(data)), shipped_codec).frames()]
    shown = shipped.frames(data)
    check_frames(shown, decoded)
    for packet in next(SequenceReader(io.BytesIO(data)).groups()).table.packets:
        if not packet.highest:  # others refer to it, so it is the same on every machine
            assert np.array_equal(shown[packet.number][..., :3], decoded[packet.number])


def test_pictures_of_a_checkpoint_of_frames_are_refused(shipped):
    """They would be shown without the grey that they were predicted from."""
    with pytest.raises(ValueError, match="checkpoint of frames"):
        shipped.inter.decode(Path("tests/golden/shipped/light-1-inter.dlic").read_bytes())


@dataclass(frozen=True, eq=False)
class Both:
    """A frame as Python has it, and as the decoder in C has it."""

    python: DecodedFrame
    native: NativeFrame


def key_of(pixels: np.ndarray) -> Both:
    opaque = np.full(pixels.shape[:2], 255, np.uint8)
    return Both(DecodedFrame(pixels), NativeFrame(np.dstack([pixels, opaque]), None))


@dataclass(frozen=True, eq=False)
class Coded:
    """What a frame is coded by."""

    field: MotionField
    x: np.ndarray  # (H, W, 3)
    superblocks: np.ndarray
    level: int = 30
    number: int = 1
    exact: ExactBlocks | None = None


def decoded(native: NativeSequences, of: SequenceCodec, references: list[Both], frame: Coded) -> Both:
    """A frame from a packet that Python writes."""
    pixels = [reference.python.pixels for reference in references]
    motions = [reference.python.motion for reference in references]
    p = predict(pixels, frame.field)
    residual = of.residual.encode(frame.x, p, frame.level, frame.superblocks)
    moved = write_motion(frame.field, frame.number, motions)
    data, motion = write_inter(moved, frame.superblocks, of.residual.coder.number, residual.stream, frame.exact)
    crc = crc32(data[: len(data) - len(residual.stream)], residual.crc)
    packet = Packet(number=frame.number, level=frame.level, length=len(data), symbols_crc=crc)
    head = {"width": p.shape[1], "height": p.shape[0], "alpha": 0}
    shown = native.frame(head, data, packet, [reference.native for reference in references])
    x_hat = of.residual.reconstruct(residual.symbols, p, frame.level, frame.superblocks)
    if frame.exact is not None:
        paste(frame.exact, p, x_hat)
    return Both(DecodedFrame(x_hat, motion), shown)


@settings(max_examples=20)
@given(sizes(120), st.sampled_from([6, 200, 2000]), st.permutations(range(1, 5)), st.integers(0, 1000))
def test_motion_and_prediction_are_exact(native, size, reach, numbers, seed):
    """A key frame, and four frames that refer to one or two of those before, in any order of display."""
    rng = np.random.default_rng(seed)
    frames = [key_of(rng.integers(0, 256, (*size, 3), dtype=np.uint8))]
    nothing = np.zeros(superblocks(*size), bool)
    for i, number in enumerate(numbers):
        chosen = [frames[at] for at in rng.choice(i + 1, min(i + 1, int(rng.integers(1, 3))), replace=False)]
        field = random_field(size, len(chosen), seed + i, reach)
        frames.append(decoded(native, codec(), chosen, Coded(field, frames[0].python.pixels, nothing, number=number)))
        assert np.array_equal(frames[-1].native.pixels[..., :3], frames[-1].python.pixels)


@settings(max_examples=20)
@given(sizes(120), st.floats(0, 1), st.booleans(), st.integers(0, 1000))
def test_exact_blocks_are_exact(native, size, share, some_clear, seed):
    """Of any masks, in frames that follow each other, over a prediction that moves."""
    rng, (height, width) = np.random.default_rng(seed), size
    frames, nothing = [key_of(rng.integers(0, 256, (*size, 3), dtype=np.uint8))], np.zeros(superblocks(*size), bool)
    for number in range(1, 4):
        mask = rng.random(size_of_mask(width, height)) < share
        mask.flat[rng.integers(mask.size)] = True
        packing, x = Packing.of(mask, height, width), rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        clear = rng.random(size) < 0.5 * some_clear
        exact = ExactBlocks(mask, packing.store(packing.take(x), packing.take(clear), [webp.QUICK]))
        field = random_field(size, 1, seed + number, reach=30)
        frames.append(decoded(native, codec(), frames[-1:], Coded(field, x, nothing, number=number, exact=exact)))
        assert np.array_equal(frames[-1].native.pixels[..., :3], frames[-1].python.pixels)


@settings(max_examples=8)
@given(sizes(400), st.integers(0, 63), st.floats(0.1, 1), st.integers(0, 1000))
def test_residuals_of_any_superblocks(native, size, level, share, seed):
    check_residual(native, codec(), size, level, share, seed)


def test_residuals_of_a_network_that_knows_the_prediction(shipped, shipped_codec):
    for seed, (size, level, share) in enumerate([((150, 205), 40, 0.4), ((64, 64), 63, 1), ((17, 130), 0, 1)]):
        check_residual(shipped, shipped_codec, size, level, share, seed)


def check_residual(native: NativeSequences, of: SequenceCodec, size: tuple[int, int], level: int, share: float, seed: int) -> None:
    """Pixels of coded superblocks are within one level of Python's, all others are the prediction's."""
    (height, width), rng = size, np.random.default_rng(seed)
    before, x = (photograph()[at : at + height, at : at + width] for at in (20, 24))
    coded = rng.random(superblocks(height, width)) < share
    field = random_field(size, 1, seed, reach=30)
    frame = decoded(native, of, [key_of(before)], Coded(field, x, coded, level))
    shown = frame.native.pixels[..., :3]
    assert np.abs(shown.astype(int) - frame.python.pixels).max() <= 1
    still = ~coded.repeat(64, axis=0).repeat(64, axis=1)[:height, :width]
    assert np.array_equal(shown[still], predict([before], field)[still])


def damaged(data: bytes) -> list[bytes]:
    """All beginnings of some bytes, and the bytes with one changed."""
    changed = [data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :] for at in range(len(data)) for flip in (1, 0x80)]
    return [data[:end] for end in range(len(data))] + changed


def test_damaged_heads_and_tables_are_refused(native):
    reader, data = SequenceReader(CHAIN.open("rb")), CHAIN.read_bytes()
    chunk = write_group(next(reader.groups()))[0]
    for beginning in damaged(data[: native.head(data)["chunks"]]):
        with pytest.raises(ValueError, match=r"\w"):
            native.head(beginning)
    for table in damaged(chunk[: native.table(chunk)[0]["start"]]):
        with pytest.raises(ValueError, match=r"\w"):
            native.table(table)


def test_the_head_and_tables_are_those_of_python(native):
    for path in GOLDEN:
        reader, head = SequenceReader(path.open("rb")), native.head(path.read_bytes())
        form = reader.head.form
        assert (head["width"], head["height"], head["alpha"], head["loops"]) == (form.width, form.height, form.alpha, form.loops)
        assert head["numerator"] / head["denominator"] == float(form.time_base)
        for group in reader.groups():
            table, packets = native.table(write_group(group)[0])
            assert [packet["duration"] for packet in packets] == list(group.table.durations) and table["pts"] == group.table.pts
            for packet, python in zip(packets, group.table.packets, strict=True):
                references = (packet["first"], packet["second"])[: packet["references"]]
                assert (packet["number"], packet["level"], references) == (python.number, python.level, python.references)
                assert (packet["length"], packet["crc"], packet["highest"]) == (python.length, python.symbols_crc, python.highest)


def test_damaged_packets_are_refused(native):
    """Their checksum is of symbols, motion and skip map; a changed byte may also give the same symbols."""
    data, group = CHAIN.read_bytes(), next(SequenceReader(CHAIN.open("rb")).groups())
    head, (key, other) = native.head(data), group.table.packets[:2]
    frame = native.frame(head, group.data[key.number], key, [])
    whole = native.frame(head, group.data[other.number], other, [frame])
    packets, refused = damaged(group.data[other.number])[::5], 0
    for packet in packets:
        try:
            shown = native.frame(head, packet, other, [frame])
            assert np.array_equal(shown.pixels, whole.pixels)
        except ValueError:
            refused += 1
    assert refused > 0.95 * len(packets)
