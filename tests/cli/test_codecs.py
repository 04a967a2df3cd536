"""Every codec on the command line: there and back, what it refuses, what it says, and that it needs no torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

import dlic
from dlic.classical.jpeg.codec import JpegCodec
from dlic.classical.lossless.codec import LosslessCodec
from dlic.cli import values
from dlic.cli.main import run
from dlic.formats.registry import CODECS
from dlic.images.files import image_bytes
from dlic.images.samples import read_samples
from dlic.metrics.registry import psnr
from tests.cli.test_main import sentence
from tests.conftest import ROOT

CLASSICAL = [name for name in CODECS if name not in ("learned", "sequence")]


@pytest.fixture(scope="module")
def pixels(photograph) -> np.ndarray:
    return photograph[100:163, 200:297]


@pytest.fixture
def picture(tmp_path, pixels) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


def there_and_back(picture: Path, *options: str) -> tuple[Path, Path]:
    """What compress and decompress write beside `picture`."""
    before = set(picture.parent.iterdir())
    assert run(["compress", str(picture), *options]) == 0
    (packed,) = set(picture.parent.iterdir()) - before
    unpacked = packed.parent / f"{packed.name}.png"
    assert run(["decompress", str(packed)]) == 0
    return packed, unpacked


@pytest.mark.parametrize("codec", CLASSICAL)
def test_there_and_back_beside_the_input(codec, picture, pixels, capsys):
    packed, unpacked = there_and_back(picture, "--codec", codec)
    assert packed.suffix == CODECS[codec].endings[0]
    shown = np.array(Image.open(unpacked))
    assert shown.shape == pixels.shape and psnr(shown, pixels) >= (100 if codec == "lossless" else 30)
    assert f"→ {packed} {values.shown_size(packed.stat().st_size)} (" in capsys.readouterr().out


@pytest.mark.parametrize("codec", ["jpeg", "wavelet"])
def test_gray_stays_gray_and_quality_sets_the_rate(codec, picture, pixels):
    Image.fromarray(pixels[..., 1]).save(picture)
    sizes = []
    for quality in ("20", "90"):
        packed, unpacked = there_and_back(picture, "--codec", codec, "-q", quality)
        sizes.append(packed.stat().st_size)
        assert Image.open(unpacked).mode == "L"
        packed.unlink(), unpacked.unlink()
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("options", [(), ("--progressive",), ("--subsampling", "4:4:4"), ("--trellis",)])
def test_jpeg_options_reach_the_file(options, picture, pixels):
    packed, unpacked = there_and_back(picture, "--codec", "jpeg", *options)
    image = Image.open(packed)
    assert image.format == "JPEG" and bool(image.info.get("progressive")) == ("--progressive" in options)
    assert (image.layer[0][1:3] == (1, 1)) == ("4:4:4" in options)
    settings = {"progressive": "--progressive" in options, "trellis": "--trellis" in options}
    settings["subsampling"] = "4:4:4" if "4:4:4" in options else "4:2:0"
    assert packed.read_bytes() == JpegCodec(75, **settings).compress(pixels)
    assert np.abs(np.array(Image.open(unpacked)).astype(int) - np.array(image)).max() <= 2


def test_jpeg_keeps_profile_and_exif_and_so_does_decompress(picture, pixels, capsys):
    exif = Image.Exif()
    exif[0x010E] = "a description"
    profile = bytes(16) + b"RGB " + bytes(108)
    Image.fromarray(pixels).save(picture, exif=exif, icc_profile=profile)
    for path in there_and_back(picture, "--codec", "jpeg"):
        image = Image.open(path)
        assert dict(image.getexif()) == {0x010E: "a description"} and image.info["icc_profile"] == profile
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_lossless_gives_back_every_sample_in_its_depth(channels, dtype, picture):
    rng = np.random.default_rng(0)
    samples = rng.integers(0, np.iinfo(dtype).max + 1, (20, 31, channels)).astype(dtype)
    samples = samples[..., 0] if channels == 1 else samples
    picture.write_bytes(image_bytes(samples))
    packed, unpacked = there_and_back(picture, "--codec", "lossless")
    found = read_samples(unpacked).pixels
    assert found.dtype == dtype and found.shape == samples.shape and (found == samples).all()
    assert (LosslessCodec().decompress(packed.read_bytes()) == samples).all()


def test_lossless_refuses_to_lose_on_either_way(picture, tmp_path, capsys):
    picture.write_bytes(b"P6\n2 2\n65535\n" + bytes(24))
    assert run(["compress", str(picture), "--codec", "lossless"]) == 2
    assert "cannot be read exactly" in sentence(capsys) and not picture.with_suffix(".dlic").exists()
    picture.write_bytes(image_bytes(np.zeros((3, 4, 4), np.uint16)))
    assert run(["compress", str(picture), "--codec", "lossless"]) == 0
    capsys.readouterr()
    assert run(["decompress", str(picture.with_suffix(".dlic")), "-o", str(tmp_path / "a.webp")]) == 1
    assert "16-bit" in sentence(capsys) and not (tmp_path / "a.webp").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--codec", "morse"], "no codec 'morse'"),
        (["--codec", "jpeg", "--effort", "3"], "--effort does not go with --codec jpeg; it takes --quality"),
        (["--codec", "jpeg", "--target-size", "4k"], "--target-size does not go"),
        (["--codec", "wavelet", "--subsampling", "4:2:0"], "--subsampling does not go"),
        (["--codec", "lossless", "-q", "90"], "--quality does not go"),
        (["--codec", "lossless", "--progressive"], "--progressive does not go with --codec lossless"),
        (["--trellis"], "--trellis does not go"),
        (["--codec", "wavelet", "-q", "50", "--target-size", "4k"], "one of"),
        (["--codec", "jpeg", "-q", "0"], "quality"),
        (["--codec", "jpeg", "--subsampling", "4:5:6"], "4:5:6"),
        (["--codec", "wavelet", "-q", "101"], "quality"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence_and_leave_nothing(options, said, picture, capsys):
    assert run(["compress", str(picture), *options]) == 1
    assert said in sentence(capsys)
    assert [path.name for path in picture.parent.iterdir()] == [picture.name]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_that_a_camera_held_askew_is_shown_upright(orientation, tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", exif=exif)
    assert run(["decompress", str(tmp_path / "photo.jpg"), "-o", str(tmp_path / "photo.png")]) == 0
    shown = np.array(ImageOps.exif_transpose(Image.open(tmp_path / "photo.jpg")))
    assert (np.array(Image.open(tmp_path / "photo.png")) == shown).all()


def test_broken_exif_hides_no_picture(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", exif=b"Exif\0\0MM\0*" + b"\xff" * 30)
    assert dlic.decompress((tmp_path / "photo.jpg").read_bytes()).shape == pixels.shape


def test_a_wavelet_file_keeps_to_its_size(picture):
    packed, _ = there_and_back(picture, "--codec", "wavelet", "--target-size", "1k")
    assert packed.stat().st_size <= 1000


def test_a_wavelet_file_fills_the_size_it_may_have(picture):
    packed, _ = there_and_back(picture, "--codec", "wavelet", "--target-size", "7k")
    assert 6500 < packed.stat().st_size <= 7000


def test_a_truncated_wavelet_file_shows_what_there_is(picture, pixels, capsys):
    packed, unpacked = there_and_back(picture, "--codec", "wavelet", "-q", "90")
    whole, quality = packed.read_bytes(), []
    for share in (0.2, 0.5, 1):
        packed.write_bytes(whole[: round(share * len(whole))])
        capsys.readouterr()
        assert run(["decompress", str(packed), "--partial", "--force"]) == 0
        assert "% of the picture's data is there" in capsys.readouterr().err
        quality.append(psnr(pixels, np.array(Image.open(unpacked))))
    assert quality == sorted(set(quality))
    packed.write_bytes(whole[:-100])
    assert run(["decompress", str(packed), "--force"]) == 2
    assert "truncated" in sentence(capsys)


@pytest.mark.parametrize("codec", ["learned", "lossless"])
def test_of_other_files_all_or_nothing_is_shown(codec, picture, capsys):
    packed, unpacked = there_and_back(picture, "--codec", codec)
    whole = unpacked.read_bytes()
    assert run(["decompress", str(packed), "--partial", "--force"]) == 0
    assert unpacked.read_bytes() == whole
    packed.write_bytes(packed.read_bytes()[:-40])
    capsys.readouterr()
    assert run(["decompress", str(packed), "--partial", "--force"]) == 2
    assert f"no part of this {codec} file can be shown" in sentence(capsys) and unpacked.read_bytes() == whole


def test_a_folder_is_shown_as_far_as_it_goes(picture, tmp_path, capsys):
    folder = tmp_path / "packed"
    folder.mkdir()
    for codec, name in (("wavelet", "cut.dlic"), ("lossless", "whole.dlic"), ("jpeg", "as.jpg")):
        assert run(["compress", str(picture), "--codec", codec, "-o", str(folder / name)]) == 0
    (folder / "cut.dlic").write_bytes((folder / "cut.dlic").read_bytes()[:-40])
    assert run(["decompress", str(folder), "-r", "-o", str(tmp_path / "back"), "--partial"]) == 0
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == ["as.jpg.png", "cut.dlic.png", "whole.dlic.png"]


@pytest.mark.parametrize("codec", CLASSICAL)
def test_a_file_that_reads_back_differently_is_not_put_in_place(codec, picture, monkeypatch, capsys):
    honest = Path.read_bytes

    def lying(path: Path) -> bytes:
        data = honest(path)
        return data[:-40] + bytes([data[-40] ^ 0x10]) + data[-39:] if path.suffix == ".part" else data

    monkeypatch.setattr(Path, "read_bytes", lying)
    assert run(["compress", str(picture), "--codec", codec]) == 4
    assert "was not written" in sentence(capsys)
    assert [path.name for path in picture.parent.iterdir()] == [picture.name]


@pytest.mark.parametrize("codec", CLASSICAL)
def test_damaged_files_end_with_two_and_leave_nothing(codec, picture, tmp_path, capsys):
    assert run(["compress", str(picture), "--codec", codec]) == 0
    packed = picture.with_suffix(CODECS[codec].endings[0])
    whole = packed.read_bytes()
    capsys.readouterr()
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        packed.write_bytes(whole[:length])
        for command in (["decompress", str(packed)], ["info", str(packed)]):
            code = run(command)
            assert code == 2 or (command[0] == "info" and codec == "jpeg"), (length, command)
            if code == 2:
                sentence(capsys)
        assert not packed.with_name(f"{packed.name}.png").exists()


@pytest.mark.parametrize("codec", CLASSICAL)
def test_huge_pictures_need_a_flag(codec, picture, capsys):
    assert run(["compress", str(picture), "--codec", codec]) == 0
    packed = str(picture.with_suffix(CODECS[codec].endings[0]))
    capsys.readouterr()
    assert run(["decompress", packed, "--max-pixels", "6110"]) == 2
    assert "--max-pixels" in sentence(capsys)
    assert run(["decompress", packed, "--max-pixels", "6111"]) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--codec", "jpeg", "--progressive"], ["JPEG, 97 × 63", "progressive, colour 4:2:0"]),
        (["--codec", "jpeg", "--subsampling", "4:2:2"], ["baseline, colour 4:2:2"]),
        (["--codec", "lossless"], [".dlic version 2, 97 × 63", "lossless, RGB, 8 bits a sample"]),
        (["--codec", "wavelet"], [".dlic version 2", "wavelet, RGB"]),
        ([], ["checkpoint light-2-visual"]),
    ],
)
def test_info_tells_about_each_kind(options, words, picture, capsys):
    assert run(["compress", str(picture), "-o", str(picture.parent / "packed"), *options]) == 0
    capsys.readouterr()
    assert run(["info", str(picture.parent / "packed")]) == 0
    line = capsys.readouterr().out
    assert all(word in line for word in words), line
    assert run(["info", str(picture.parent / "packed"), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["width"], figures["height"], figures["codec"]) == (97, 63, options[1] if "--codec" in options else "learned")


@pytest.mark.parametrize("codec", CLASSICAL)
def test_classical_codecs_load_no_torch(codec, picture):
    packed = picture.with_suffix(".packed")
    commands = [["compress", str(picture), "-o", str(packed), "--codec", codec], ["decompress", str(packed)], ["info", str(packed)]]
    script = (
        "import sys; from dlic.cli.main import run; "
        f"codes = [run(command) for command in {commands!r}]; sys.exit(any(codes) or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False).returncode == 0
