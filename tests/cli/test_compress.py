"""Qualities, targets and efforts on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlic.cli import values
from dlic.cli.main import run
from dlic.container.format import read
from dlic.errors import DlicError
from dlic.metrics.registry import psnr
from tests.golden.rewrite import TINY


@pytest.fixture(scope="module")
def picture(tmp_path_factory, photograph) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "photo.png"
    Image.fromarray(photograph[100:300, 200:430]).save(path)
    return path


def compressed(picture: Path, folder: Path, *options: str) -> Path:
    target = folder / "photo.dlic"
    assert run(["compress", str(picture), "-o", str(target), "--model", "light-1", "--force", *options]) == 0
    return target


def test_quality_sets_the_rate(picture, tmp_path):
    sizes = [compressed(picture, tmp_path, "-q", quality).stat().st_size for quality in ("1", "30", "60", "100")]
    assert sizes == sorted(set(sizes))
    assert compressed(picture, tmp_path).stat().st_size == sizes[2]  # 60 is the default


def test_a_target_size_is_kept_and_printed(picture, tmp_path, capsys):
    target = compressed(picture, tmp_path, "--target-size", "4k", "--json")
    figures = json.loads(capsys.readouterr().out)
    assert target.stat().st_size == figures["size"] == figures["bytes"] <= 4000
    assert figures["level"] == read(target.read_bytes()).level


def test_a_target_psnr_is_reached_in_the_decoded_picture(picture, tmp_path, capsys):
    target = compressed(picture, tmp_path, "--target-psnr", "33")
    assert "PSNR 33." in capsys.readouterr().out
    decoded = tmp_path / "decoded.png"
    assert run(["decompress", str(target), "-o", str(decoded), "--force"]) == 0
    original, shown = (np.array(Image.open(path)) for path in (picture, decoded))
    assert psnr(original, shown) >= 33


def test_target_ms_ssim_and_bpp(picture, tmp_path, capsys):
    compressed(picture, tmp_path, "--target-ms-ssim", "0.96", "--json")
    figures = json.loads(capsys.readouterr().out)
    assert figures["ms-ssim"] >= 0.96 and figures["ms_ssim_scales"] == 5
    compressed(picture, tmp_path, "--target-ms-ssim", "0.96")
    assert "scales" not in capsys.readouterr().out
    compressed(picture, tmp_path, "--target-bpp", "0.5", "--json")
    assert json.loads(capsys.readouterr().out)["bpp"] <= 0.5


def test_ms_ssim_of_fewer_scales_says_so(photograph, tmp_path, capsys):
    small = tmp_path / "small.png"
    Image.fromarray(photograph[100:160, 200:290]).save(small)
    compressed(small, tmp_path, "--target-ms-ssim", "0.9")
    assert " of 3 scales\n" in capsys.readouterr().out
    compressed(small, tmp_path, "--target-ms-ssim", "0.9", "--json")
    assert json.loads(capsys.readouterr().out)["ms_ssim_scales"] == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-q", "0"], "quality"),
        (["-q", "101"], "quality"),
        (["-q", "50", "--target-size", "4k"], "one of"),
        (["--target-size", "lots"], "no size"),
        (["--target-size", "20"], "smallest"),
        (["--target-psnr", "99"], "best"),
        (["--target-psnr", "nan"], "target"),
        (["--effort", "10"], "effort"),
        (["--effort", "-1"], "effort"),
    ],
)
def test_wishes_that_cannot_be_granted_are_one_sentence_and_leave_nothing(options, said, picture, tmp_path, capsys):
    target = tmp_path / "photo.dlic"
    assert run(["compress", str(picture), "-o", str(target), "--model", "light-1", *options]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("dlic: ") and "\n" not in error and said in error
    assert not target.exists()


def test_a_tune_chooses_the_checkpoint_of_a_file(picture, tmp_path, capsys):
    target = tmp_path / "photo.dlic"
    for tune, name in (("psnr", "light-1"), ("ms-ssim", "light-1-ms-ssim")):
        assert run(["compress", str(picture), "-o", str(target), "--tune", tune, "--force", "--no-verify"]) == 0
        capsys.readouterr()
        assert run(["info", str(target)]) == 0
        assert f"checkpoint {name}, tuned for {tune}\n" in capsys.readouterr().out
        assert run(["info", str(target), "-v"]) == 0
        assert ", level " in capsys.readouterr().out
        assert run(["info", str(target), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["tune"] == tune
    assert run(["compress", str(picture), "-o", str(tmp_path / "same.dlic"), "--tune", "psnr", "--model", "light-1"]) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tune", "speed"], "a checkpoint is tuned for visual, psnr, ms-ssim; not for 'speed'"),
        (["--tune", "ms-ssim", "--model", "light-1"], "light-1 is tuned for psnr, not for ms-ssim"),
        (["--tune", "ms-ssim", "--weights", str(TINY)], "tiny is tuned for psnr, not for ms-ssim"),
        (["--tune", "psnr", "--model", "compressai:mbt2018:1"], "--tune does not go with --model compressai:mbt2018:1"),
        (["--tune", "psnr", "--codec", "jpeg"], "--tune does not go with --codec jpeg"),
    ],
)
def test_a_tune_that_contradicts_is_one_sentence(options, said, picture, tmp_path, capsys):
    assert run(["compress", str(picture), "-o", str(tmp_path / "photo.dlic"), *options]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("dlic: ") and "\n" not in error and said in error
    assert not (tmp_path / "photo.dlic").exists()


def test_a_checkpoint_of_one_rate_takes_no_effort(picture, tmp_path, capsys):
    options = ["--weights", str(TINY), "--effort", "1"]
    assert run(["compress", str(picture), "-o", str(tmp_path / "a.dlic"), *options]) == 1
    assert "effort" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "size"),
    [("40000", 40_000), ("40k", 40_000), ("1.5M", 1_500_000), ("40KiB", 40_960), ("2kB", 2000), (" 7 ", 7), ("2G", 2 * 10**9)],
)
def test_sizes(text, size):
    assert values.size(text) == size


@pytest.mark.parametrize("text", ["", "k", "-3", "4 0", "1e5", "10T", "nan"])
def test_what_is_no_size(text):
    with pytest.raises(DlicError, match="no size"):
        values.size(text)
