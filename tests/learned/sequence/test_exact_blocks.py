"""Exact blocks in the frames of a sequence."""

import io
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.lossless import webp
from dlic.classical.motion.field import still
from dlic.container.exact_layer import size_of_mask
from dlic.container.sequence_groups import Packet
from dlic.container.sequence_reader import SequenceReader
from dlic.errors import CorruptFileError, DlicError
from dlic.learned.exact.layer import in_pixels
from dlic.learned.sequence.exact_blocks import ExactBlocks, Packing, paste
from dlic.learned.sequence.exact_share import exact_shares
from dlic.learned.sequence.frames import DecodedFrame
from dlic.learned.sequence.key_packet import GUARDED, LAYERED
from dlic.learned.sequence.packet import EXACT, read_inter, write_inter, write_motion
from dlic.pixels.frames import SequenceFormat
from dlic.pixels.rectangles import Rectangle
from tests.golden.sequences.rewrite import FOLDER
from tests.learned.exact.pages import page
from tests.learned.sequence.clips import codec, decoder, encoded, pan, psnr, typing

CLIP = typing(9)
FILE = encoded(CLIP, level=45)


def shares(data: bytes) -> list[float]:
    reader = SequenceReader(io.BytesIO(data))
    return [share for group in reader.groups() for share in exact_shares(group, reader.head.form)]


def test_typed_text_is_sharp_and_small():
    shown = [frame.pixels for frame in decoder(FILE).frames()]
    assert min(psnr(frame[:40], x[:40]) for frame, x in zip(shown, CLIP, strict=True)) > 35
    plain = encoded(CLIP, level=45, content="photo")
    assert len(FILE) < len(plain)
    assert min(psnr(frame.pixels[:40], x[:40]) for frame, x in zip(decoder(plain).frames(), CLIP, strict=True)) < 30


def test_key_frames_and_others_have_exact_blocks():
    first, *others = shares(FILE)
    assert first > 0.3 and 0 < max(others) < 1
    assert sum(shares(encoded(CLIP, level=45, content="photo"))) == 0


def test_natural_clips_do_not_change():
    assert encoded(pan(6)) == encoded(pan(6), content="photo") and sum(shares(encoded(pan(6)))) == 0


def test_pictures_of_text_alone_take_no_network():
    frames = [page(64, 96), page(64, 96, "navy")]
    shown = [frame.pixels for frame in decoder(encoded(frames, content="screen")).frames()]
    assert shares(encoded(frames))[0] == 1 and min(psnr(x, y) for x, y in zip(shown, frames, strict=True)) > 35


def test_screen_weighs_every_block():
    frames = [x.copy() for x in pan(3)]
    for x in frames:
        x[:32, :48] = 40 + 10 * (x[:32, :48] > 90)
    assert max(shares(encoded(frames, level=60))[1:]) == 0 < max(shares(encoded(frames, level=60, content="screen")))


def test_content_that_there_is_not_is_refused():
    with pytest.raises(DlicError, match="content is one of"):
        encoded(CLIP, content="film")


@pytest.mark.parametrize("low_delay", [False, True])
def test_alpha_stays_exact(low_delay):
    clear = [
        np.dstack([x, np.where(np.arange(x.shape[1]) < 20 + i, 0, 255)[None].repeat(x.shape[0], 0)]) for i, x in enumerate(CLIP[:4])
    ]
    frames = [x.astype(np.uint8) for x in clear]
    for frame, x in zip(decoder(encoded(frames, low_delay=low_delay)).frames(), frames, strict=True):
        assert np.array_equal(frame.pixels[..., 3], x[..., 3])


# --- packed pictures ------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(1, 90), st.integers(1, 130), st.floats(0, 1), st.booleans(), st.integers(0, 1000))
def test_pasted_pixels_are_exact(height, width, share, some_clear, seed):
    """Of any mask; pixels that are clear, and those outside of the mask, stay what they were."""
    rng = np.random.default_rng(seed)
    x, p, x_hat = rng.integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    mask = rng.random(size_of_mask(width, height)) < share
    mask.flat[rng.integers(mask.size)] = True
    packing, clear = Packing.of(mask, height, width), rng.random((height, width)) < 0.5 * some_clear
    blocks = ExactBlocks(mask, packing.store(packing.take(x), packing.take(clear), [webp.QUICK]))
    exact, shown = in_pixels(mask, Rectangle(0, 0, width, height)), x_hat.copy()
    paste(blocks, p, shown)
    assert np.array_equal(shown[exact & ~clear], x[exact & ~clear])
    assert np.array_equal(shown[exact & clear], p[exact & clear]) and np.array_equal(shown[~exact], x_hat[~exact])


@settings(max_examples=25)
@given(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1), st.integers(0, 1000))
def test_masks_of_frames_that_follow_each_other(height, width, share, seed):
    rng, motion = np.random.default_rng(seed), [DecodedFrame(np.zeros((1, 1, 3), np.uint8)).motion]
    nothing = np.zeros((-(-height // 64), -(-width // 64)), bool)
    read = motion
    for number in range(1, 4):
        mask = rng.random(size_of_mask(width, height)) < share
        mask.flat[rng.integers(mask.size)] = True
        data, own = write_inter(
            write_motion(still(height, width), number, motion), nothing, 1, b"", ExactBlocks(mask, b"x" * number)
        )
        inter, theirs = read_inter(data, height, width, number, read)
        assert inter.exact is not None and np.array_equal(inter.exact.mask, mask) and inter.exact.stream == b"x" * number
        motion, read = [own], [theirs]


def test_few_blocks_make_a_small_picture():
    mask = np.zeros((40, 60), bool)
    mask[3, 5] = mask[3, 50] = mask[30, 50] = True
    packing = Packing.of(mask, 640, 955)
    assert packing.inside.shape == (32, 32) and packing.mask.sum() == 3


# --- bad input ------------------------------------------------------------------------------------------------------


def parsed(data: bytes, residual_crc: int | None = None):
    form = SequenceFormat(width=160, height=80)
    packet = Packet(number=1, level=30, length=len(data), symbols_crc=crc32(data) if residual_crc is None else residual_crc)
    return codec().parse(data, packet, [DecodedFrame(CLIP[0]).motion], form)


def frame_with(stream: bytes, mask: np.ndarray | None = None) -> bytes:
    """The packet of a still frame with some exact blocks."""
    if mask is None:
        mask = np.zeros((5, 10), bool)
        mask[2, 3:5] = True
    moved = write_motion(still(80, 160), 1, [DecodedFrame(CLIP[0]).motion])
    return write_inter(moved, np.zeros((2, 3), bool), 0, b"", ExactBlocks(mask, stream))[0]


GOOD = webp.encode(CLIP[0][32:48, 48:80].copy())


def test_a_frame_of_exact_blocks_is_pasted():
    shown = codec().reconstruct(parsed(frame_with(GOOD)), [DecodedFrame(CLIP[5])])
    expected = CLIP[5].copy()
    expected[32:48, 48:80] = CLIP[0][32:48, 48:80]
    assert np.array_equal(shown.pixels, expected)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"\x2f",
        webp.encode(CLIP[0][:16, :48].copy()),  # of another size
        bytes([0x2F]) + ((1 << 28) - 1).to_bytes(4, "little") + GOOD[5:],  # of 2²⁸ pixels
        GOOD[: len(GOOD) // 2],
        b"\x00" + GOOD[1:],
    ],
)
def test_streams_that_are_none_are_refused(stream):
    frame = parsed(frame_with(stream))
    with pytest.raises(CorruptFileError):
        codec().reconstruct(frame, [DecodedFrame(CLIP[0])])
    with pytest.raises(CorruptFileError):
        codec().verify(frame)


def test_packets_that_are_none_are_refused():
    whole = frame_with(GOOD)
    for end in range(len(whole)):
        with pytest.raises(CorruptFileError):
            codec().reconstruct(parsed(whole[:end]), [DecodedFrame(CLIP[0])])
    with pytest.raises(CorruptFileError, match="promises exact blocks"):
        parsed(frame_with(GOOD, np.zeros((5, 10), bool)))
    with pytest.raises(CorruptFileError, match="version 2"):
        parsed(bytes([2 * EXACT]))
    with pytest.raises(CorruptFileError, match="checksum"):
        parsed(whole, residual_crc=1)


def test_damaged_key_frames_are_refused():
    reader = SequenceReader(io.BytesIO((FOLDER / "screen.dlic").read_bytes()))
    group = next(reader.groups())
    packet, data = group.table.packets[0], group.data[0]
    assert data[0] == LAYERED | GUARDED
    for damaged in (data[:1], data[:20], bytes([LAYERED | 6]) + data[1:], data[:30] + bytes([data[30] ^ 1]) + data[31:]):
        with pytest.raises(CorruptFileError):
            codec().reconstruct(codec().parse(damaged, packet, [], reader.head.form), [])
