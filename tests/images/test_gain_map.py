"""Gain maps of JPEG files come back in JPEG files byte by byte, and are said to be left out everywhere else."""

import io
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, MpoImagePlugin

import dlic
from dlic.cli.main import run
from dlic.container.chunks import GAIN_MAP, pack
from dlic.errors import CorruptFileError, DlicError, UnreadableImageError
from dlic.formats import metadata_chunks
from dlic.images import gain_map, jpeg
from dlic.images.files import EVERYTHING, image_bytes, read_image
from dlic.images.metadata import Metadata, Part
from dlic.images.sources.scan import scan
from tests.images.test_files import encoded

ISO = jpeg.GAIN_MAP + bytes(4)
RDF = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"{more}'
    "</rdf:RDF></x:xmpmeta>"
)
DIRECTORY = (
    ' xmlns:C="http://ns.google.com/photos/1.0/container/" xmlns:I="http://ns.google.com/photos/1.0/container/item/">'
    '<C:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><C:Item I:Semantic="Primary" I:Mime="image/jpeg"/></rdf:li>'
    '<rdf:li rdf:parseType="Resource"><C:Item I:Semantic="{semantic}" I:Mime="image/jpeg" I:Length="{length}"{padding}/></rdf:li>'
    "</rdf:Seq></C:Directory></rdf:Description>"
)
GRAY = np.random.default_rng(4).integers(0, 256, (12, 16), dtype=np.uint8)
PICTURE = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def with_segments(file: bytes, *segments: tuple[int, bytes]) -> bytes:
    return file[:2] + b"".join(jpeg.written(*segment) for segment in segments) + file[2:]


MAP = with_segments(
    encoded(Image.fromarray(GRAY), "JPEG"), (0xE1, jpeg.XMP + RDF.format(more="/>").encode()), (0xE2, ISO + b"more")
)


def packet(length: int = len(MAP), semantic: str = "GainMap", padding: str = "") -> bytes:
    return RDF.format(more=DIRECTORY.format(length=length, semantic=semantic, padding=padding)).encode()


def ultra_hdr(*segments: tuple[int, bytes], xmp: bytes | None = None, between: bytes = b"", behind: bytes = b"") -> bytes:
    """As phones write it: the picture with its statements, and the map behind."""
    file = encoded(Image.fromarray(PICTURE), "JPEG", quality=95)
    stated = packet() if xmp is None else xmp
    return with_segments(file, *([(0xE1, jpeg.XMP + stated)] if stated else []), (0xE2, ISO), *segments) + between + MAP + behind


def checked(file: bytes) -> Metadata:
    """The metadata of a JPEG file whose gain map is MAP, by Pillow, by its index, by its XMP, and as dlic reads it."""
    with MpoImagePlugin.MpoImageFile(io.BytesIO(file)) as image:  # `Image.open` shows Ultra HDR as a JPEG of one frame
        assert image.n_frames == 2 and image.size == PICTURE.shape[1::-1]
        image.seek(1)
        assert (np.asarray(image) == np.asarray(Image.open(io.BytesIO(MAP)))).all()
    at = file.index(jpeg.PICTURES) + len(jpeg.PICTURES)
    _, size, *_ = struct.unpack(">IIIHH", file[at + 50 : at + 66])
    _, of_map, offset, *_ = struct.unpack(">IIIHH", file[at + 66 : at + 82])
    assert size == len(file) - len(MAP) and of_map == len(MAP) and file[at + offset :] == MAP
    found = read_image(file, keep=EVERYTHING, strict=True)
    assert gain_map.data_of(found.metadata) == MAP and found.notes == ()
    for length in re.findall(rb'Length="(\d+)"', found.metadata.xmp):
        assert int(length) == len(MAP)
    return found.metadata


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_and_back(folder, capsys):
    Path("in.jpg").write_bytes(ultra_hdr())
    assert run(["compress", "in.jpg", "--strict", "--codec", "wavelet", "-o", "a.dlic"]) == 0
    assert "gain map is kept, and only .jpg" in capsys.readouterr().err
    assert run(["decompress", "a.dlic", "-o", "a.jpg", "--strict"]) == 0
    assert capsys.readouterr().err == ""
    assert checked(Path("a.jpg").read_bytes()).xmp == packet() and ISO in Path("a.jpg").read_bytes()[: -len(MAP)]
    for options in ((), ("--progressive",)):  # dlic's own JPEG codec
        assert run(["compress", "a.jpg", "--strict", "--force", "-o", "b.jpg", *options]) == 0
        assert checked(Path("b.jpg").read_bytes()).xmp == packet() and capsys.readouterr().err == ""
    assert dlic.read(Path("b.jpg").read_bytes()).pixels.shape == PICTURE.shape


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".avif", ".bmp"])
def test_other_outputs_say_that_it_is_left_out(suffix, folder, capsys):
    Path("in.jpg").write_bytes(ultra_hdr())
    assert run(["compress", "in.jpg", "--codec", "wavelet", "-o", "a.dlic"]) == 0
    capsys.readouterr()
    assert run(["decompress", "a.dlic", "--strict", "-o", f"a{suffix}"]) != 0 and not Path(f"a{suffix}").exists()
    assert "gain map not kept" in capsys.readouterr().err
    assert run(["decompress", "a.dlic", "-o", f"a{suffix}"]) == 0 and "gain map not kept" in capsys.readouterr().err
    data = Path(f"a{suffix}").read_bytes()
    assert b"hdrgm:Version" not in data and b"Directory" not in data and MAP not in data


def test_a_crop_leaves_it_out(folder, capsys):
    Path("in.jpg").write_bytes(ultra_hdr())
    assert run(["compress", "in.jpg", "--codec", "wavelet", "-o", "a.dlic"]) == 0
    cut = ["decompress", "a.dlic", "--crop", "1,2,9,8", "-o", "a.jpg"]
    assert run([*cut, "--strict"]) != 0 and not Path("a.jpg").exists()
    assert run(cut) == 0 and "gain map of the whole picture not kept" in capsys.readouterr().err
    assert Path("a.jpg").read_bytes().count(b"\xff\xd8\xff") == 1 and b"hdrgm:Version" not in Path("a.jpg").read_bytes()
    part = dlic.read(Path("a.dlic").read_bytes(), crop=(1, 2, 9, 8))
    assert not gain_map.data_of(part.metadata) and part.notes


@pytest.mark.parametrize("what", ["xmp", "other", "all", "text"])
def test_it_is_stripped_with_what_says_what_it_is(what, folder, capsys):
    Path("in.jpg").write_bytes(ultra_hdr())
    compress = ["compress", "in.jpg", "--codec", "wavelet", "-o", "a.dlic", "--force", "--strip", what]
    assert (run([*compress, "--strict"]) == 0) == (what != "xmp")  # nobody named the gain map
    capsys.readouterr()
    assert run(compress) == 0
    said = capsys.readouterr().err
    assert ("not kept" in said) == (what == "xmp") and ("gain map is kept" in said) == (what == "text")
    found = dlic.read(Path("a.dlic").read_bytes()).metadata
    assert bool(gain_map.data_of(found)) == (b"hdrgm:Version" in found.xmp) == (what == "text")


def left_out(file: bytes) -> Metadata:
    """The metadata of a file whose gain map is said to be left out, and refused if strict."""
    found = read_image(file, keep=EVERYTHING)
    assert any("gain map" in note or "further picture" in note for note in found.notes), found.notes
    assert not gain_map.data_of(found.metadata) and b"hdrgm:Version" not in found.metadata.xmp
    with pytest.raises(UnreadableImageError, match="--strict"):
        read_image(file, keep=EVERYTHING, strict=True)
    return found.metadata


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_leaves_it_out(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = ultra_hdr((0xE1, b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")))
    if orientation == 1:
        checked(image_bytes(PICTURE, ".jpg", read_image(file, keep=EVERYTHING, strict=True).metadata))
    else:
        assert left_out(file).orientation == 1


def test_what_belongs_to_more_than_a_map_is_left_out_with_it():
    moving = packet().replace(
        b'hdrgm:Version="1.0"', b'hdrgm:Version="1.0" xmlns:G="http://ns.google.com/photos/1.0/camera/" G:MotionPhoto="1"'
    )
    other_edition = ultra_hdr().replace(ISO, jpeg.GAIN_MAP + b"\0\1\0\1", 1)
    for file in (
        ultra_hdr(xmp=packet(semantic="Depth")),
        ultra_hdr(xmp=moving),
        ultra_hdr(xmp=b"<hdr-gain-map/1.0/"),
        other_edition,
    ):
        left_out(file)
    still = moving.replace(b'Photo="1"', b'Photo="0"')
    assert gain_map.data_of(read_image(ultra_hdr(xmp=still), keep=EVERYTHING, strict=True).metadata) == MAP
    damaged = ultra_hdr()[: -len(MAP) // 2]
    left_out(damaged)
    left_out(ultra_hdr(between=b"something"))


def test_what_stands_behind_the_map_is_said():
    found = read_image(ultra_hdr(between=bytes(7), behind=b"SEFT of a phone"), keep=EVERYTHING)
    assert gain_map.data_of(found.metadata) == MAP and found.notes == ("15 bytes behind the picture not kept",)


@pytest.mark.parametrize(
    "wrong", [packet(length=3), packet(padding=' I:Padding="7"'), packet().replace(b' I:Length="%d"' % len(MAP), b"")]
)
def test_lengths_in_xmp_are_put_right(wrong):
    kept = checked(image_bytes(PICTURE, ".jpg", read_image(ultra_hdr(xmp=wrong), keep=EVERYTHING, strict=True).metadata))
    assert b'Length="%d"' % len(MAP) in kept.xmp and b'Padding="7"' not in kept.xmp and b"hdrgm:Version" in kept.xmp


def test_without_xmp_pillow_opens_both_pictures():
    with Image.open(io.BytesIO(image_bytes(PICTURE, ".jpg", read_image(ultra_hdr(xmp=b""), keep=EVERYTHING).metadata))) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)


def test_without_a_container_the_packet_stays():
    bare = RDF.format(more="/>").encode()
    for xmp in (bare, b""):
        assert (
            checked(image_bytes(PICTURE, ".jpg", read_image(ultra_hdr(xmp=xmp), keep=EVERYTHING, strict=True).metadata)).xmp == xmp
        )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 90))
def test_an_index_that_lies_changes_nothing(pictures, size, offset, cut):
    """The map is where it is; counts above two are other pictures, which are said."""
    index = b"MM\0*" + struct.pack(">IH", 8, 3) + struct.pack(">HHI4s", 0xB000, 7, 4, b"0100")
    index += struct.pack(">HHII", 0xB001, 4, 1, pictures) + struct.pack(">HHIII", 0xB002, 7, 32, 50, 0)
    index += struct.pack(">IIIHH", 0x30000, size, 0, 0, 0) + struct.pack(">IIIHH", 0, size, offset, 0, 0)
    found = scan(ultra_hdr((0xE2, jpeg.PICTURES + index[:cut])), "JPEG")
    assert gain_map.data_of(found.metadata) == MAP and found.left_out == ()
    checked(image_bytes(PICTURE, ".jpg", found.metadata))


def test_a_map_above_the_limit_is_left_out(monkeypatch):
    monkeypatch.setattr(gain_map, "MAX_SIZE", len(MAP) - 1)
    left_out(ultra_hdr())


def test_no_other_bytes_are_a_gain_map():
    for data in (b"", b"\xff\xd8\xff", MAP[:-1], MAP + b"x"):
        with pytest.raises(DlicError, match="gain map is a whole JPEG"):
            Part(*gain_map.NAME, data)
        with pytest.raises(CorruptFileError, match="gain map"):
            metadata_chunks.read(((GAIN_MAP, pack(data)),))
    with pytest.raises(DlicError, match="one gain map"):
        Metadata(parts=(Part(*gain_map.NAME, MAP),) * 2)


def test_its_chunk_is_one_of_its_own():
    metadata = Metadata(xmp=packet(), parts=(Part("JPEG", "APP9", b"x"), Part(*gain_map.NAME, MAP)))
    chunks = metadata_chunks.write(metadata)
    assert [name for name, _ in chunks] == [b"xmp ", b"part", b"gmap"] and metadata_chunks.read(chunks) == metadata
    alone = Metadata(parts=metadata.parts[1:])
    assert [name for name, _ in metadata_chunks.write(alone)] == [b"gmap"]


def test_pillow_sees_no_map_that_it_would_not_turn(tmp_path):
    import dlic.integrations.pillow  # noqa: F401  (registers the format)

    coded = tmp_path / "a.dlic"
    (tmp_path / "in.jpg").write_bytes(ultra_hdr())
    assert run(["compress", str(tmp_path / "in.jpg"), "--codec", "wavelet", "-o", str(coded)]) == 0
    with Image.open(coded) as image:
        assert not image.info.get("parts") and b"hdrgm:Version" not in image.info["xmp"]
