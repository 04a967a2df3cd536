"""Pillow opens and saves .dlic files: every mode, every kind of metadata, and errors as its other plugins raise them."""

import copy
import inspect
import io
import pickle
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, UnidentifiedImageError

import dlic
import dlic.pillow
from dlic.classical.lossless.codec import LosslessCodec
from dlic.classical.wavelet.codec import WaveletCodec
from dlic.container.format import MAGIC, read, write
from dlic.formats import thumbnails
from dlic.images.metadata import LABELS
from dlic.integrations import pillow as plugin
from tests.conftest import KODAK
from tests.golden.rewrite import GOLDEN, TINY, kinds
from tests.images.test_exif import camera_exif, parsed
from tests.images.test_kinds import cmyk_profile
from tests.images.test_metadata import GRAY_PROFILE, RICH, SRGB, TEXT, XMP

OPENED = {"1": "L", "L": "L", "LA": "LA", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA", "CMYK": "RGB", "I;16": "L", "YCbCr": "RGB"}


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """The tiny checkpoints are found by name and fingerprint."""
    monkeypatch.setenv("DLIC_CHECKPOINTS", str(GOLDEN))


def saved(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "DLIC", **({"weights": TINY} | options))
    return buffer.getvalue()


def reopened(image: Image.Image, **options) -> Image.Image:
    return Image.open(io.BytesIO(saved(image, **options)))


@pytest.fixture
def small(photograph) -> Image.Image:
    return Image.fromarray(photograph[100:140, 200:250])


@pytest.mark.parametrize("mode", OPENED)
def test_every_mode_is_saved_and_opened(mode, small):
    image = small.quantize(8) if mode == "P" else Image.new(mode, (50, 40), 9000) if mode == "I;16" else small.convert(mode)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = reopened(image, quality=90)
    assert (found.format, found.mode, found.size) == ("DLIC", OPENED[mode], (50, 40))
    assert found.get_format_mimetype() == "image/x-dlic"
    assert [str(one.message).split()[0] for one in caught] == {"CMYK": ["CMYK"], "I;16": ["16-bit"], "YCbCr": ["YCbCr"]}.get(
        mode, []
    )
    assert all(one.filename == __file__ for one in caught)  # the line that called `save`
    expected = image.point(lambda value: value / 257, "L") if mode == "I;16" else image.convert(found.mode)
    distance = np.abs(np.asarray(found).astype(int) - np.asarray(expected)).mean()
    assert distance < 4 if mode != "1" else found.getextrema() != (0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16"])
def test_lossless_is(mode, small):
    image = small.quantize(8) if mode == "P" else small.convert(mode) if mode != "I;16" else Image.new(mode, (50, 40), 9001)
    found = reopened(image, lossless=True, thumbnail=16)
    assert found.mode == {"1": "L", "P": "RGB", "PA": "RGBA"}.get(mode, mode)
    assert (np.asarray(found) == np.asarray(image.convert(found.mode))).all()


def test_transparency_of_a_palette_becomes_alpha(small):
    palette = small.quantize(8)
    palette.info["transparency"] = 3
    found = reopened(palette)
    assert found.mode == "RGBA" and (np.asarray(found)[..., 3] == np.asarray(palette.convert("RGBA"))[..., 3]).all()


@pytest.mark.parametrize("mode", ["F", "CMYK"])
def test_modes_with_no_place_are_refused_as_by_other_plugins(mode):
    with pytest.raises(OSError, match=f"cannot write mode {mode} as DLIC"):
        saved(Image.new(mode, (4, 4)), lossless=mode != "F")


def test_cmyk_goes_through_its_profile():
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    image.info["icc_profile"] = cmyk_profile()
    with pytest.warns(UserWarning, match="through their profile"):
        found = reopened(image, icc_profile=image.info["icc_profile"])
    assert found.mode == "RGB" and "icc_profile" not in found.info


# --- metadata -----------------------------------------------------------------------------------------------------------


def test_metadata_given_to_save_comes_back(small):
    found = reopened(small, icc_profile=SRGB, exif=RICH.exif, xmp=XMP.decode(), dpi=(300, 150), text=TEXT)
    assert found.info == {"icc_profile": SRGB, "exif": b"Exif\0\0" + RICH.exif, "xmp": XMP, "dpi": (300.0, 150.0), "text": TEXT}
    assert found.text == TEXT and found.getexif()[0x010E] == "a description"


@pytest.mark.parametrize("copied", [False, True])
def test_an_images_own_metadata_is_kept_unless_none_is_wanted(small, copied):
    first = reopened(small, icc_profile=SRGB, exif=RICH.exif, xmp=XMP, dpi=(300, 150), text=TEXT)
    own = first.info
    first = first.copy() if copied else first
    assert reopened(first).info == own
    bare = reopened(first, icc_profile=None, exif=None, xmp=None, dpi=None, text=None)
    assert bare.info == {} and bare.text == {}


def test_metadata_of_other_formats_goes_along(small):
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", icc_profile=SRGB, exif=b"Exif\0\0" + camera_exif(1, "<"), dpi=(200, 200))
    found = reopened(Image.open(buffer)).info
    assert (found["icc_profile"], found["exif"], found["dpi"]) == (SRGB, b"Exif\0\0" + camera_exif(1, "<"), (200.0, 200.0))
    tags = Image.Exif()
    tags[0x010E] = "as an object"
    assert reopened(small, exif=tags).getexif()[0x010E] == "as an object"


def test_a_profile_of_another_colour_space_is_left_out(small):
    assert "icc_profile" not in reopened(small, icc_profile=GRAY_PROFILE).info
    assert reopened(small.convert("L"), icc_profile=GRAY_PROFILE).info["icc_profile"] == GRAY_PROFILE
    assert "icc_profile" not in reopened(small.convert("L"), icc_profile=SRGB).info


@pytest.mark.parametrize("given", [False, True], ids=["of the file", "given"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_stored_upright_and_stay_so(orientation, given, small):
    exif, buffer = camera_exif(orientation, ">"), io.BytesIO()
    small.save(buffer, "PNG", **({} if given else {"exif": exif}))
    source = Image.open(buffer)
    found = reopened(source, lossless=True, **({"exif": exif} if given else {}))
    tagged = small.copy()
    tagged.info["exif"] = exif
    shown = ImageOps.exif_transpose(tagged)
    assert found.size == shown.size and (np.asarray(found) == np.asarray(shown)).all()
    assert parsed(found.info["exif"])[0x0112] == 1
    assert (np.asarray(ImageOps.exif_transpose(found)) == np.asarray(found)).all()


# --- opening ------------------------------------------------------------------------------------------------------------


FILES = sorted([*GOLDEN.glob("kinds/*.dlic"), *GOLDEN.glob("classical/*_*.dlic"), *GOLDEN.glob("light_31*.dlic")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_of_every_codec_open(path):
    """As the picture beside them, whose kind is known before they are decoded."""
    expected = Image.open(path.with_suffix(".png"))
    with Image.open(path) as image:
        assert (image.mode, image.size) == (expected.mode, expected.size)
        distance = np.abs(np.asarray(image).astype(int) - np.asarray(expected)).max()
        assert distance <= 1 and image.fp.closed
    assert path.stem not in kinds() or image.text["Author"] == "Žofie"


def test_sixteen_bit_colour_is_rounded_as_pillow_has_no_such_pixels():
    samples = np.random.default_rng(0).integers(0, 65536, (5, 6, 3)).astype(np.uint16)
    image = Image.open(io.BytesIO(LosslessCodec().compress(samples)))
    with pytest.warns(UserWarning, match="16-bit samples become 8-bit"):
        assert image.mode == "RGB" and np.abs(np.asarray(image) - samples / 257).max() <= 0.5


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "YCbCr"])
def test_strict_refuses_what_would_be_warned_of(mode):
    with pytest.raises(ValueError, match=f"strict: {mode.replace('I;', '')}"):
        saved(Image.new(mode, (6, 5)), strict=True)
    assert saved(Image.new("RGB", (6, 5)), strict=True) and saved(Image.new("I;16", (6, 5)), lossless=True, strict=True)


def test_torch_is_loaded_for_what_takes_a_network_and_not_before():
    code = (
        "import sys, dlic; from PIL import Image; dlic.register_pillow(); image = Image.open(sys.argv[1]); image.verify();"
        "assert image.mode == 'RGBA'; Image.open(sys.argv[2]).load(); assert 'torch' not in sys.modules"
    )
    files = [GOLDEN / "kinds" / "rgba.dlic", GOLDEN / "classical" / "lossless_wavelet.dlic"]
    subprocess.run([sys.executable, "-c", code, *files], check=True)


def test_images_are_pickled_and_copied_before_and_after_they_are_decoded():
    path = GOLDEN / "kinds" / "gray_alpha_lossy.dlic"
    for loaded in (False, True):
        image = Image.open(path)
        if loaded:
            image.load()
        for again in (pickle.loads(pickle.dumps(image)), image.copy(), copy.deepcopy(image)):
            assert (again.mode, again.size) == ("LA", image.size) and (np.asarray(again) == np.asarray(image)).all()
            assert again.info["text"]["Author"] == "Žofie"


def test_imageio_reads_and_writes_through_it(tmp_path, photograph):
    imageio = pytest.importorskip("imageio.v3")
    assert imageio.imread(GOLDEN / "kinds" / "rgba.dlic").shape == (48, 64, 4)
    imageio.imwrite(tmp_path / "a.dlic", photograph[:20, :30], weights=TINY, quality=90)
    assert np.abs(imageio.imread(tmp_path / "a.dlic").astype(int) - photograph[:20, :30]).mean() < 4
    assert imageio.immeta(GOLDEN / "kinds" / "rgba.dlic")["text"]["Title"] == "golden"


def test_a_file_is_saved_over_itself_and_through_a_path(small, tmp_path, monkeypatch):
    path = tmp_path / "a b ü.dlic"
    small.save(path, model="tiny", quality=30)
    image = Image.open(path)
    image.save(path, model="tiny", lossless=True)
    assert (np.asarray(Image.open(path)) == np.asarray(image)).all()
    assert Image.registered_extensions()[".dlic"] == "DLIC"


def test_options_are_those_of_compress(small):
    data = saved(small, target_size=900, thumbnail=16, effort=0)
    assert len(data) <= 900 and thumbnails.read(read(data).chunks)
    assert saved(small) == dlic.compress(np.asarray(small), weights=TINY)
    assert saved(small, progressive=True) == dlic.compress(np.asarray(small), weights=TINY, progressive=True)
    taken = set(inspect.signature(dlic.compress).parameters) - {"image", *LABELS}
    assert taken == set(plugin.OPTIONS) and set(plugin.GIVEN) == set(LABELS)


# --- errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{"quality": 0}, {"quality": "high"}, {"quality": 60, "target_size": 9}, {"dpi": (0, 1)}, {"text": {"": "x"}},
     {"thumbnail": 999}],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_value_errors_and_leave_no_file(options, small, tmp_path):
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        small.save(tmp_path / "a.dlic", weights=TINY, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_checkpoint_is_an_os_error(small, monkeypatch, tmp_path):
    data = saved(small)
    with pytest.raises(OSError, match="no checkpoint 'none'"):
        saved(small, weights=None, model="none")
    monkeypatch.setenv("DLIC_CHECKPOINTS", str(tmp_path))
    image = Image.open(io.BytesIO(data))
    for _ in range(2):
        with pytest.raises(OSError, match="not on this machine"):
            image.load()


def test_other_files_are_not_identified():
    for data in (b"", b"\xd2", b"something else", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(UnidentifiedImageError):
            Image.open(io.BytesIO(data))
    with pytest.raises(UnidentifiedImageError), pytest.warns(UserWarning, match="text-mode transfer"):
        Image.open(io.BytesIO(MAGIC.replace(b"\r\n", b"\n") + b"..."))
    with pytest.raises(SyntaxError):
        plugin.DlicImageFile(KODAK)


@given(st.data())
@settings(max_examples=60)
def test_damage_is_an_os_error(data):
    """Checksums find it on opening; `verify` and `load` are safe after that."""
    whole = (GOLDEN / "kinds" / "gray_alpha_lossy.dlic").read_bytes()
    at = data.draw(st.integers(len(MAGIC), len(whole) - 1))
    damaged = (
        whole[:at]
        if data.draw(st.booleans())
        else whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    )
    try:
        image = Image.open(io.BytesIO(damaged))
    except OSError as error:
        assert "\n" not in str(error)
        return
    # cut between two chunks: what is left is a whole file
    image.load()
    assert len(damaged) < len(whole)


FIRST = [(GOLDEN / name).read_bytes() for name in ("kinds/gray_alpha_lossy.dlic", "kinds/rgba.dlic")]
SMALL = np.random.default_rng(0).integers(0, 256, (6, 7, 3), dtype=np.uint8)
CONTAINERS = [read(data) for data in (*FIRST, LosslessCodec().compress(SMALL), WaveletCodec().compress(SMALL))]


@given(st.sampled_from(CONTAINERS), st.data())
@settings(max_examples=100)
def test_lies_with_right_checksums_are_os_errors(container, data):
    """And where there is none, the mode was told right on opening."""
    stream = bytearray(container.stream)
    for at in data.draw(st.lists(st.integers(0, min(len(stream), 12) - 1), max_size=3)):
        stream[at] = data.draw(st.integers(0, 8))
    chunks = data.draw(st.lists(st.sampled_from([*container.chunks, (b"gray", b""), (b"alph", b"\0\x80")]), max_size=3))
    lie = replace(container, stream=bytes(stream), chunks=tuple(chunks))
    try:
        image = Image.open(io.BytesIO(write(lie)))
        image.load()
    except OSError as error:
        assert not isinstance(error, UnidentifiedImageError)
        return
    assert image.size == (container.width, container.height) and image.im.mode == image.mode


@pytest.mark.parametrize("limit", ["error", "warning", None])
def test_decompression_bombs_meet_pillows_limit(limit, monkeypatch):
    data = LosslessCodec().compress(np.zeros((30, 40), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", {"error": 599, "warning": 1199, None: None}[limit])
    if limit == "error":
        with pytest.raises(Image.DecompressionBombError):
            Image.open(io.BytesIO(data))
    elif limit == "warning":
        with pytest.warns(Image.DecompressionBombWarning):
            Image.open(io.BytesIO(data)).load()
    else:
        Image.open(io.BytesIO(data)).load()
