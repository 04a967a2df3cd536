"""Every kind of array and array-like is taken as its pixels, or refused in a sentence."""

import numpy as np
import pytest
import torch
from PIL import Image

import dlic
from dlic.errors import DlicError
from dlic.pixels.array_likes import as_array
from tests.golden.rewrite import TINY_LIGHT

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)


class Subclass(np.ndarray):
    pass


class WithArray:
    def __array__(self, dtype=None, copy=None):
        return PIXELS


class WithInterface:
    __array_interface__ = PIXELS.__array_interface__


class Failing:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array today\nand a second line")


def unaligned() -> np.ndarray:
    pixels = np.zeros(PIXELS.size + 1, np.uint8)[1:].reshape(PIXELS.shape)
    pixels[...] = PIXELS
    return pixels


def read_only() -> np.ndarray:
    pixels = PIXELS.copy()
    pixels.flags.writeable = False
    return pixels


TAKEN = {
    "Fortran order": np.asfortranarray(PIXELS),
    "negative strides": PIXELS[::-1, ::-1][::-1, ::-1],
    "every other": np.repeat(PIXELS, 2, axis=1)[:, ::2],
    "read-only": read_only(),
    "subclass": PIXELS.view(Subclass),
    "masked, nothing hidden": np.ma.array(PIXELS),
    "unaligned": unaligned(),
    "tensor": torch.from_numpy(PIXELS),
    "Pillow": Image.fromarray(PIXELS),
    "memoryview": memoryview(PIXELS),
    "__array__": WithArray(),
    "__array_interface__": WithInterface(),
}
REFUSED = {
    "masked": (np.ma.masked_less(PIXELS, 100), "masked"),
    "palette": (Image.fromarray(PIXELS).convert("P"), "mode"),
    "CMYK": (Image.fromarray(PIXELS).convert("CMYK"), "mode"),
    "tensor with gradients": (torch.rand(4, 4, 3, requires_grad=True), "does not give its array"),
    "tensor without data": (torch.zeros(4, 4, 3, dtype=torch.uint8, device="meta"), "does not give its array"),
    "failing": (Failing(), "no array today"),
    "list": (PIXELS.tolist(), "list"),
    "bytes": (PIXELS.tobytes(), "bytes"),
    "flat memoryview": (memoryview(PIXELS.tobytes()), "memoryview"),
    "name of a file": ("photo.png", "str"),
    "nothing": (None, "NoneType"),
    "number": (np.uint8(3), "uint8 array"),
    "booleans": (PIXELS > 100, "bool"),
    "floats": (PIXELS / 255, "float64"),
    "objects": (PIXELS.astype(object), "object"),
    "records": (np.zeros((4, 4), [("r", "u1"), ("g", "u1")]), "uint8 array"),
    "no pixel": (PIXELS[:0], "at least one pixel"),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_pixels_of_any_array_are_compressed(kind):
    assert dlic.compress(TAKEN[kind], weights=TINY_LIGHT) == dlic.compress(PIXELS, weights=TINY_LIGHT)


def test_a_matrix_is_a_gray_picture():
    gray = PIXELS[..., 0]
    assert dlic.compress(np.matrix(gray), weights=TINY_LIGHT) == dlic.compress(gray, weights=TINY_LIGHT)


@pytest.mark.parametrize("kind", REFUSED)
def test_other_objects_are_refused_in_a_sentence(kind):
    image, word = REFUSED[kind]
    with pytest.raises(DlicError, match=word) as refusal:
        dlic.compress(image, weights=TINY_LIGHT)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("channels", [(), (2,), (3,), (4,)])
def test_arrays_that_promise_more_pixels_than_there_is_memory_are_refused_before_they_are_copied(channels):
    """NumPy's broadcast arrays take a byte of memory. A copy of one would end the process."""
    with pytest.raises(DlicError, match=r"memory|tiles"):
        dlic.compress(np.broadcast_to(np.uint8(7), (2**20, 2**22, *channels)), weights=TINY_LIGHT)


def test_arrays_are_not_copied():
    assert np.shares_memory(as_array(PIXELS.view(Subclass)), PIXELS)
    assert np.shares_memory(as_array(torch.from_numpy(PIXELS)), PIXELS)


def test_numpy_numbers_are_numbers():
    coded = dlic.compress(
        PIXELS,
        quality=np.int64(40),
        effort=np.uint8(0),
        dpi=tuple(np.array([300, 72.5])),
        thumbnail=np.int32(8),
        weights=TINY_LIGHT,
    )
    part = dlic.decompress(coded, crop=tuple(np.array([2, 1, 9, 8])), max_pixels=np.int64(10**6), weights=TINY_LIGHT)
    assert part.shape == (8, 9, 3) and dlic.read(coded, weights=TINY_LIGHT).metadata.dpi == (300.0, 72.5)
    sized = dlic.compress(PIXELS, target_size=np.int64(2000), alpha_quality=np.int16(100), weights=TINY_LIGHT)
    assert len(sized) <= 2000
    assert dlic.compress(PIXELS, target_bpp=np.float32(20), weights=TINY_LIGHT)


@pytest.mark.parametrize("crop", [(0, 0, 2.5, 4), (True, 0, 4, 4), (0, 0, 4), None.__class__, 3, np.array([0.0, 0, 4, 4])])
def test_crops_that_are_no_four_whole_numbers_are_refused(crop):
    with pytest.raises(DlicError, match="four whole numbers"):
        dlic.decompress(dlic.compress(PIXELS, weights=TINY_LIGHT), crop=crop, weights=TINY_LIGHT)
