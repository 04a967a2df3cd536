"""dlic.compress and dlic.decompress: every kind of picture at every size, with its metadata, and no chunk that breaks them."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlic
from dlic.classical.lossless.codec import LosslessCodec
from dlic.classical.wavelet.codec import WaveletCodec
from dlic.container import chunks
from dlic.container.format import read, write
from dlic.formats.metadata_chunks import NAMES
from dlic.images.metadata import Metadata
from dlic.learned.codec import load_codec
from dlic.metrics.registry import psnr
from tests.golden.rewrite import TINY, TINY_LIGHT
from tests.images.test_exif import camera_exif
from tests.images.test_metadata import RICH, SRGB, TEXT, XMP

SIZES = [(side, side) for side in (1, 7, 63, 64, 65, 100, 1031)] + [(4001, 17)]
KINDS = {"gray": 1, "gray and alpha": 2, "RGB": 3, "RGBA": 4}


def picture(height: int, width: int, kind: str) -> np.ndarray:
    """Smooth colours, and a mask that is clear, soft and opaque in places."""
    y, x = np.mgrid[:height, :width].astype(float)
    planes = [60 + 120 * np.abs(np.sin(x / 40 + i)) + 40 * np.cos(y / 30) for i in range(3)]
    planes = [np.mean(planes, axis=0)] if kind.startswith("gray") else planes
    mask = np.clip((x + y) / (height + width) * 600 - 150, 0, 255)
    stacked = np.stack([*planes, mask][: KINDS[kind]], axis=-1).clip(0, 255).astype(np.uint8)
    return stacked[..., 0] if KINDS[kind] == 1 else stacked


@pytest.mark.parametrize("weights", [TINY, TINY_LIGHT], ids=lambda path: path.name)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "×".join(map(str, size)))
def test_every_kind_comes_back_at_every_size(size, kind, weights):
    image = picture(*size, kind)
    data = dlic.encode(image, weights=weights)
    shown = dlic.decode(data, weights=weights)
    assert shown.shape == image.shape and shown.dtype == np.uint8
    container = read(data)
    colours = load_codec(weights).decode(dataclasses.replace(container, chunks=())).image  # what an old reader shows
    assert colours.shape == (*size, 3)
    if kind in ("gray and alpha", "RGBA"):
        assert (shown[..., -1] == image[..., -1]).all()
    seen = shown[..., :3] if kind.startswith("RGB") else np.rint(colours.mean(axis=2)).astype(np.uint8)
    assert (seen == (colours if kind.startswith("RGB") else shown.reshape(*size, -1)[..., 0])).all()
    if weights == TINY and min(size) > 60:
        opaque = image[..., -1] > 0 if KINDS[kind] in (2, 4) else np.ones(size, bool)
        both = (pixels.reshape(*size, -1)[opaque][:, : 3 if KINDS[kind] > 2 else 1] for pixels in (image, shown))
        first, second = (values.astype(float) for values in both)
        assert 10 * np.log10(255**2 / ((first - second) ** 2).mean()) > 30


def test_plain_rgb_has_no_chunk_and_the_bytes_it_always_had():
    data = dlic.compress(picture(64, 65, "RGB"), weights=TINY)
    assert data == load_codec(TINY).compress(picture(64, 65, "RGB")) and read(data).chunks == ()


@pytest.mark.parametrize(
    ("kind", "overhead"), [("gray", 9), ("gray and alpha", 20), ("RGB", 0), ("RGBA", 11)]
)  # an opaque alpha takes two bytes and a chunk
def test_bytes_that_kinds_take_beside_the_picture(kind, overhead):
    image = picture(40, 40, kind)
    if KINDS[kind] in (2, 4):
        image[..., -1] = 255
    plain = image.reshape(40, 40, -1)[..., : 3 if KINDS[kind] > 2 else 1]
    plain = np.repeat(plain, 3, axis=2) if plain.shape[2] == 1 else plain
    assert len(dlic.compress(image, weights=TINY)) - len(dlic.compress(plain, weights=TINY)) == overhead


def test_metadata_goes_with_the_pixels_and_comes_back():
    given = {name: getattr(RICH, name) for name in RICH.given}
    data = dlic.compress(picture(20, 30, "RGBA"), weights=TINY, **given)
    found = dlic.read(data, weights=TINY)
    assert found.metadata == RICH and found.pixels.shape == (20, 30, 4) and found.notes == ()
    assert (found.pixels == dlic.decompress(data, weights=TINY)).all()
    with_name = dlic.compress(picture(20, 30, "RGB"), weights=TINY, exif=b"Exif\0\0" + camera_exif(1, "<"))
    assert dlic.read(with_name, weights=TINY).metadata == Metadata(exif=camera_exif(1, "<"))


@pytest.mark.parametrize("codec", [LosslessCodec, WaveletCodec])
def test_codecs_without_a_checkpoint_carry_it_too(codec):
    data = codec(chunks=((chunks.XMP, chunks.pack(XMP)),)).compress(picture(9, 12, "RGB"))
    assert dlic.read(data).metadata == Metadata(xmp=XMP)
    assert codec().decompress(data).shape == (9, 12, 3)


def test_targets_count_everything_in_the_file(photograph):
    image = np.dstack([photograph[100:228, 200:328], picture(128, 128, "gray")])
    options = {"model": "light-1", "icc_profile": SRGB, "thumbnail": 64}
    data = dlic.compress(image, target_size=5000, **options)
    assert 4500 < len(data) <= 5000 and len(read(data).chunks) == 3
    with pytest.raises(dlic.DlicError, match="smallest"):
        dlic.compress(image, target_bpp=0.2, **options)


def test_a_target_psnr_is_that_of_the_gray_picture(photograph):
    gray = photograph[100:228, 200:328, 1]
    shown = dlic.decompress(dlic.compress(gray, target_psnr=36, model="light-1"))
    assert shown.shape == gray.shape and psnr(*(np.repeat(one[..., None], 3, axis=2) for one in (gray, shown))) >= 36


@pytest.mark.parametrize(
    "wrong",
    [{"exif": "text"}, {"dpi": (0, 1)}, {"text": {"": "x"}}, {"thumbnail": 1000}, {"thumbnail": -1}, {"alpha_quality": 0},
     {"xmp": bytes(range(256)) * (1 << 16) + b"x"}],
)  # fmt: skip
def test_what_no_file_could_hold_is_refused(wrong):
    with pytest.raises(dlic.DlicError):
        dlic.compress(picture(8, 8, "RGBA"), weights=TINY, **wrong)


SMALL = read(dlic.compress(picture(12, 10, "gray and alpha"), weights=TINY, thumbnail=8, text=TEXT, dpi=(72, 72), exif=RICH.exif))
NAMED = st.sampled_from([chunks.GRAY, chunks.ALPHA, chunks.THUMBNAIL, *NAMES.values(), b"what"])


@given(st.lists(st.tuples(NAMED, st.binary(max_size=40)), max_size=4), st.data())
@settings(max_examples=150)
def test_no_chunk_breaks_a_file(added, data):
    """Whatever chunks hold, with right checksums: a picture of the right size, or one of our errors in a sentence."""
    mutated = [(name, bytearray(content)) for name, content in SMALL.chunks]
    for _ in range(data.draw(st.integers(0, 3))):
        content = mutated[data.draw(st.integers(0, len(mutated) - 1))][1]
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    kept = [(name, bytes(content)) for name, content in mutated if data.draw(st.booleans())]
    file = write(dataclasses.replace(SMALL, chunks=(*kept, *added)))
    try:
        found = dlic.read(file, weights=TINY)
    except dlic.CorruptFileError as error:
        assert str(error) and "\n" not in str(error)
        return
    assert found.pixels.shape[:2] == (12, 10) and found.pixels.dtype == np.uint8


def test_encode_and_decode_are_other_names():
    assert dlic.encode is dlic.compress and dlic.decode is dlic.decompress


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_runtime_and_threads_are_the_callers_choice(runtime, threads, photograph):
    image = photograph[:70, :90]
    data = dlic.compress(image, 50, weights=TINY_LIGHT, runtime=runtime, threads=threads)
    shown = dlic.decompress(data, weights=TINY_LIGHT, runtime=runtime, threads=threads)
    assert np.abs(shown.astype(int) - dlic.from_pretrained(TINY_LIGHT).decompress(data)).max() <= 1
    own = dlic.from_pretrained(TINY_LIGHT, runtime=runtime)
    assert (own.decompress(own.compress(image, 50, threads=threads), threads=threads) == shown).mean() > 0.999


@pytest.mark.parametrize("choice", [{"runtime": "tpu"}, {"threads": 0}])
def test_a_runtime_or_a_number_of_threads_that_is_none_is_refused(choice):
    data = dlic.compress(np.zeros((8, 8, 3), np.uint8), weights=TINY_LIGHT)
    with pytest.raises(dlic.DlicError):
        dlic.decompress(data, weights=TINY_LIGHT, **choice)
    with pytest.raises(dlic.DlicError):
        dlic.compress(np.zeros((8, 8, 3), np.uint8), weights=TINY_LIGHT, **choice)
