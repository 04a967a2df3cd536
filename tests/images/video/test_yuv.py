"""RGB ⇄ planes: against FFmpeg's own conversion, and as inverses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.images.video import chroma, yuv
from dlic.images.video.yuv import Planes, to_planes, to_rgb
from dlic.pixels.frames import VideoColour

SPACES = {yuv.BT709: "ITU709", yuv.BT601: "ITU601", yuv.BT2020: "BT2020", 7: "SMPTE240M", 4: "FCC"}


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", SPACES)
def test_matrices_are_those_of_ffmpeg(matrix, full_range):
    av = pytest.importorskip("av")
    from av.video.reformatter import Interpolation

    rng = np.random.default_rng(matrix)
    planes = [rng.integers(low, high, (48, 64)).astype(np.uint8) for low, high in ((16, 236), (90, 160), (90, 160))]
    levels = "JPEG" if full_range else "MPEG"
    exact = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
    frame = av.VideoFrame.from_ndarray(np.stack(planes), "yuv444p")
    theirs = frame.reformat(
        format="rgb24",
        src_colorspace=SPACES[matrix],
        dst_colorspace=SPACES[matrix],
        src_color_range=levels,
        dst_color_range="JPEG",
        interpolation=exact,
    ).to_ndarray()
    ours = to_rgb(Planes(*planes), VideoColour(matrix=matrix, full_range=full_range))
    difference = np.abs(ours.astype(int) - theirs)
    assert difference.max() <= 1 and difference.mean() < 0.01  # it rounds in fixed point


@given(
    matrix=st.sampled_from(sorted(yuv.LUMA)),
    full_range=st.booleans(),
    siting=st.sampled_from([0, yuv.LEFT, yuv.CENTRE, yuv.TOP_LEFT]),
    subsampling=st.sampled_from([420, 422, 444]),
    height=st.integers(1, 19),
    width=st.integers(1, 19),
    seed=st.integers(0, 99),
)
def test_planes_come_back_from_rgb(matrix, full_range, siting, subsampling, height, width, seed):
    rng = np.random.default_rng(seed)
    half = (-(-height // 2) if subsampling == 420 else height, width if subsampling == 444 else -(-width // 2))
    y = rng.integers(110, 150, (height, width)).astype(np.uint8)  # so that every colour is one of RGB
    noise = rng.integers(120, 137, (2, *half)).astype(np.uint8)
    cb, cr = noise if subsampling == 444 else (np.full_like(plane, plane[0, 0]) for plane in noise)  # halving smoothes
    colour = VideoColour(matrix=matrix, full_range=full_range, siting=siting)
    back = to_planes(to_rgb(Planes(y, cb, cr), colour), colour, subsampling)
    for before, after in zip((y, cb, cr), (back.y, back.cb, back.cr), strict=True):
        assert after.shape == before.shape and np.abs(after.astype(int) - before).max() <= 1


@given(size=st.integers(1, 33), width=st.integers(1, 4), co_sited=st.booleans(), seed=st.integers(0, 99))
def test_halving_is_the_mean_of_what_doubling_spreads(size, width, co_sited, seed):
    rng = np.random.default_rng(seed)
    full = rng.normal(size=(size, width)).astype(np.float32)
    matrix = chroma.double(np.eye((size + 1) // 2, dtype=np.float32), size, co_sited)
    assert np.allclose(chroma.halve(full, co_sited), matrix.T @ full / matrix.sum(axis=0)[:, None], atol=1e-5)
    assert np.allclose(chroma.halve(np.full_like(full, 7.25), co_sited), 7.25)


def test_ten_bits_are_rounded_once():
    y = np.arange(64, 941, dtype=np.uint16)[None]
    middle = np.full_like(y, 512)
    rgb = to_rgb(Planes(y, middle, middle, 10), VideoColour(matrix=yuv.BT709))
    assert np.abs(rgb[0, :, 0] - (y[0] - 64.0) * 255 / 876).max() <= 0.501


def test_a_clip_without_a_matrix_has_that_of_its_size():
    assert yuv.matrix_of(VideoColour(), 720, 576) == yuv.BT601
    assert yuv.matrix_of(VideoColour(), 1280, 720) == yuv.BT709
    assert yuv.matrix_of(VideoColour(matrix=yuv.BT2020), 720, 576) == yuv.BT2020
