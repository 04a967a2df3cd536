"""Every file kind through the registry: recognised by one kind, read, verified; and what a new kind takes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dlic
from dlic.cli.main import run
from dlic.container.format import read, write
from dlic.container.tiles import split
from dlic.errors import CorruptFileError, DlicError
from dlic.formats import registry
from dlic.formats.kind import Description, Details, Kind
from dlic.formats.reading import Reading, ReadResult
from dlic.formats.registry import CODECS, KINDS, kind_of, kind_to_write
from dlic.formats.writing import Encode, Outcome, Wishes
from dlic.images.files import ImageFile
from dlic.learned.codec import load_codec
from dlic.learned.tiles.plan import Tiling
from dlic.progress import Progress, no_progress
from tests.golden.rewrite import TINY, TINY_LIGHT

WEIGHTS = {"learned": TINY}


@pytest.fixture(scope="module")
def files(photograph) -> dict[str, bytes]:
    """A file of each codec, with transparency where there is a place for it, and a learned one in tiles."""
    picture = photograph[100:163, 200:297]
    with_alpha = ImageFile(np.dstack([picture, picture[..., :1]]))
    made = {}
    for name, kind in CODECS.items():
        wishes = Wishes(weights=WEIGHTS.get(name))
        shown = ImageFile(picture) if name == "jpeg" else with_alpha
        made[name] = kind.prepare(wishes)(shown, no_progress).data
    tiled = replace(load_codec(TINY_LIGHT), tiling=Tiling(side=64, above=0)).compress(picture)
    assert len(split(read(tiled))[1]) > 1
    return {**made, "tiles": tiled}


def weights_of(name: str) -> Path | None:
    return {"learned": TINY, "tiles": TINY_LIGHT}.get(name)


def test_exactly_one_kind_recognises_a_file(files):
    for name, data in files.items():
        assert [kind.name for kind in KINDS if kind.recognise(data)] == ["learned" if name == "tiles" else name]
        assert kind_of(data).name == registry.describe(data).kind.name


def test_a_whole_file_is_verified_and_read(files):
    for name, data in files.items():
        dlic.verify(data, weights=weights_of(name))
        assert dlic.decompress(data, weights=weights_of(name)).shape[:2] == (63, 97)


@pytest.mark.parametrize("name", ["learned", "tiles", "wavelet", "lossless"])
def test_every_changed_byte_is_found(name, files):
    data = files[name]
    for position in range(0, len(data), max(1, len(data) // 60)):
        changed = data[:position] + bytes([data[position] ^ 8]) + data[position + 1 :]
        with pytest.raises(DlicError):
            dlic.verify(changed, weights=weights_of(name))


@pytest.mark.parametrize("name", ["learned", "wavelet", "lossless"])
def test_symbols_that_are_not_those_that_were_coded_are_found(name, files):
    container = read(files[name])
    with pytest.raises(CorruptFileError):
        dlic.verify(write(replace(container, symbols_crc=container.symbols_crc ^ 1)), weights=weights_of(name))


def test_truncated_files_are_not_whole(files):
    for name, data in files.items():
        for length in range(0, len(data), max(1, len(data) // 20)):
            with pytest.raises(CorruptFileError):
                dlic.verify(data[:length], weights=weights_of(name))


def test_learned_files_are_verified_without_their_transform(files, monkeypatch):
    monkeypatch.setattr("dlic.learned.codec.LearnedCodec.decode", None)
    dlic.verify(files["learned"], weights=TINY)


def test_partial_reading_of_a_whole_file_gives_all_of_it(files):
    for name, data in files.items():
        described = registry.describe_beginning(data)
        found = described.kind.read_partial(described, Reading(weights=weights_of(name))).picture
        assert (found.pixels == dlic.decompress(data, weights=weights_of(name))).all()


def test_what_is_none_of_them_is_one_sentence():
    for data, said in ((b"", "empty"), (b"GIF89a", "not a .dlic file"), (b"\xff\xd8", "not a .dlic file")):
        with pytest.raises(CorruptFileError, match=said):
            kind_of(data)
    with pytest.raises(DlicError, match="there is no codec 'morse'; --codec is one of learned, jpeg, wavelet, lossless"):
        kind_to_write("morse", Wishes())


# --- a new kind ---------------------------------------------------------------------------------------------------------


class Plain(Kind):
    """Gray samples behind five letters and two sizes of a byte."""

    name = "plain"
    endings = (".plain",)
    takes = frozenset()

    def recognise(self, data: bytes) -> bool:
        return data.startswith(b"PLAIN")

    def describe(self, data: bytes) -> Description:
        return Description(kind=self, data=data, file_type="plain", width=data[5], height=data[6], channels=1)

    def details(self, described: Description) -> Details:
        return Details({"samples": len(described.data) - 7}, "gray as it is")

    def read(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        samples = np.frombuffer(described.data[7:], np.uint8).reshape(described.height, described.width)
        return ReadResult(ImageFile(reading.shown(samples)))

    def prepare(self, wishes: Wishes) -> Encode:
        def encode(picture: ImageFile, progress: Progress) -> Outcome:
            height, width = picture.pixels.shape
            data = b"PLAIN" + bytes([width, height]) + picture.pixels.tobytes()
            return Outcome(data, lambda written: written == data)

        return encode


def test_a_new_kind_is_one_object_and_one_line(tmp_path, monkeypatch, capsys):
    kind, pixels = Plain(), np.arange(48, dtype=np.uint8).reshape(6, 8)
    monkeypatch.setattr(registry, "KINDS", (*KINDS, kind))
    monkeypatch.setitem(CODECS, kind.name, kind)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    packed = tmp_path / "a.plain"
    assert run(["compress", str(tmp_path / "a.png"), "--codec", "plain"]) == 0
    assert (dlic.decompress(packed.read_bytes()) == pixels).all()
    assert (dlic.decompress(packed.read_bytes(), crop=(1, 2, 3, 4)) == pixels[2:6, 1:4]).all()
    capsys.readouterr()
    assert run(["info", str(packed)]) == 0
    assert capsys.readouterr().out.endswith("plain, 8 × 6, 55 bytes, gray as it is\n")
    assert run(["decompress", str(packed), "-o", str(tmp_path / "b.png")]) == 0
    assert (np.array(Image.open(tmp_path / "b.png")) == pixels).all()
    assert run(["thumbnail", str(packed), str(tmp_path / "c.png")]) == 0
    assert run(["compress", str(tmp_path / "a.png"), "--codec", "plain", "-q", "50"]) == 1
    assert "--quality does not go with --codec plain; it takes no such option" in capsys.readouterr().err
