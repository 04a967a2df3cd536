"""Video files by PyAV: times, colour, alpha, sound, rotation; and files that are none."""

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dlic.errors import DlicError, UnreadableImageError
from dlic.images.video import pyav
from dlic.images.video.clip import TrackPacket, at_rate
from dlic.images.video.creating import Output, write_clip, write_folder
from dlic.images.video.opening import is_clip, is_video, open_clip, rate, spooled
from dlic.pixels.frames import Frame, SequenceFormat, VideoColour
from tests.images.video.sample_clips import frames, pixels, sound_track, video_file

av = pytest.importorskip("av", reason="PyAV is the extra video")

DURATIONS = [40, 30, 200, 50]  # milliseconds


def stored(tmp_path: Path, data: bytes, suffix: str = ".mp4") -> Path:
    path = tmp_path / f"clip{suffix}"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_variable_durations_come_back(tmp_path, suffix):
    clip = open_clip(stored(tmp_path, video_file(DURATIONS, suffix, height=34, width=48), suffix))
    shown = list(clip.pictures())
    assert [frame.duration * clip.form.time_base * 1000 for frame in shown] == DURATIONS
    assert shown[0].pts == 0
    for number, frame in enumerate(shown):
        assert np.abs(frame.pixels.astype(int) - pixels(number, 34, 48)).mean() < 3


def test_every_time_base_is_exact_in_mp4(tmp_path):
    base = Fraction(1001, 30000)
    clip = open_clip(stored(tmp_path, video_file([1, 2, 1], time_base=base, height=34, width=48)))
    assert [frame.duration * clip.form.time_base / base for frame in clip.pictures()] == [1, 2, 1]


@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("full_range", [False, True])
def test_colour_is_read_kept_and_inverted(tmp_path, matrix, full_range):
    colour = VideoColour(primaries=9, transfer=16, matrix=matrix, full_range=full_range, siting=1, subsampling=420)
    clip = open_clip(stored(tmp_path, video_file([1, 1], colour=colour, height=34, width=48)))
    assert clip.form.colour == colour
    assert np.abs(next(clip.pictures()).pixels.astype(int) - pixels(0, 34, 48)).mean() < 4


def test_planes_of_444_are_kept(tmp_path):
    colour = VideoColour(matrix=1, subsampling=444, siting=1)
    clip = open_clip(stored(tmp_path, video_file([1, 1], colour=colour)))
    assert clip.form.colour.subsampling == 444 and (clip.form.height, clip.form.width) == (33, 47)


@pytest.mark.parametrize("alpha", [False, True])
def test_ffv1_is_exact(tmp_path, alpha):
    shown = frames(DURATIONS, alpha=alpha)
    form = SequenceFormat(width=47, height=33, alpha=alpha)
    buffer = io.BytesIO()
    write_clip(buffer, ".mkv", Output(form=form, durations=DURATIONS, lossless=True), iter(shown))
    clip = open_clip(stored(tmp_path, buffer.getvalue(), ".mkv"))
    for before, after in zip(shown, clip.pictures(), strict=True):
        assert np.array_equal(before.pixels, after.pixels)


def test_webm_has_transparency(tmp_path):
    clip = open_clip(stored(tmp_path, video_file(DURATIONS, ".webm", height=34, width=48, alpha=True), ".webm"))
    assert clip.form.alpha
    for number, frame in enumerate(clip.pictures()):
        assert np.abs(frame.pixels[..., 3].astype(int) - pixels(number, 34, 48, alpha=True)[..., 3]).mean() < 8


def test_y4m_is_what_other_programs_write(tmp_path):
    shown = frames([1, 1, 1], height=33, width=47)
    form = SequenceFormat(width=47, height=33, time_base=Fraction(1001, 24000))
    buffer = io.BytesIO()
    write_clip(buffer, ".y4m", Output(form=form, durations=[1, 1, 1]), iter(shown))
    clip = open_clip(stored(tmp_path, buffer.getvalue(), ".y4m"))
    assert (clip.form.width, clip.form.height) == (47, 33)
    assert {frame.duration * clip.form.time_base for frame in clip.pictures()} == {Fraction(1001, 24000)}
    with pytest.raises(DlicError, match="one rate"):
        write_clip(io.BytesIO(), ".y4m", Output(form=form, durations=[1, 9]), iter(frames([1, 9])))


def test_odd_sizes_are_padded_with_a_note_or_kept(tmp_path):
    shown, form = frames([1, 1]), SequenceFormat(width=47, height=33)
    notes = {}
    for suffix in (".mp4", ".webm"):
        buffer = io.BytesIO()
        notes[suffix] = write_clip(buffer, suffix, Output(form=form, durations=[1, 1]), iter(shown))
        clip = open_clip(stored(tmp_path, buffer.getvalue(), suffix))
        assert (clip.form.width, clip.form.height) == ((48, 34) if suffix == ".mp4" else (47, 33))
    assert "even sizes" in notes[".mp4"][0] and not notes[".webm"]


def test_transparency_needs_a_format_that_has_it():
    form = SequenceFormat(width=47, height=33, alpha=True)
    with pytest.raises(DlicError, match="transparency"):
        write_clip(io.BytesIO(), ".mp4", Output(form=form, durations=[1]), iter(frames([1], alpha=True)))


# --- sound --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".webm", "libopus"), (".mkv", "flac"), (".mov", "pcm_s16le")])
def test_sound_is_copied_packet_by_packet(tmp_path, suffix, codec):
    if codec not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no {codec}")
    path = stored(tmp_path, video_file([100] * 5, suffix, sound=codec, height=34, width=48), suffix)
    clip = open_clip(path)
    packets = [item for item in clip.items() if isinstance(item, TrackPacket)]
    assert len(clip.tracks) == 1 and clip.tracks[0].kind == "audio"
    assert [packet.data for packet in packets] == [packet.data for packet in sound_track(codec)[1]]
    assert sum(isinstance(item, Frame) for item in clip.items()) == 5
    assert not open_clip(path, tracks=False).tracks


def test_sound_that_a_file_cannot_hold_is_noted(tmp_path):
    tracks, packets = sound_track("flac")
    form, buffer = SequenceFormat(width=48, height=34), io.BytesIO()
    output = Output(form=form, durations=[40, 40], tracks=tracks)
    notes = write_clip(buffer, ".webm", output, iter([*packets, *frames([40, 40], height=34, width=48)]))
    assert any("flac is left out" in note for note in notes)
    assert not open_clip(stored(tmp_path, buffer.getvalue(), ".webm")).tracks


# --- geometry -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_clips_are_turned_upright(tmp_path, degrees):
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 48, 34, "yuv420p"
        stream.set_display_rotation(degrees)
        for number in range(2):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels(number, 34, 48), "rgb24")))
        output.mux(stream.encode(None))
    clip = open_clip(path)
    upright = np.rot90(pixels(0, 34, 48), degrees // 90)
    assert (clip.form.height, clip.form.width) == upright.shape[:2]
    assert np.abs(next(clip.pictures()).pixels.astype(int) - upright).mean() < 4


def raw_stream(path: Path, width: int) -> bytes:
    """A clip of this width as H.264 without a container."""
    with av.open(io.BytesIO(video_file([40] * 3, ".mkv", height=34, width=width))) as source, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return path.read_bytes()


def test_a_size_that_changes_in_the_middle_is_refused(tmp_path):
    path = tmp_path / "clip.h264"
    path.write_bytes(raw_stream(path, 48) + raw_stream(tmp_path / "other.h264", 64))
    with pytest.raises(UnreadableImageError, match="changes its size"):
        list(open_clip(path).pictures())


# --- bad input ----------------------------------------------------------------------------------------------------------


def test_files_that_are_no_video_are_a_sentence(tmp_path):
    with pytest.raises(UnreadableImageError, match="does not exist"):
        open_clip(tmp_path / "none.mp4")
    for name, data in {"noise": bytes(range(256)) * 9, "empty": b"", "text": b"a film about nothing"}.items():
        with pytest.raises(UnreadableImageError, match=r"video|frame"):
            list(open_clip(stored(tmp_path, data, f"{name}.mp4")).pictures())


def test_cut_videos_are_a_sentence_or_the_frames_before_the_cut(tmp_path):
    data = video_file([40] * 6, ".mkv", height=34, width=48)
    for end in range(0, len(data), len(data) // 12):
        try:
            shown = list(open_clip(stored(tmp_path, data[:end], ".mkv")).pictures())
        except UnreadableImageError:
            continue
        assert 1 <= len(shown) <= 6


def test_sound_alone_is_no_clip(tmp_path):
    tracks, _ = sound_track("aac")
    with pytest.raises(UnreadableImageError, match="no video"):
        open_clip(stored(tmp_path, tracks[0].template, ".mkv"))


def test_a_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(DlicError, match=r"pip install 'dlic\[video\]'"):
        pyav.load()


def test_larger_frames_than_allowed_are_refused(tmp_path):
    with pytest.raises(UnreadableImageError, match="--max-pixels"):
        open_clip(stored(tmp_path, video_file([40], height=34, width=48)), max_pixels=1000)


# --- folders, pipes, rates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [False, True])
def test_folders_of_frames_come_back_with_their_times(tmp_path, alpha):
    shown, base = frames([3, 1, 9], alpha=alpha), Fraction(1001, 24000)
    form = SequenceFormat(width=47, height=33, time_base=base, alpha=alpha, loops=0)
    write_folder(tmp_path / "frames", Output(form=form, durations=[3, 1, 9]), iter(shown))
    clip = open_clip(tmp_path / "frames")
    assert (clip.form.time_base, clip.form.loops, clip.form.alpha) == (base, 0, alpha)
    for before, after in zip(shown, clip.pictures(), strict=True):
        assert np.array_equal(before.pixels, after.pixels) and before.duration == after.duration
    assert {frame.duration for frame in open_clip(tmp_path / "frames", fps=Fraction(25)).pictures()} == {1}
    with pytest.raises(DlicError, match="exists"):
        write_folder(tmp_path / "frames", Output(form=form, durations=[3]), iter(shown))


def test_an_interrupted_folder_leaves_nothing(tmp_path):
    def interrupted():
        yield from frames([1, 1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "frames", Output(form=SequenceFormat(width=47, height=33), durations=[1]), interrupted())
    assert not list(tmp_path.iterdir())


def test_folders_without_frames_or_times_are_a_sentence(tmp_path):
    with pytest.raises(UnreadableImageError, match="no numbered image"):
        open_clip(tmp_path)
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(DlicError, match="--fps"):
        open_clip(tmp_path)
    (tmp_path / "timing.json").write_text('{"time_base": "1/25", "plays": 1, "durations": [0]}')
    with pytest.raises(UnreadableImageError, match="from 1"):
        open_clip(tmp_path)


def test_pipes_are_spooled_and_clips_recognised(tmp_path):
    data = video_file([40, 40], height=34, width=48)
    assert is_video(data[:300]) and is_clip(stored(tmp_path, data))
    with spooled(io.BytesIO(data)) as path:
        clip = open_clip(path, name="the input")
        assert len(list(clip.pictures())) == 2
        assert [(frame.pts, frame.duration) for frame in at_rate(clip, Fraction(50)).pictures()] == [(0, 1), (1, 1)]
    assert not path.exists()


def test_rates():
    assert rate("29.97") == Fraction(30000, 1001) and rate("24000/1001") == Fraction(24000, 1001) and rate("12.5") == 12.5
    for text in ("0", "-1", "nan", "x", "1/0", "1e9"):
        with pytest.raises(DlicError, match="rate"):
            rate(text)
