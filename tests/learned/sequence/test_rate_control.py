"""Targets of size, bitrate and PSNR."""

import pytest

from dlic.errors import DlicError
from dlic.learned.sequence.rate_control import encode_to_bitrate, encode_to_psnr, encode_to_size
from dlic.learned.sequence.settings import SequenceSettings
from tests.learned.sequence.clips import codec, decoder, encoded, form_of, pan, psnr, timed

FRAMES = pan(3, size=(64, 64))
SETTINGS = SequenceSettings(level=30)


def arguments():
    return lambda: timed(FRAMES), form_of(FRAMES), codec(), SETTINGS


def test_a_size_is_kept_and_used():
    size = len(encoded(FRAMES, level=38))
    done = encode_to_size(*arguments(), size=size)
    assert 0.9 * size < done.size <= size and len(b"".join(done.pieces())) == done.size


def test_a_psnr_is_reached_by_the_lowest_level():
    goal = 20.0
    done = encode_to_psnr(*arguments(), psnr=goal)
    shown = list(decoder(b"".join(done.pieces())).frames())
    mean = sum(psnr(frame.pixels, x) for frame, x in zip(shown, FRAMES, strict=True)) / len(FRAMES)
    assert mean == pytest.approx(done.psnr, abs=1e-6) and mean >= goal


def test_a_bitrate_is_met_in_two_passes():
    clip = [*pan(3), *pan(3, at=(300, 400)), *pan(3, at=(20, 20))]
    size = len(encoded(clip, level=24))
    done = encode_to_bitrate(lambda: timed(clip), form_of(clip), codec(), SETTINGS, bitrate=8 * size / (9 * 0.040))
    assert abs(done.size / size - 1) < 0.15 and done.ticks == 360


def test_what_cannot_be_reached_is_said():
    with pytest.raises(DlicError, match="cannot be made to fit"):
        encode_to_size(*arguments(), size=50)
    with pytest.raises(DlicError, match="cannot reach"):
        encode_to_psnr(*arguments(), psnr=99.0)
