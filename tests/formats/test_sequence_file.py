"""Sequences through the API and through Pillow."""

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

import dlic
import dlic.pillow
from dlic.checkpoints.local import find
from dlic.errors import CorruptFileError, DlicError
from dlic.formats import sequence
from dlic.formats.sequence import inter_of
from tests.images.video.sample_clips import pixels

FRAMES = [pixels(number, 40, 56) for number in range(5)]


@pytest.fixture(scope="module")
def data() -> bytes:
    return dlic.compress_sequence(FRAMES, [0.04, Fraction(1, 30), 0.5, 0.04, 0.1], quality=50, loops=0)


def near(shown: np.ndarray, original: np.ndarray) -> bool:
    return bool(np.abs(shown.astype(int) - original).mean() < 6)


def test_frames_come_back_in_order_with_exact_times(data, tmp_path):
    (tmp_path / "clip.dlic").write_bytes(data)
    with dlic.open(tmp_path / "clip.dlic") as clip:
        shown = list(clip)
        assert len(clip) == 5 and clip.form.loops == 0
        assert [frame.duration * clip.time_base for frame in shown] == [
            Fraction(1, 25), Fraction(1, 30), Fraction(1, 2), Fraction(1, 25), Fraction(1, 10),
        ]  # fmt: skip
        assert all(near(frame.pixels, original) for frame, original in zip(shown, FRAMES, strict=True))
        assert np.array_equal(clip[3].pixels, shown[3].pixels) and np.array_equal(clip[-1].pixels, shown[4].pixels)
        assert [frame.pts for frame in clip.frames(start=0.1, stop=0.58)] == [shown[2].pts, shown[3].pts]
        with pytest.raises(IndexError):
            clip[5]


def test_a_pipe_is_read_forward(data):
    class Pipe(io.RawIOBase):
        def __init__(self):
            self._file = io.BytesIO(data)

        def readable(self):
            return True

        def read(self, size=-1):
            return self._file.read(size)

    assert len(list(dlic.open(Pipe()))) == 5


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_every_kind_of_pixels(channels):
    gray, alpha = pixels(0)[..., 0], pixels(0, alpha=True)[..., 3]
    shown = {0: gray, 2: np.dstack([gray, alpha]), 4: pixels(0, alpha=True)}[channels]
    frame = dlic.open(dlic.compress_sequence([shown], quality=50))[0]
    assert frame.pixels.shape == (33, 47, 4 if channels else 3)
    if channels:
        assert np.array_equal(frame.pixels[..., 3], alpha)


def test_a_clip_of_one_frame_and_still_frames():
    assert len(dlic.open(dlic.compress_sequence([FRAMES[0]]))) == 1
    still = dlic.open(dlic.compress_sequence((FRAMES[0] for _ in range(1000)), 0.01, quality=30))
    assert still.seconds == 10 and len(still) < 40


def test_wrong_arguments_are_a_sentence():
    for frames, durations in (
        ([], None),
        (FRAMES, [0.1]),
        (FRAMES, [0.1] * 6),
        (FRAMES, 0),
        (FRAMES, -0.04),
        (FRAMES, [0.1, 0.1, 0, 0.1, 0.1]),
        (FRAMES, float("nan")),
        (FRAMES, "long"),
        ([FRAMES[0], FRAMES[1][:-1]], None),
        ([FRAMES[0].astype(float)], None),
    ):
        with pytest.raises(DlicError):
            dlic.compress_sequence(frames, durations)
    with pytest.raises(DlicError, match="several"):
        dlic.compress_sequence(FRAMES, quality=3, target_size=1000)
    with pytest.raises(CorruptFileError):
        dlic.open(dlic.compress(FRAMES[0], model="light-1"))
    with pytest.raises(CorruptFileError, match="cannot be read"):
        dlic.open("nowhere.dlic")


def test_a_sequence_as_a_picture_is_its_first_frame(data):
    assert near(dlic.decompress(data), FRAMES[0])
    dlic.verify(data)


def test_pillow_reads_frames_in_any_order(data):
    with Image.open(io.BytesIO(data)) as image:
        assert (image.n_frames, image.is_animated, image.info["loop"], image.info["duration"]) == (5, True, 0, 40)
        shown = {}
        for number in (0, 1, 2, 4, 1, 3):
            image.seek(number)
            assert image.tell() == number
            picture = np.array(image)
            assert near(picture, FRAMES[number])
            assert np.array_equal(picture, shown.setdefault(number, picture))
        image.seek(2)
        assert image.info["duration"] == 500
        with pytest.raises(EOFError):
            image.seek(5)


def test_pillow_saves_frames_with_their_times(tmp_path):
    first, *others = (Image.fromarray(frame) for frame in FRAMES)
    first.save(tmp_path / "a.dlic", save_all=True, append_images=others, duration=[40, 50, 60, 70, 80], loop=3, quality=40)
    with Image.open(tmp_path / "a.dlic") as image:
        assert image.n_frames == 5 and image.info["loop"] == 3
        image.save(tmp_path / "b.gif", save_all=True)
        image.save(tmp_path / "c.dlic", save_all=True, quality=30)
    with Image.open(tmp_path / "c.dlic") as image:
        durations = []
        for number in range(image.n_frames):
            image.seek(number)
            durations.append(image.info["duration"])
        assert durations == [40, 50, 60, 70, 80]
    with pytest.raises(ValueError, match="durations"):
        first.save(tmp_path / "d.dlic", save_all=True, append_images=others, duration=[40])


# --- checkpoints ----------------------------------------------------------------------------------------------------


def test_predicted_frames_are_tuned_as_key_frames(monkeypatch):
    names = {key: inter_of(find(key)).name for key in ("light-2-visual", "light-1", "light-1-ms-ssim")}
    assert names == {"light-2-visual": "light-1-inter-visual", "light-1": "light-1-inter", "light-1-ms-ssim": "light-1-inter"}
    monkeypatch.setattr(sequence, "TUNED_INTER", {"visual": "light-9-inter"})  # of another release
    assert inter_of(find("light-2-visual")).name == "light-1-inter"
    monkeypatch.setattr(sequence, "INTER", "light-9-inter")
    assert inter_of(find("light-2-visual")) is None
