"""Gray and transparency beside a codec of RGB."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.container.chunks import ALPHA, GRAY
from dlic.container.tiles import tile_grid
from dlic.errors import CorruptFileError, DlicError
from dlic.formats import channels
from dlic.formats.channels import IN_TILES, as_gray, decode_alpha, encode_alpha, is_in_parts, separate, unite
from dlic.pixels.rectangles import Rectangle

shapes = st.tuples(st.integers(1, 30), st.integers(1, 30), st.sampled_from([None, 2, 3, 4])).map(
    lambda shape: shape[:2] if shape[2] is None else shape
)


@given(shapes, st.integers(0, 2**32), st.booleans())
@settings(max_examples=60)
def test_what_can_be_seen_comes_back_exactly(shape, seed, takes_gray):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    if shape[2:] in ((2,), (4,)):
        image[..., -1] *= rng.integers(0, 2, shape[:2], dtype=np.uint8)
    parts = separate(image, takes_gray=takes_gray)
    gray = shape[2:] in ((), (2,))
    assert parts.colours.shape == (shape[:2] if gray and takes_gray else (*shape[:2], 3))
    assert (GRAY in dict(parts.chunks)) == (gray and not takes_gray)
    found = unite(parts.colours, parts.chunks)
    assert found.shape == image.shape and found.dtype == np.uint8
    if shape[2:] not in ((2,), (4,)):
        assert (found == image).all()
        return
    assert (found[..., -1] == image[..., -1]).all()
    seen = image[..., -1] > 0
    assert (found[seen] == image[seen]).all()


def test_plain_rgb_is_left_alone(photograph):
    parts = separate(photograph)
    assert parts.colours is photograph and parts.chunks == ()
    assert unite(photograph, ()) is photograph


def test_gray_is_the_nearest_to_the_mean():
    channels = np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    assert (as_gray(channels) == np.rint(channels.astype(float).mean(axis=2))).all()


def masks() -> dict[str, np.ndarray]:
    y, x = np.mgrid[:120, :160]
    distance = np.hypot(y - 60, x - 80)
    return {
        "disc": (np.clip(50.5 - distance, 0, 1) * 255).astype(np.uint8),
        "shadow": (np.clip((70 - distance) / 50, 0, 1) * 255).astype(np.uint8),
        "opaque": np.full((120, 160), 255, np.uint8),
    }


@pytest.mark.parametrize("mask", masks())
def test_lower_alpha_qualities_are_smaller_and_never_larger_than_exact(mask):
    alpha = masks()[mask]
    exact = encode_alpha(alpha)
    assert (decode_alpha(exact, 120, 160) == alpha).all()
    sizes = [len(encode_alpha(alpha, quality)) for quality in (1, 20, 50, 80, 99, 100)]
    assert sizes == sorted(sizes) and sizes[-1] == len(exact)
    if mask == "opaque":
        assert len(exact) == 2
        return
    assert sizes[0] < len(exact) / 3
    for quality, error in ((90, 3), (50, 8)):
        shown = decode_alpha(encode_alpha(alpha, quality), 120, 160)
        assert np.abs(shown.astype(int) - alpha).mean() < error / 3


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_alpha_qualities_out_of_range_are_refused(quality):
    with pytest.raises(DlicError, match="alpha quality"):
        separate(np.zeros((4, 4, 4), np.uint8), quality)


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4)), np.zeros((4, 4, 1), np.uint8), np.zeros((4, 4, 5), np.uint8), np.zeros((4, 4, 3), np.uint16),
     np.zeros((0, 4), np.uint8), np.zeros((2, 2, 2, 2), np.uint8), np.zeros(4, np.uint8), "photo", None],
)  # fmt: skip
def test_other_arrays_are_refused(image):
    with pytest.raises(DlicError, match="image must"):
        separate(image)


@pytest.mark.parametrize(
    "chunks",
    [
        ((GRAY, b"x"),),
        ((ALPHA, b""),), ((ALPHA, b"\0"),), ((ALPHA, b"\0\1\2"),), ((ALPHA, b"\7\1"),),
        ((ALPHA, b"\1\x10\1" + bytes(99)),),  # samples of 16 bits
        ((ALPHA, b"\1\x08\3" + bytes(99)),),  # three channels
        ((ALPHA, b"\2\3\4\0\1" + bytes(9)),),
        ((ALPHA, b"\0\1"), (ALPHA, b"\0\1")),
        ((GRAY, b""), (GRAY, b"")),
    ],
)  # fmt: skip
def test_chunks_that_say_something_else_are_corrupt(chunks):
    with pytest.raises(CorruptFileError):
        unite(np.zeros((5, 6, 3), np.uint8), chunks)


def test_the_size_of_alpha_is_that_of_the_picture():
    alpha = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    for quality in (100, 50):
        for shape in ((19, 30), (20, 31), (1, 1), (300, 300)):
            with contextlib.suppress(CorruptFileError):
                assert decode_alpha(encode_alpha(alpha, quality), *shape).shape == shape


@pytest.mark.parametrize("quality", [100, 50])
def test_a_part_of_alpha_needs_only_the_tiles_it_meets(quality, monkeypatch):
    alpha = np.add.outer(np.arange(130) ** 2 // 90, np.arange(200)).astype(np.uint8)
    alpha[:60, :60] = 255  # tiles of one value are two bytes
    coded = encode_alpha(alpha, quality, side=64)
    whole = decode_alpha(coded, 130, 200)
    assert is_in_parts(coded) and (quality < 100 or (whole == alpha).all()) and np.abs(whole - alpha.astype(int)).mean() < 8

    decoded = []
    plain = channels._decode_tile
    monkeypatch.setattr(channels, "_decode_tile", lambda data, *size: decoded.append(size) or plain(data, *size))
    part = Rectangle(70, 65, 60, 50)
    assert (decode_alpha(coded, 130, 200, part) == whole[part.slices]).all()
    assert 1 <= len(decoded) < len(tile_grid(200, 130, 64))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda coded: coded + b"\0", "not as long"), (lambda coded: coded[:-1], "truncated"),
        (lambda coded: coded[:3], "cannot be"), (lambda coded: coded[:1] + b"\x41" + coded[2:], "cannot be"),
        (lambda coded: coded.replace(b"\0\7", b"\3\7"), "does not know"),
    ],
)  # fmt: skip
def test_tiles_of_alpha_that_do_not_fit_are_corrupt(damage, complaint):
    alpha = np.random.default_rng(0).integers(0, 2, (130, 200), np.uint8)
    alpha[:64, :64] = 7
    coded = encode_alpha(alpha, side=64)
    assert coded[:3] == bytes([IN_TILES, 64, 2])
    with pytest.raises(CorruptFileError, match=complaint):
        decode_alpha(damage(coded), 130, 200)


@given(st.data())
@settings(max_examples=60)
def test_damaged_alpha_is_an_error_or_another_mask(data):
    shadow, side = masks()["shadow"], data.draw(st.sampled_from([64, 1024]))
    coded = bytearray(encode_alpha(shadow[:, 60:110], data.draw(st.sampled_from([100, 40])), side))
    size = len(shadow), 50
    for _ in range(data.draw(st.integers(1, 4))):
        coded[data.draw(st.integers(0, len(coded) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CorruptFileError):
        assert decode_alpha(bytes(coded[: data.draw(st.integers(0, len(coded)))]), *size).shape == size
