"""Every kind of image on the command line, with its metadata: there and back, what is said, what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from dlic.cli.main import run
from dlic.container.format import read
from dlic.formats import thumbnails
from dlic.images.files import EVERYTHING, image_bytes, read_image
from tests.cli.test_main import sentence
from tests.golden.rewrite import TINY, TINY_LIGHT
from tests.images.test_exif import parsed
from tests.images.test_files import encoded
from tests.images.test_kinds import cmyk_profile
from tests.images.test_metadata import RICH, TEXT, XMP

SIDES = {"1": (3, 3), "L": (40, 30), "LA": (40, 30), "P": (33, 17), "RGB": (1, 9), "RGBA": (64, 65)}
SHOWN = {"1": "L", "P": "RGB", "I;16": "L", "CMYK": "RGB"}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def there_and_back(name: str, *options: str, target: str = "shown.png") -> Image.Image:
    """What `dlic` shows of an image file it has compressed."""
    codec = [] if "--codec" in options else ["--weights", str(TINY)]
    assert run(["compress", name, "-o", "packed.dlic", "--force", *codec, *options]) == 0
    assert run(["decompress", "packed.dlic", "-o", target, "--force", "--weights", str(TINY)]) == 0
    return Image.open(target)


def chunks_of(path: str = "packed.dlic") -> dict[str, int]:
    return {name.decode(): len(data) for name, data in read(Path(path).read_bytes()).chunks}


@pytest.mark.parametrize("codec", [(), ("--codec", "wavelet"), ("--codec", "lossless")], ids=["learned", "wavelet", "lossless"])
@pytest.mark.parametrize("mode", SIDES)
def test_every_kind_comes_back_as_it_went_in(mode, codec, folder, photograph, capsys):
    width, height = SIDES[mode]
    image = Image.fromarray(photograph[100 : 100 + height, 200 : 200 + width])
    if mode.endswith("A"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.convert(mode).save("in.png")
    shown = there_and_back("in.png", *codec)
    assert shown.mode == SHOWN.get(mode, mode) and shown.size == image.size
    said = capsys.readouterr()
    assert said.err == ("note: the palette becomes the colours it stands for\n" if mode == "P" and "lossless" in codec else "")
    if mode.endswith("A"):
        assert (np.array(shown)[..., -1] == np.array(image)[..., -1]).all()
    assert run(["info", "packed.dlic", "--json"]) == 0
    kinds = {"L": "gray", "LA": "gray and alpha", "RGB": "RGB", "RGBA": "RGB and alpha"}
    assert json.loads(capsys.readouterr().out)["colours"] == kinds[shown.mode]


@pytest.mark.parametrize(
    ("data", "said", "mode"),
    [
        (encoded(Image.fromarray(np.full((9, 9), 3000, np.uint16)), "PNG"), "16-bit samples become 8-bit", "L"),
        (image_bytes(np.full((9, 9, 4), 3000, np.uint16)), "16-bit samples become 8-bit", "RGBA"),
        (encoded(Image.new("CMYK", (9, 9)), "JPEG"), "by Pillow's formula", "RGB"),
        (encoded(Image.new("CMYK", (9, 9)), "TIFF", icc_profile=cmyk_profile()), "through their profile", "RGB"),
        (
            encoded(Image.new("RGB", (9, 9)), "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9), "red")]),
            "first of 2 frames",
            "RGB",
        ),
    ],
)
def test_what_a_kind_loses_is_said_and_strictly_refused(data, said, mode, folder, capsys):
    Path("in.any").write_bytes(data)
    assert there_and_back("in.any").mode == mode
    assert said in capsys.readouterr().err
    assert run(["compress", "in.any", "-o", "strict.dlic", "--strict", "--weights", str(TINY)]) == 2
    assert said in sentence(capsys) and not Path("strict.dlic").exists()


def test_deep_samples_are_refused_in_a_sentence(folder, capsys):
    Image.new("F", (4, 4)).save("in.tif")
    assert run(["compress", "in.tif", "--weights", str(TINY)]) == 2
    assert "floating-point" in sentence(capsys) and not Path("in.dlic").exists()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(orientation, folder, photograph):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "a description"
    Image.fromarray(photograph[:48, :80]).save("in.jpg", exif=exif, quality=95)
    shown = there_and_back("in.jpg", target="shown.jpg")
    assert dict(shown.getexif()) == {0x0112: 1, 0x010E: "a description"}
    expected = ImageOps.exif_transpose(Image.open("in.jpg"))
    assert shown.size == expected.size
    assert np.abs(np.array(shown).astype(float) - np.array(expected)).mean() < 20


@pytest.mark.parametrize("codec", ["learned", "wavelet", "lossless"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tif"])
def test_metadata_comes_out_of_every_format(suffix, codec, folder, photograph, capsys):
    Path("in.png").write_bytes(image_bytes(photograph[:30, :40], ".png", RICH))
    there_and_back("in.png", "--codec", codec, *(["--weights", str(TINY)] if codec == "learned" else []), target=f"shown{suffix}")
    found = read_image(f"shown{suffix}", keep=EVERYTHING).metadata
    assert found.icc_profile == RICH.icc_profile and found.xmp == XMP
    assert parsed(found.exif)[0x010E] == "a description"
    comment = {"Comment": TEXT["Comment"]}
    assert found.text == {".png": TEXT, ".jpg": comment}.get(suffix, {})
    assert found.iptc == (RICH.iptc if suffix in (".png", ".jpg", ".tif") else b"")
    assert (found.dpi is None) == (suffix in (".webp", ".avif")) and (found.dpi is None or abs(found.dpi[0] - 300) < 0.1)
    lost = {".png": "", ".jpg": "text", ".tif": "text"}.get(suffix, "resolution, text, IPTC")
    assert capsys.readouterr().err == (f"note: {lost} not kept: {suffix} has no place for it\n" if lost else "")


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ([], {"iccp", "exif", "xmp ", "dpi ", "text", "iptc"}),
        (["--strip", "all"], set()),
        (["--strip", "exif", "--strip", "xmp"], {"iccp", "dpi ", "text", "iptc"}),
        (["--strip", "icc,text, dpi"], {"exif", "xmp ", "iptc"}),
    ],
)
def test_strip_leaves_out(options, left, folder, photograph):
    Path("in.png").write_bytes(image_bytes(photograph[:8, :8], ".png", RICH))
    there_and_back("in.png", *options)
    assert set(chunks_of()) == left


def test_strip_and_jpeg(folder, photograph, capsys):
    Path("in.png").write_bytes(image_bytes(photograph[:8, :8], ".png", RICH))
    assert run(["compress", "in.png", "--codec", "jpeg", "--strip", "icc,text"]) == 0
    found = read_image("in.jpg", keep=EVERYTHING).metadata
    assert found.given == ["exif", "xmp", "dpi", "iptc"] and found.xmp == XMP
    assert capsys.readouterr().err == "note: text not kept: .jpg has no place for it\n"
    assert run(["compress", "in.png", "--strip", "everything"]) == 1
    assert "--strip takes all" in sentence(capsys)


def test_alpha_quality_makes_soft_edges_cheaper(folder):
    Image.merge("LA", [Image.new("L", (256, 256), 99), Image.radial_gradient("L")]).save("in.png")
    sizes = []
    for quality in ("100", "50", "5"):
        shown = np.array(there_and_back("in.png", "--alpha-quality", quality))
        sizes.append(chunks_of()["alph"])
        assert np.abs(shown[..., 1].astype(float) - Image.radial_gradient("L")).mean() < {"100": 0.001, "50": 2, "5": 8}[quality]
    assert sizes[0] > 2 * sizes[1] > 2 * sizes[2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--alpha-quality", "0"], "alpha quality"), (["--alpha-quality", "101"], "alpha quality"),
        (["--codec", "lossless", "--alpha-quality", "50"], "--alpha-quality does not go"),
        (["--codec", "jpeg", "--thumbnail", "50"], "--thumbnail does not go"),
        (["--thumbnail", "257"], "256"), (["--thumbnail", "-1"], "256"),
    ],
)  # fmt: skip
def test_options_out_of_range_are_one_sentence_and_leave_nothing(options, said, folder, capsys):
    Image.new("RGBA", (8, 8)).save("in.png")
    assert run(["compress", "in.png", *options]) == 1
    assert said in sentence(capsys) and [path.name for path in folder.iterdir()] == ["in.png"]


@pytest.mark.parametrize("codec", ["learned", "wavelet", "lossless"])
def test_a_thumbnail_shows_without_the_network(codec, folder, photograph, capsys):
    Image.fromarray(photograph[:200, :300]).save("in.png")
    there_and_back("in.png", "--codec", codec, "--thumbnail", "90", *(["--weights", str(TINY)] if codec == "learned" else []))
    assert 0 < chunks_of()["thum"] <= 3000
    commands = [["info", "packed.dlic", "--thumbnail", name] for name in ("a.jpg", "a.png", "a.webp")]
    script = f"import sys; from dlic.cli.main import run; codes = [run(command) for command in {commands!r}]; "
    script += "sys.exit(any(codes) or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0
    assert all(Image.open(name).size == (90, 60) for name in ("a.jpg", "a.png", "a.webp"))
    assert Path("a.webp").stat().st_size == chunks_of()["thum"]
    capsys.readouterr()
    assert run(["info", "packed.dlic", "--thumbnail", "a.jpg"]) == 1 and "--force" in sentence(capsys)
    assert run(["info", "packed.dlic", "--thumbnail", "a.jpg", "--force"]) == 0


def test_a_preview_of_transparency_becomes_a_jpeg_too(folder):
    Image.new("RGBA", (40, 20), (255, 0, 0, 90)).save("in.png")
    there_and_back("in.png", "--thumbnail", "16")
    assert run(["info", "packed.dlic", "--thumbnail", "a.jpg"]) == 0
    shown = np.array(Image.open("a.jpg"))
    assert np.abs(shown[4, 8].astype(int) - (255, 165, 165)).max() < 12  # over white


def test_large_pictures_have_a_thumbnail_where_it_is_cheap(folder, monkeypatch, capsys):
    monkeypatch.setattr(thumbnails, "WORTH_SHARE", 25)  # the tiny model makes small files
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (1010, 1000, 3), dtype=np.uint8)).save("in.png")
    options = ["compress", "in.png", "-o", "packed.dlic", "--force", "--weights", str(TINY_LIGHT), "--no-verify"]
    for more, has in (["-q", "100"], True), (["-q", "1"], False), (["-q", "100", "--thumbnail", "0"], False):
        assert run([*options, *more]) == 0
        assert ("thum" in chunks_of()) == has
    assert run(["info", "packed.dlic", "--thumbnail", "a.jpg"]) == 1
    assert "has no thumbnail" in sentence(capsys) and not Path("a.jpg").exists()


def test_info_tells_the_kind_and_the_chunks(folder, photograph, capsys):
    Path("in.png").write_bytes(image_bytes(np.dstack([photograph[:9, :9, :1], photograph[:9, :9, 1:2]]), ".png", RICH))
    there_and_back("in.png")
    capsys.readouterr()
    assert run(["info", "packed.dlic", "-v"]) == 0
    line = capsys.readouterr().out
    assert "gray and alpha" in line
    assert all(f"chunk {name} {size:,} bytes" in line for name, size in chunks_of().items())


def test_metadata_that_reads_back_differently_is_not_put_in_place(folder, photograph, monkeypatch, capsys):
    Path("in.png").write_bytes(image_bytes(photograph[:9, :9], ".png", RICH))
    honest = Path.read_bytes

    def lying(path: Path) -> bytes:
        data = honest(path)
        return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if path.suffix == ".part" else data

    monkeypatch.setattr(Path, "read_bytes", lying)
    assert run(["compress", "in.png", "--weights", str(TINY)]) == 4
    assert "was not written" in sentence(capsys)


def test_a_damaged_chunk_ends_with_two(folder, photograph, capsys):
    Path("in.png").write_bytes(image_bytes(photograph[:9, :9], ".png", RICH))
    there_and_back("in.png")
    whole = Path("packed.dlic").read_bytes()
    capsys.readouterr()
    for position in range(len(whole) - 200, len(whole), 7):
        Path("packed.dlic").write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        for command in (["decompress", "packed.dlic", "-o", "again.png"], ["info", "packed.dlic"]):
            assert run(command) == 2
            sentence(capsys)
