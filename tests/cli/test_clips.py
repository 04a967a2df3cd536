"""`dlic compress`, `decompress` and `info` of clips, through the command line."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlic.cli.clip_options import seconds
from dlic.cli.main import run
from dlic.errors import DlicError
from dlic.images.video.opening import open_clip
from tests.images.video.sample_clips import pixels
from tests.learned.sequence.clips import typing

DURATIONS = [40, 60, 50, 900, 30, 70]  # milliseconds


@pytest.fixture(scope="module")
def animation(tmp_path_factory) -> Path:
    """A GIF of six frames, which plays for ever."""
    path = tmp_path_factory.mktemp("clips") / "clip.gif"
    first, *others = (Image.fromarray(pixels(number, 40, 56)) for number in range(6))
    first.save(path, save_all=True, append_images=others, duration=DURATIONS, loop=0)
    return path


@pytest.fixture(scope="module")
def sequence(animation) -> Path:
    """The same as a .dlic file."""
    assert run(["compress", str(animation), "-q", "50"]) == 0
    return animation.with_suffix(".dlic")


def durations_of(path: Path) -> list[float]:
    clip = open_clip(path)
    return [float(frame.duration * clip.form.time_base * 1000) for frame in clip.pictures()]


def output(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("suffix", [".apng", ".webp", ".gif", ".avif"])
def test_an_animation_keeps_its_frames_times_and_loop(sequence, tmp_path, suffix):
    target = tmp_path / f"again{suffix}"
    assert run(["decompress", str(sequence), "-o", str(target)]) == 0
    assert durations_of(target) == DURATIONS and open_clip(target).form.loops == 0
    shown = list(open_clip(target).pictures())
    assert all(np.abs(frame.pixels.astype(int) - pixels(number, 40, 56)).mean() < 8 for number, frame in enumerate(shown))


def test_frames_become_a_folder_and_a_sequence_again(sequence, tmp_path, capsys):
    frames, again = tmp_path / "frames", tmp_path / "again.dlic"
    assert run(["decompress", str(sequence), "-o", str(frames)]) == 0
    assert [path.name for path in sorted(frames.glob("*.png"))] == [f"{number:06d}.png" for number in range(6)]
    assert run(["compress", str(frames), "-o", str(again), "--low-delay"]) == 0
    capsys.readouterr()
    assert run(["info", "--json", str(again)]) == 0
    figures = output(capsys)
    assert figures["types"] == {"key": 1, "P": 5} and figures["loops"] == 0 and figures["seconds"] == sum(DURATIONS) / 1000
    assert [round(ticks * 10) for ticks in figures["groups"][0]["durations"]] == DURATIONS


def test_a_folder_of_other_programs_needs_a_rate(tmp_path, capsys):
    (tmp_path / "frames").mkdir()
    for number in range(3):
        Image.fromarray(pixels(number, 24, 32)).save(tmp_path / "frames" / f"shot-{number:03d}.png")
    assert run(["compress", str(tmp_path / "frames")]) == 2 and "-r" in capsys.readouterr().err
    assert run(["compress", str(tmp_path / "frames"), "--fps", "12.5", "-q", "20"]) == 0
    capsys.readouterr()
    assert run(["info", "--json", str(tmp_path / "frames.dlic")]) == 0
    assert output(capsys)["seconds"] == 3 / 12.5


def test_info_draws_the_groups_and_decodes_nothing(sequence, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlic.learned.sequence.codec", None)
    assert run(["info", str(sequence)]) == 0
    text = capsys.readouterr().out
    assert "6 frames in 1.150 s, for ever" in text and "K" in text and "key frame" in text
    assert run(["info", "--json", str(sequence)]) == 0
    figures = output(capsys)
    assert figures["frames"] == 6 and sum(figures["types"].values()) == 6 and len(figures["groups"][0]["bytes"]) == 6


def test_a_recording_says_how_much_of_it_is_exact(tmp_path, capsys):
    frames, path = [Image.fromarray(x) for x in typing(3, size=(64, 96))], tmp_path / "typing.apng"
    frames[0].save(path, "PNG", save_all=True, append_images=frames[1:], duration=100)
    sizes = {}
    for content in ("auto", "photo"):
        target = tmp_path / f"{content}.dlic"
        assert run(["compress", str(path), "--content", content, "-o", str(target)]) == 0
        capsys.readouterr()
        assert run(["info", str(target), "--json"]) == 0
        figures = output(capsys)
        sizes[content] = target.stat().st_size
        assert (figures["exact"] > 0.3 and figures["exact_others"] > 0) == (content == "auto")
    assert sizes["auto"] < sizes["photo"] and run(["info", str(tmp_path / "auto.dlic")]) == 0
    assert "stored exactly" in capsys.readouterr().out
    assert run(["compress", str(path), "--content", "film", "-o", str(tmp_path / "film.dlic")]) == 1
    assert "content is one of" in capsys.readouterr().err


def test_a_stretch_has_its_times_alone(sequence, tmp_path):
    target = tmp_path / "part.apng"
    assert run(["decompress", str(sequence), "-o", str(target), "--from", "0.07s", "--to", "1.1"]) == 0
    assert durations_of(target) == [30, 50, 900, 30, 20]
    assert run(["decompress", str(sequence), "-o", str(target), "--from", "5s", "--force"]) == 1
    assert run(["decompress", str(sequence), "-o", str(target), "--from", "2s", "--to", "1s", "--force"]) == 1


def test_half_of_the_rate_takes_the_same_time(sequence, tmp_path):
    target = tmp_path / "half.webp"
    assert run(["decompress", str(sequence), "-o", str(target), "--half-rate"]) == 0
    durations = durations_of(target)
    assert len(durations) < 6 and sum(durations) == sum(DURATIONS)


def test_one_frame_is_a_picture(sequence, tmp_path, capsys):
    for number in (0, 5):
        target = tmp_path / f"{number}.png"
        assert run(["decompress", str(sequence), "-o", str(target), "--frame", str(number)]) == 0
        assert np.abs(np.array(Image.open(target)).astype(int) - pixels(number, 40, 56)).mean() < 6
    assert run(["decompress", str(sequence), "-o", str(tmp_path / "6.png"), "--frame", "6"]) == 1
    assert "no frame 6" in capsys.readouterr().err
    assert run(["decompress", str(sequence), "-o", str(tmp_path / "clip.jpg")]) == 1
    assert "--frame" in capsys.readouterr().err


def test_targets_are_met(animation, tmp_path, capsys):
    for option, value, holds in (
        ("--target-size", "1500", lambda figures: figures["bytes"] <= 1500),
        ("--target-bitrate", "12k", lambda figures: 6000 < figures["bytes"] * 8 / 1.15 < 15000),
    ):
        assert run(["compress", str(animation), option, value, "-o", str(tmp_path / f"{option}.dlic"), "--json"]) == 0
        figures = output(capsys)
        assert holds(figures) and figures["bytes"] > 600
    assert run(["compress", str(animation), "--target-size", "20", "-o", str(tmp_path / "small.dlic")]) == 1
    assert "cannot be made to fit" in capsys.readouterr().err and not (tmp_path / "small.dlic").exists()


def test_psnr_is_reached(animation, tmp_path):
    from dlic.metrics.registry import psnr

    target, again = tmp_path / "psnr.dlic", tmp_path / "again.apng"
    assert run(["compress", str(animation), "--target-psnr", "28", "-o", str(target)]) == 0
    assert run(["decompress", str(target), "-o", str(again)]) == 0
    values = [psnr(a.pixels, b.pixels) for a, b in zip(open_clip(animation).pictures(), open_clip(again).pictures(), strict=True)]
    assert np.mean(values) >= 28


def test_a_still_is_the_first_frame(animation, tmp_path, capsys):
    target = tmp_path / "still.dlic"
    assert run(["compress", str(animation), "--still", "-o", str(target)]) == 0
    assert "only the first of 6 frames" in capsys.readouterr().err
    assert run(["info", "--json", str(target)]) == 0
    assert output(capsys)["codec"] == "learned"


class _Standard:
    """Standard input and output as bytes."""

    def __init__(self, monkeypatch, data: bytes = b""):
        self.output = io.BytesIO()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(self.output))


def test_pipes(animation, monkeypatch, tmp_path):
    pytest.importorskip("av", reason="PyAV is the extra video")
    compressed = _Standard(monkeypatch, animation.read_bytes())
    assert run(["compress", "-", "-o", "-"]) == 0
    shown = _Standard(monkeypatch, compressed.output.getvalue())
    assert run(["decompress", "-"]) == 0
    (tmp_path / "clip.mkv").write_bytes(shown.output.getvalue())
    assert durations_of(tmp_path / "clip.mkv") == DURATIONS


def test_wrong_options_are_a_sentence(animation, sequence, tmp_path, capsys):
    picture = tmp_path / "picture.png"
    Image.fromarray(pixels(0)).save(picture)
    for words in (
        ["compress", str(picture), "--fps", "25"],
        ["compress", str(picture), "--low-delay"],
        ["compress", str(animation), "--fps", "fast"],
        ["compress", str(animation), "--target-bpp", "1"],
        ["compress", str(animation), "-q", "50", "--target-bitrate", "1M"],
        ["decompress", str(sequence), "--crop", "0,0,8,8", "-o", str(tmp_path / "crop.webp")],
        ["decompress", str(sequence), "--frame", "1", "--half-rate"],
        ["decompress", str(sequence), "--from", "soon"],
    ):
        assert run([*words, "--force"]) == 1
        assert capsys.readouterr().err.count("\n") == 1


def test_damaged_sequences(sequence, tmp_path, capsys):
    data = sequence.read_bytes()
    for name, damaged in {"cut": data[: len(data) // 2], "flipped": data[:300] + bytes([data[300] ^ 8]) + data[301:]}.items():
        path = tmp_path / f"{name}.dlic"
        path.write_bytes(damaged)
        assert run(["decompress", str(path), "-o", str(tmp_path / "whole.webp")]) == 2
        assert not (tmp_path / "whole.webp").exists()
        assert run(["decompress", str(path), "--partial", "-o", str(tmp_path / f"{name}.webp")]) in (0, 2)
    assert capsys.readouterr().err


def test_interrupted_compression_leaves_nothing(animation, tmp_path, monkeypatch):
    from dlic.learned.sequence import encoder

    def interrupted(*arguments, **options):
        yield b"head"
        raise KeyboardInterrupt

    monkeypatch.setattr(encoder, "encode_sequence", interrupted)
    assert run(["compress", str(animation), "-o", str(tmp_path / "clip.dlic")]) == 130
    assert not list(tmp_path.iterdir())


def test_times_of_the_command_line():
    assert [float(seconds(text, "--from")) for text in ("12.5s", "800ms", "1:02.5", "1:00:00", "3")] == [12.5, 0.8, 62.5, 3600, 3]
    for text in ("", "-1", "1:2:3:4", "1:30ms", "1/0"):
        with pytest.raises(DlicError, match="--from"):
            seconds(text, "--from")


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".webm", "libopus")])
def test_sound_goes_through_packet_by_packet(tmp_path, suffix, codec):
    av = pytest.importorskip("av", reason="PyAV is the extra video")
    from tests.images.video.sample_clips import sound_track, video_file

    source, file, again = tmp_path / f"a{suffix}", tmp_path / "a.dlic", tmp_path / f"b{suffix}"
    source.write_bytes(video_file([100] * 4, suffix, sound=codec, height=34, width=48))
    assert run(["compress", str(source), "-q", "30"]) == 0 and run(["decompress", str(file), "-o", str(again)]) == 0
    with av.open(str(again)) as container:
        heard = [bytes(packet) for packet in container.demux(audio=0) if packet.dts is not None]
    assert heard == [packet.data for packet in sound_track(codec)[1]]
    assert run(["compress", str(source), "-q", "30", "--strip", "audio", "--force"]) == 0
    assert run(["decompress", str(file), "-o", str(again), "--force"]) == 0
    assert not open_clip(again).tracks and durations_of(again) == [100] * 4


def test_an_output_has_the_colour_of_its_source(tmp_path):
    pytest.importorskip("av", reason="PyAV is the extra video")
    from dlic.pixels.frames import VideoColour
    from tests.images.video.sample_clips import video_file

    colour = VideoColour(primaries=9, transfer=16, matrix=9, full_range=True, siting=1, subsampling=420)
    (tmp_path / "a.mp4").write_bytes(video_file([40, 40], colour=colour, height=34, width=48))
    assert run(["compress", str(tmp_path / "a.mp4")]) == 0
    assert run(["decompress", str(tmp_path / "a.dlic"), "-o", str(tmp_path / "b.mkv")]) == 0
    assert open_clip(tmp_path / "b.mkv").form.colour == colour


def test_a_missing_extra_is_a_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(200))
    monkeypatch.setitem(sys.modules, "av", None)
    assert run(["compress", str(tmp_path / "a.mp4")]) == 1
    assert "pip install 'dlic[video]'" in capsys.readouterr().err


def test_a_file_that_pyav_cannot_read_is_a_sentence(tmp_path, capsys):
    pytest.importorskip("av", reason="PyAV is the extra video")
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(200))
    assert run(["compress", str(tmp_path / "a.mp4")]) == 2
    assert "is not a video that PyAV can read" in capsys.readouterr().err
    assert not (tmp_path / "a.dlic").exists()


def test_the_options_of_the_documentation_exist(capsys):
    text = (Path(__file__).parents[2] / "docs" / "sequences.md").read_text(encoding="utf-8")
    lines = [line.split("#")[0] for line in text.splitlines() if line.startswith("dlic ")]
    assert len(lines) > 15
    for line in lines:
        command, options = line.split()[1], [word for word in line.split() if word.startswith("--")]
        capsys.readouterr()
        run([command, "--help"])
        text_of_help = capsys.readouterr().out
        assert all(option in text_of_help for option in options), line


def test_a_sequence_without_frames_is_a_sentence(tmp_path, capsys):
    from dlic.checkpoints.local import choose
    from dlic.checkpoints.manifest import stated_fingerprint
    from dlic.container.sequence import SequenceHead, write_head
    from dlic.pixels.frames import SequenceFormat

    model = bytes.fromhex(stated_fingerprint(choose(None, None)))[:8]
    head = SequenceHead(form=SequenceFormat(width=640, height=360), key_model=model, inter_model=model)
    (tmp_path / "none.dlic").write_bytes(write_head(head))
    assert run(["info", str(tmp_path / "none.dlic")]) == 0 and "no frame" in capsys.readouterr().out
    assert run(["decompress", str(tmp_path / "none.dlic"), "-o", str(tmp_path / "none.webp")]) in (1, 2)
    assert "no frame" in capsys.readouterr().err and not (tmp_path / "none.webp").exists()
