"""Groups of frames: cuts, equal frames, bounded memory."""

import numpy as np

from dlic.learned.sequence.partition import Partition
from dlic.pixels.frames import Frame, SequenceFormat
from tests.learned.sequence.clips import form_of, pan, timed

FORM = SequenceFormat(width=8, height=8)


def groups(frames: list[np.ndarray], max_gop: int = 32):
    return list(Partition(form_of(frames), max_gop).groups(timed(frames)))


def test_a_hundred_thousand_equal_frames_are_one():
    picture = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    still = (Frame(pixels=picture, pts=i, duration=1) for i in range(100_000))
    (group,) = Partition(FORM, 32).groups(still)
    (frame,) = group.frames
    assert (frame.pts, frame.duration) == (0, 100_000)


def test_no_group_is_longer_than_asked_and_none_waits_for_the_end():
    taken = []

    def endless():
        for i in range(10**9):
            taken.append(i)
            yield Frame(pixels=np.full((8, 8, 3), i % 200, np.uint8), pts=i, duration=1)

    stream = Partition(FORM, 8).groups(endless())
    for number in range(3):
        assert [frame.pts for frame in next(stream).frames] == list(range(8 * number, 8 * number + 8))
        assert len(taken) <= 8 * number + 8 + 3


def test_cuts_are_found_and_motion_is_none():
    scenes = [*pan(5, size=(144, 192), step=(2, 5)), *pan(5, size=(144, 192), at=(350, 480), step=(-3, -6))]
    assert [len(group.frames) for group in groups(scenes)] == [5, 5]


def test_still_scenes_have_p_frames_far_apart():
    rng = np.random.default_rng(0)
    quiet = [np.clip(pan(1)[0] + rng.integers(0, 2, (72, 100, 3)), 0, 255).astype(np.uint8) for _ in range(6)]
    wild = [rng.integers(0, 256, (72, 100, 3), dtype=np.uint8) // 2 + 60 * (i % 2) for i in range(6)]
    assert groups(quiet)[0].distance == 16
    assert all(len(group.frames) == 1 or group.distance < 16 for group in groups([frame.astype(np.uint8) for frame in wild]))


def test_groups_of_still_scenes_are_longer():
    still = np.full((144, 192, 3), 60, np.uint8)
    noise = [np.random.default_rng(i).integers(0, 2, still.shape).astype(np.uint8) for i in range(4)]
    quiet = [still + noise[i % 4] for i in range(70)]
    assert [len(group.frames) for group in groups(quiet, 64)] == [64, 6]
    assert [len(group.frames) for group in groups(quiet, 20)] == [20, 20, 20, 10]
    bounded = Partition(form_of(quiet), 64, long_pixels=40 * 144 * 192).groups(timed(quiet))
    assert [len(group.frames) for group in bounded] == [40, 30]
    assert [len(group.frames) for group in groups(pan(40, step=(1, 2)), 64)] == [32, 8]


def test_times_have_no_gaps():
    frames = pan(3)
    items = [Frame(pixels=frames[0], pts=5, duration=1), Frame(pixels=frames[1], pts=30, duration=1)]
    (group,) = Partition(form_of(frames), 32).groups([*items, Frame(pixels=frames[2], pts=31, duration=9)])
    assert [(frame.pts, frame.duration) for frame in group.frames] == [(5, 25), (30, 1), (31, 9)]
