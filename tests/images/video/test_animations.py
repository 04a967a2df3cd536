"""Animated GIF, APNG, WebP and AVIF: composition, exact times, loops, and what is written comes back."""

import io
import struct
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dlic.errors import DlicError, UnreadableImageError
from dlic.images.video import gif
from dlic.images.video.canvas import Canvas, Disposal, bounds
from dlic.images.video.creating import Output, write_clip
from dlic.images.video.opening import open_animation
from dlic.pixels.frames import Frame, SequenceFormat
from tests.images.video.sample_clips import frames


def written(suffix: str, shown: list[Frame], loops: int = 0, base: Fraction = Fraction(1, 100), **options) -> bytes:
    height, width, channels = shown[0].pixels.shape
    form = SequenceFormat(width=width, height=height, time_base=base, alpha=channels == 4, loops=loops)
    buffer = io.BytesIO()
    write_clip(buffer, suffix, Output(form=form, durations=[frame.duration for frame in shown], **options), iter(shown))
    return buffer.getvalue()


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("loops", [0, 1, 3])
@pytest.mark.parametrize("suffix", [".apng", ".webp"])
def test_lossless_animations_come_back_exactly(suffix, loops, alpha):
    shown = frames([3, 7, 50, 2], alpha=alpha)
    clip = open_animation(written(suffix, shown, loops, lossless=True), "clip")
    again = list(clip.pictures())
    assert clip.form.loops == loops and clip.form.alpha == alpha and clip.frames == 4
    assert [frame.duration * clip.form.time_base for frame in again] == [Fraction(ticks, 100) for ticks in (3, 7, 50, 2)]
    for before, after in zip(shown, again, strict=True):
        assert np.array_equal(before.pixels, after.pixels)
    assert [frame.pts for frame in clip.pictures()] == [frame.pts for frame in again], "it reads again from the beginning"


@pytest.mark.parametrize("loops", [0, 1, 5])
def test_gif_keeps_times_loops_and_colours_it_can_hold(loops):
    colours = np.random.default_rng(0).integers(0, 256, (200, 3)).astype(np.uint8)
    shown = [Frame(pixels=colours[np.random.default_rng(n).integers(0, 200, (20, 30))], pts=9 * n, duration=9) for n in range(3)]
    clip = open_animation(written(".gif", shown, loops), "clip")
    assert clip.form.loops == loops and not clip.form.alpha
    for before, after in zip(shown, clip.pictures(), strict=True):
        assert after.duration == 9 and np.abs(after.pixels.astype(int) - before.pixels).max() <= 8


def test_gif_writes_transparency_in_two_values():
    shown = frames([5, 5, 5], alpha=True)
    clip = open_animation(written(".gif", shown), "clip")
    for before, after in zip(shown, clip.pictures(), strict=True):
        assert np.array_equal(after.pixels[..., 3], np.where(before.pixels[..., 3] < 128, 0, 255))


def test_avif_keeps_times():
    shown = frames([4, 8, 4], height=32, width=48)
    clip = open_animation(written(".avif", shown), "clip")
    assert [frame.duration * clip.form.time_base for frame in clip.pictures()] == [Fraction(n, 100) for n in (4, 8, 4)]
    assert clip.form.loops == 0


def test_rounded_durations_do_not_drift():
    shown = frames([1] * 30)
    clip = open_animation(written(".webp", shown, base=Fraction(1001, 30000)), "clip")
    assert sum(frame.duration for frame in clip.pictures()) == round(30 * 1001 / 30)


def test_fractions_of_an_apng_are_exact():
    clip = open_animation(written(".apng", frames([1, 2, 1]), base=Fraction(1001, 30000)), "clip")
    assert [frame.duration * clip.form.time_base for frame in clip.pictures()] == [Fraction(n * 1001, 30000) for n in (1, 2, 1)]


# --- composition --------------------------------------------------------------------------------------------------------


def gif_of(parts: list[tuple], size: tuple[int, int] = (4, 2), background: int = 1) -> bytes:
    """A GIF of parts (x, y, indices, disposal, transparent index or None, delay), palette black, red, green, blue."""
    palette = bytes([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    data = b"GIF89a" + struct.pack("<HHBBB", *size, 0x81, background, 0) + palette
    for x, y, indices, disposal, transparent, delay in parts:
        image = Image.fromarray(np.array(indices, np.uint8))
        image.putpalette(bytes(range(256)) * 3)
        buffer = io.BytesIO()
        image.save(buffer, "GIF", optimize=False, interlace=0)
        coded = next(gif._frames(buffer.getvalue(), "part")).picture[13 + 768 + 10 : -1]
        flags = disposal << 2 | (transparent is not None)
        data += b"\x21\xf9\x04" + struct.pack("<BHBB", flags, delay, transparent or 0, 0)
        data += b"\x2c" + struct.pack("<HHHHB", x, y, image.width, image.height, 0) + coded
    return data + b";"


def composed(data: bytes) -> list[list]:
    """Letters of the pixels of each frame, . where it is clear."""
    letters = {(0, 0, 0): "k", (255, 0, 0): "r", (0, 255, 0): "g", (0, 0, 255): "b"}

    def letter(pixel: np.ndarray) -> str:
        return "." if len(pixel) == 4 and pixel[3] == 0 else letters[tuple(int(value) for value in pixel[:3])]

    return [["".join(map(letter, row)) for row in frame.pixels] for frame in open_animation(data, "clip").pictures()]


def test_a_first_frame_smaller_than_the_canvas_leaves_the_rest_clear():
    data = gif_of([(1, 0, [[1, 1]], 1, None, 5), (0, 1, [[2]], 1, None, 5)])
    assert composed(data) == [[".rr.", "...."], [".rr.", "g..."]]


def test_disposal_to_background_clears_as_browsers_do():
    data = gif_of([(0, 0, [[1] * 4] * 2, 2, None, 5), (0, 0, [[2]], 1, None, 5)])
    assert composed(data) == [["rrrr", "rrrr"], ["g...", "...."]]


def test_disposal_to_previous_restores():
    whole = (0, 0, [[1] * 4] * 2, 1, None, 5)
    data = gif_of([whole, (1, 0, [[2, 2]], 3, None, 5), (3, 1, [[3]], 1, None, 5)])
    assert composed(data) == [["rrrr", "rrrr"], ["rggr", "rrrr"], ["rrrr", "rrrb"]]


def test_no_disposal_after_another_one_keeps():
    data = gif_of(
        [(0, 0, [[1] * 4] * 2, 1, None, 5), (0, 0, [[2]], 2, None, 5), (3, 1, [[3]], 0, None, 5), (1, 1, [[2]], 0, None, 5)]
    )
    assert composed(data)[2:] == [[".rrr", "rrrb"], [".rrr", "rgrb"]]


def test_a_transparent_index_shows_what_is_below_and_makes_no_alpha():
    data = gif_of([(0, 0, [[1] * 4] * 2, 1, None, 5), (0, 0, [[0, 2, 0, 2]], 1, 0, 5)])
    assert composed(data)[1] == ["rgrg", "rrrr"]
    assert not open_animation(data, "clip").form.alpha


def test_a_part_beyond_the_canvas_is_cut():
    assert composed(gif_of([(0, 0, [[1] * 4] * 2, 1, None, 5), (3, 1, [[2, 2], [2, 2]], 1, None, 5)]))[1] == ["rrrr", "rrrg"]


def test_delays_that_browsers_do_not_show_become_those_they_show():
    data = gif_of([(0, 0, [[n] * 4] * 2, 1, None, delay) for n, delay in enumerate([0, 1, 2, 100])])
    assert [frame.duration for frame in open_animation(data, "clip").pictures()] == [10, 10, 2, 100]


@given(seed=st.integers(0, 999))
def test_partial_alpha_is_composed_as_one_light_behind_another(seed):
    rng = np.random.default_rng(seed)
    below, above = rng.integers(0, 256, (2, 3, 5, 4)).astype(np.uint8)
    canvas = Canvas(5, 3)
    canvas.show(below, 0, 0, False, Disposal.KEEP)
    shown = canvas.show(above, 0, 0, True, Disposal.KEEP).astype(float)
    a, b = above[..., 3:] / 255, below[..., 3:] / 255
    total = a + b * (1 - a)
    colours = (above[..., :3] * a + below[..., :3] * b * (1 - a)) / np.maximum(total, 1e-9)
    assert np.abs(shown[..., 3:] - 255 * total).max() <= 0.51
    assert np.abs(shown[..., :3] - colours)[(total > 0)[..., 0]].max(initial=0) <= 0.51


def test_bounds():
    differs = np.zeros((4, 6), bool)
    assert bounds(differs) == (0, 1, 0, 1)
    differs[1, 2] = differs[2, 4] = True
    assert bounds(differs) == (1, 3, 2, 5)


# --- bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".gif", ".apng", ".webp", ".avif"])
def test_cut_animations_are_a_sentence_or_the_frames_before_the_cut(suffix):
    shown = frames([5, 6, 7], height=24, width=32)
    data = written(suffix, shown)
    for end in [*range(0, 60, 7), *range(60, len(data), max(1, len(data) // 25))]:
        try:
            clip = open_animation(data[:end], "clip")
            numbers = [] if clip is None else [frame.duration for frame in clip.pictures()]
        except UnreadableImageError:
            continue
        assert len(numbers) <= 3


def test_a_still_picture_is_no_animation():
    for kind in ("PNG", "GIF", "WEBP", "JPEG", "AVIF"):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), "red").save(buffer, kind)
        assert open_animation(buffer.getvalue(), "picture") is None


def test_larger_frames_than_allowed_are_refused():
    with pytest.raises(UnreadableImageError, match="--max-pixels"):
        open_animation(written(".gif", frames([5, 5])), "clip", max_pixels=100)


def test_a_control_chunk_of_damaged_pixels_is_an_error():
    data = bytearray(written(".apng", frames([5, 5])))
    at = data.index(b"fdAT") + 12
    data[at : at + 20] = bytes(20)
    length = int.from_bytes(data[at - 16 : at - 12], "big")
    start = at - 12
    data[start + 4 + length : start + 8 + length] = zlib.crc32(data[start : start + 4 + length]).to_bytes(4, "big")
    with pytest.raises(UnreadableImageError):
        list(open_animation(bytes(data), "clip").pictures())


def test_unknown_endings_are_named():
    with pytest.raises(DlicError, match=r"cannot write a clip as \.xyz"):
        written(".xyz", frames([5]))
