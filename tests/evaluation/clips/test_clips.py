"""`dlic evaluate` and `dlic report` on clips, with real encoders."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dlic.cli.main import run
from dlic.errors import DlicError
from dlic.evaluation.clips import codecs
from dlic.evaluation.clips.measure import measure, psnr_yuv
from dlic.evaluation.clips.run import read_run
from dlic.evaluation.clips.source import read_source
from dlic.images.video.yuv import Planes
from tests.images.video.sample_clips import video_file

av = pytest.importorskip("av", reason="PyAV is the extra video")


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """A folder of two videos of four frames."""
    folder = tmp_path_factory.mktemp("clips")
    for number, size in enumerate([(64, 96), (48, 64)]):
        data = video_file([40] * 4, ".mkv", height=size[0], width=size[1])
        (folder / f"clip{number}.mkv").write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def source(clips):
    return read_source(clips / "clip0.mkv", 3)


def test_a_source_has_the_planes_of_the_file(source, clips):
    with av.open(str(clips / source.name)) as container:
        first = next(container.decode(video=0)).to_ndarray()
    assert np.array_equal(source.planes[0].y, first[:64])
    assert len(source.planes) == 3 and source.rate == 25 and source.is_video
    assert source.planes[0].y.shape == (64, 96) and source.planes[0].cb.shape == (32, 48)


@pytest.mark.parametrize("name", ["x264", "x265", "svt-av1", "vp9", "x264-ld", "webp", "avif"])
def test_peers_rise_with_their_qualities(source, name):
    if name not in codecs.present():
        pytest.skip(f"this build has no {name}")
    codec = codecs.open_codec(name)
    low, high = (measure(codec, quality, source) for quality in (codec.qualities[0], codec.qualities[-1]))
    assert low.bytes < high.bytes and low.metrics["psnr"] < high.metrics["psnr"]
    assert len(high.psnr_of_frames) == 3 and high.metrics["psnr_yuv"] > 30
    assert high.bpp == 8 * high.bytes / (64 * 96 * 3)


def test_programs_of_ffmpeg(source):
    from dlic.peers.video import ffmpeg_program

    if not ffmpeg_program.has("encoders", "libx264"):
        pytest.skip("there is no ffmpeg with libx264")
    codec = ffmpeg_program.FfmpegCodec("libx264", {"crf": "10"})
    planes = list(codec.decompress(codec.compress(source.planes, Fraction(25))))
    assert len(planes) == 3 and psnr_yuv(source.planes[0], planes[0]) > 40
    if ffmpeg_program.has("filters", "libvmaf"):
        worse = [Planes(p.y // 16 * 16, p.cb, p.cr) for p in source.planes]
        assert ffmpeg_program.vmaf(source.planes, worse, Fraction(25)) < ffmpeg_program.vmaf(source.planes, planes, Fraction(25))


def test_weights_of_planes():
    flat = [np.full(shape, 100, np.uint8) for shape in ((8, 8), (4, 4), (4, 4))]
    original = Planes(*flat)
    assert psnr_yuv(original, original) == 100
    shown = Planes(flat[0] + np.uint8(1), flat[1], flat[2])
    assert psnr_yuv(original, shown) == pytest.approx((6 * 48.1308 + 200) / 8, abs=1e-3)


def test_an_evaluation_is_continued_compared_and_shown(clips, tmp_path, capsys):
    out = tmp_path / "run"
    words = ["evaluate", str(clips), "--codecs", "x264,webp,x264-ld", "--frames", "3", "--out", str(out)]
    assert run([*words, "--figure", str(tmp_path / "frames.svg")]) == 0
    text = capsys.readouterr().out
    assert "random access" in text and "low delay" in text and "BD-rate of x264 veryslow (random access)" in text
    assert (tmp_path / "frames.svg").stat().st_size > 1000
    before = (out / "clip_rows.jsonl").read_text()
    assert run([*words, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert (out / "clip_rows.jsonl").read_text() == before, "nothing is measured twice"
    assert set(results["compared"]) == {"random access", "low delay"} and "x264-ld" not in results["compared"]["random access"]
    kept = read_run(out)
    assert len(kept.rows) == 2 * (6 + 6 + 6)
    rates = kept.compared("webp", "x264", "psnr")
    assert rates.mean == pytest.approx(np.mean(list(rates.of_clips.values()))) and len(rates.of_clips) == 2
    with pytest.raises(DlicError, match="never compared"):
        kept.compared("x264", "x264-ld", "psnr")
    assert run(["report", str(out)]) == 0
    page = (out / "report.html").read_text()
    assert "Content-Security-Policy" in page and page.count('type="text/plain"') == 2 * 4
    assert run(["evaluate", str(clips), "--codecs", "x264", "--frames", "2", "--out", str(out)]) == 1
    assert "--force" in capsys.readouterr().err


def test_own_sequences_are_measured(source):
    codec = codecs.open_codec("dlic-ld")
    row = measure(codec, 30, source)
    assert row.metrics["psnr"] > 20 and len(row.psnr_of_frames) == 3


def test_own_codecs_differ_by_their_options():
    own = {
        codec.name: codec for codec in map(codecs.open_codec, ("dlic", "dlic-ld", "dlic-psnr", "dlic-psnr-intra", "dlic-psnr-ld"))
    }
    assert own["dlic-psnr-ld"].command == "dlic compress --tune psnr --low-delay -q QUALITY"
    assert own["dlic-psnr-intra"].label == "dlic --tune psnr, key frames only"
    assert "key frames by light-1, others by light-1-inter" in own["dlic-psnr"].identity
    assert len({codec.identity for codec in own.values()}) == 5
    assert {codec.setting for name, codec in own.items() if name.endswith("-ld")} == {codecs.LOW_DELAY}
    assert codecs.open_codec("dlic", model="light-1").command == "dlic compress --model light-1 -q QUALITY"


def test_unknown_codecs_and_metrics_are_a_sentence(clips, capsys):
    assert run(["evaluate", str(clips), "--codecs", "h269"]) == 1 and "h269" in capsys.readouterr().err
    assert run(["evaluate", str(clips), "--codecs", "x264", "--metrics", "lpips"]) == 1 and "lpips" in capsys.readouterr().err
