"""Every layout of TIFF's samples comes back as it was stored: a matrix of layouts, with tifffile as the judge of its files."""

import io
from dataclasses import replace

import numpy as np
import pytest

from dlic.errors import UnreadableImageError
from dlic.images.files import EVERYTHING, read_image
from dlic.images.samples import read_samples
from tests.images.tiff.written import (
    BLACK_IS_ZERO,
    DEFLATE,
    LZW,
    NONE,
    PALETTE,
    RGB,
    WHITE_IS_ZERO,
    Layout,
    colour_map,
    file_of,
    matrix,
    stored_samples,
    written,
)

MATRIX = list(matrix())


def expected(layout: Layout, samples: np.ndarray) -> np.ndarray:
    """What the file shows: uint8 or uint16 (H, W) or (H, W, 2 … 4), exact but for colours multiplied by alpha."""
    peak, full = (1 << layout.bits) - 1, 255 if layout.bits <= 8 else 65535
    if layout.photometric == PALETTE:
        return (colour_map(layout.bits).T // 257)[samples[..., 0]].astype(np.uint8)
    scaled = np.rint(samples / peak * full)
    colours = scaled[..., : 3 if layout.photometric == RGB else 1]
    colours = full - colours if layout.photometric == WHITE_IS_ZERO else colours
    alphas = [i for i, meaning in enumerate(layout.extra) if meaning]
    if alphas:
        alpha = scaled[..., colours.shape[2] + alphas[0]]
        if layout.extra[alphas[0]] == 1:
            divided = np.minimum(np.floor(colours * full / np.maximum(alpha, 1)[..., None] + 0.5), full)
            colours = np.where(alpha[..., None] > 0, divided, colours)
        colours = np.dstack([colours, alpha])
    found = colours.astype(np.uint8 if full == 255 else np.uint16)
    return found[..., 0] if found.shape[2] == 1 else found


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16])
def test_every_layout_is_read_right_or_refused(bits):
    for layout in [layout for layout in MATRIX if layout.bits == bits]:
        samples = stored_samples(layout)
        data = written(layout, samples)
        shown = expected(layout, samples)
        picture = read_image(data, keep=EVERYTHING)
        rounded = shown if shown.dtype == np.uint8 else np.rint(shown / 257)
        off = np.abs(picture.pixels.astype(int) - rounded).max()
        assert picture.pixels.shape == shown.shape and off <= (1 if 1 in layout.extra else 0), str(layout)
        assert ("sample" in str(picture.notes)) == (bits > 8 or 0 in layout.extra), str(layout)
        if 1 in layout.extra:
            with pytest.raises(UnreadableImageError, match="multiplied"):
                read_samples(data)
        else:
            assert np.array_equal(read_samples(data).pixels, shown), str(layout)


def test_the_matrix_is_what_others_read():
    """The files of this test against tifffile, where it reads them: else a wrong writer and a wrong reader would agree."""
    tifffile, judged = pytest.importorskip("tifffile"), 0
    pytest.importorskip("imagecodecs")
    for i, layout in enumerate(MATRIX):
        if i % 7 and layout.bits != 16:  # its packed bits are slow
            continue
        samples = stored_samples(layout)
        found = tifffile.imread(io.BytesIO(written(layout, samples)))
        planes = found if not layout.planar or found.ndim == 2 else np.moveaxis(found, 0, -1)
        assert np.array_equal(planes.reshape(samples.shape), samples), str(layout)
        judged += 1
    assert judged > 400


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation):
    layout = Layout(bits=16, photometric=RGB, planar=True, tags={274: (3, [orientation])})
    samples = stored_samples(layout)
    turns = {1: lambda p: p, 2: np.fliplr, 3: lambda p: p[::-1, ::-1], 4: np.flipud, 5: lambda p: p.swapaxes(0, 1),
             6: lambda p: np.rot90(p, -1), 7: lambda p: np.rot90(p.swapaxes(0, 1), 2), 8: np.rot90}  # fmt: skip
    assert np.array_equal(read_samples(written(layout, samples)).pixels, turns[orientation](samples))


@pytest.mark.parametrize("scale", [1, 256, 257])
def test_palettes_of_8_bits_in_16_are_exact(scale):
    table = np.random.default_rng(1).integers(0, 256, (3, 16))
    layout = Layout(bits=4, photometric=PALETTE, tags={320: (3, (table * scale).ravel().tolist())})
    samples = stored_samples(layout)
    assert np.array_equal(read_samples(written(layout, samples)).pixels, table.T[samples[..., 0]])


def test_a_palette_of_16_bits_keeps_them():
    table = np.random.default_rng(1).integers(0, 65536, (3, 16))
    layout = Layout(bits=4, photometric=PALETTE, tags={320: (3, table.ravel().tolist())})
    samples = stored_samples(layout)
    assert np.array_equal(read_samples(written(layout, samples)).pixels, table.T[samples[..., 0]])


SIGNED = {339: (3, [2])}


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        (Layout(tags=SIGNED), "signed"),
        (Layout(bits=16, tags=SIGNED), "signed"),
        (Layout(photometric=RGB, tags={262: (3, [6])}), "YCbCr"),
        (Layout(photometric=RGB, planar=True, tags={262: (3, [6]), 530: (3, [1, 1])}), "planar"),
        (
            Layout(bits=16, photometric=RGB, extra=(0,), planar=True, tags={262: (3, [5]), 338: (3, [])}),
            "planar|broken|not an image",
        ),
        (Layout(photometric=PALETTE, tags={320: (3, [1, 2, 3])}), "palette has 3 values"),
        (Layout(photometric=RGB, planar=True, tags={273: (4, [8])}), "1 strips or tiles where 9"),
        (Layout(photometric=RGB, tags={273: (4, [8, 8, 9000])}), "truncated"),
        (Layout(tiled=True, tags={322: (3, [0])}), "tiles have 0"),
        (Layout(codec=DEFLATE, tags={279: (4, [5, 5, 5])}), "broken"),
        (Layout(bits=4, codec=LZW, predictor=True), "broken|not an image"),
    ],
)
def test_other_layouts_are_refused_in_a_sentence(layout, reason):
    samples = stored_samples(replace(layout, tags={}))
    data = written(layout, samples)
    with pytest.raises(UnreadableImageError, match=f"^the input .*({reason})"):
        read_image(data)
    with pytest.raises(UnreadableImageError):
        read_samples(data)


def test_further_samples_and_pages_are_said():
    layout = Layout(photometric=BLACK_IS_ZERO, extra=(0, 0))
    data = written(layout, stored_samples(layout))
    assert read_samples(data).notes == ("2 further samples of each pixel dropped",)
    with pytest.raises(UnreadableImageError, match="--strict: 2 further samples"):
        read_samples(data, strict=True)


def test_a_lying_header_allocates_nothing():
    for tags in ({256: (4, [1 << 30])}, {257: (4, [1 << 31])}, {277: (3, [60000])}):
        data = file_of(
            bytes(100), {256: (4, [10]), 257: (4, [10]), 258: (3, [8]), 262: (3, [1]), 273: (4, [8]), 279: (4, [100]), **tags}, "<"
        )
        with pytest.raises(UnreadableImageError):
            read_samples(data)
    assert NONE == 1
