"""Pixels to bytes and back through a real checkpoint, at every size and content; damage never becomes a picture."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlic
from dlic.checkpoints.manifest import read_manifest
from dlic.container.format import read, write
from dlic.container.units import CodedUnit
from dlic.entropy.coder import CODERS, coder_of, encode
from dlic.entropy.parity import Repair, groups_of_steps
from dlic.entropy.parts import Part, Path, Symbols
from dlic.errors import CorruptFileError
from dlic.learned.codec import load_codec
from dlic.learned.tiles.plan import Tiling
from dlic.metrics.registry import psnr
from dlic.pixels.rectangles import Rectangle
from dlic.storage.files import written_whole
from tests.golden.rewrite import TINY, TINY_LIGHT

CODEC, LIGHT = load_codec(TINY), load_codec(TINY_LIGHT)
CONTENTS = {
    "black": lambda h, w: np.zeros((h, w, 3), np.uint8),
    "white": lambda h, w: np.full((h, w, 3), 255, np.uint8),
    "noise": lambda h, w: np.random.default_rng(0).integers(0, 256, (h, w, 3), dtype=np.uint8),
    "ramp": lambda h, w: np.broadcast_to(np.linspace(100, 156, w).astype(np.uint8)[None, :, None], (h, w, 3)).copy(),
}


@pytest.mark.parametrize("weights", [TINY, TINY_LIGHT], ids=lambda path: path.name)
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (65, 257), (16, 16), (1, 300), (129, 2)])
@pytest.mark.parametrize("content", CONTENTS)
def test_every_size_and_content_comes_back_in_shape(size, content, weights):
    image = CONTENTS[content](*size)
    decoded = dlic.decompress(dlic.compress(image, weights=weights), weights=weights)
    assert decoded.shape == image.shape and decoded.dtype == np.uint8
    if weights == TINY and content in ("black", "white"):
        assert np.abs(decoded.astype(int) - image).max() <= 8


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32), st.integers(0, 63))
@settings(max_examples=40)
def test_symbols_survive_and_pixels_are_those_of_the_encoder(height, width, seed, level):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    for codec in (CODEC, LIGHT):
        encoded = codec.encode(image, level % codec.levels)
        unit = codec.unit.encode(codec.unit.analyse(image, Rectangle(0, 0, width, height)), level % codec.levels)
        assert (codec.symbols(read(encoded.data)).values == unit.symbols.values).all()
        assert (codec.decompress(encoded.data) == codec.picture(encoded)).all()


def test_rate_rises_with_the_level(photograph):
    analysed = LIGHT.analyse(photograph)
    sizes = [len(LIGHT.encode_at(analysed, level).data) for level in range(0, 64, 9)]
    assert sizes == sorted(set(sizes))


def test_a_level_the_checkpoint_does_not_have_is_damage():
    with pytest.raises(dlic.CorruptFileError, match="level 3"):
        dlic.decompress(write(dataclasses.replace(read(small_file()), level=3)), weights=TINY)


def test_a_photograph_is_close_to_its_original(photograph):
    data = dlic.compress(photograph, weights=TINY)
    assert len(data) < photograph.size / 10
    assert psnr(photograph, dlic.decompress(data, weights=TINY)) > 27  # what 24 coefficients of a 16×16 DCT give


def test_the_estimate_is_within_one_percent_of_the_file(photograph):
    for encoded in (CODEC.encode(photograph), LIGHT.encode(photograph, 40)):
        assert len(encoded.data) * 8 == pytest.approx(encoded.estimated_bits, rel=0.01)


def test_views_and_foreign_memory_orders_give_the_same_file(photograph):
    crop = photograph[10:60, 20:90]
    expected = dlic.compress(np.ascontiguousarray(crop), weights=TINY)
    assert dlic.compress(crop, weights=TINY) == expected
    assert dlic.compress(np.asfortranarray(crop), weights=TINY) == expected


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4)), np.zeros((4, 4, 5), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8), "photo"],
)
def test_what_is_no_rgb_array_is_refused(image):
    with pytest.raises(dlic.DlicError, match="image must"):
        dlic.compress(image, weights=TINY)


def small_file(weights=TINY) -> bytes:
    return dlic.compress(CONTENTS["noise"](20, 20), weights=weights)


@pytest.mark.parametrize("weights", [TINY, TINY_LIGHT], ids=lambda path: path.name)
def test_every_truncation_and_every_flipped_byte_is_one_of_our_errors(weights):
    whole = small_file(weights)
    damaged = [whole[:n] for n in range(len(whole))]
    damaged += [whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :] for i in range(len(whole))]
    for data in damaged:
        with pytest.raises(dlic.CorruptFileError):
            dlic.decompress(data, weights=weights)


@given(st.data())
@settings(max_examples=50)
def test_a_stream_that_is_not_what_was_encoded_never_becomes_a_picture(data):
    """Damage that fixes the outer checksum is caught by the checksum of the symbols."""
    import dataclasses

    from dlic.container.format import write

    weights = data.draw(st.sampled_from([TINY, TINY_LIGHT]))
    container = read(small_file(weights))
    position = data.draw(st.integers(0, len(container.stream) - 1))
    stream = bytearray(container.stream)
    stream[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(dlic.CorruptFileError):
        dlic.decompress(write(dataclasses.replace(container, stream=bytes(stream))), weights=weights)


def test_a_file_of_another_checkpoint_names_it():
    import dataclasses

    from dlic.container.format import write

    foreign = write(dataclasses.replace(read(small_file()), model=b"\xaa" * 8))
    with pytest.raises(dlic.UnknownCheckpointError, match="aaaaaaaa"):
        dlic.decompress(foreign, weights=TINY)
    with pytest.raises(dlic.UnknownCheckpointError, match="not on this machine"):
        dlic.decompress(foreign)


def test_a_small_file_cannot_ask_for_a_huge_picture():
    import dataclasses

    from dlic.container.format import write

    huge = write(dataclasses.replace(read(small_file()), width=2**32, height=2**32))
    with pytest.raises(dlic.CorruptFileError, match="limit"):
        dlic.decompress(huge, weights=TINY)


@pytest.mark.parametrize("data", ["text", None, 7])
def test_what_is_no_bytes_is_refused(data):
    with pytest.raises(dlic.CorruptFileError, match="bytes"):
        dlic.decompress(data)


@pytest.mark.parametrize("tiled", [False, True])
def test_a_header_that_says_too_much_is_refused_before_anything_is_allocated(tiled, monkeypatch):
    image = np.zeros((65, 70, 3), np.uint8)
    codec = dataclasses.replace(LIGHT, tiling=Tiling(side=64, above=0)) if tiled else LIGHT
    data = codec.compress(image, 20)
    huge = dataclasses.replace(read(data), width=200_000, height=200_000)
    low = codec.within(None, 65 * 70 - 1)
    for reader, container in ((codec, huge), (low, read(data))):
        with monkeypatch.context() as patched:
            for part, name in ((codec.unit.deployed.rows, "hyper_rows"), (codec.unit.deployed.decoder, "synthesise")):
                patched.setattr(type(part), name, lambda *words: pytest.fail("it has begun"))
            for method in (reader.decode, reader.symbols, reader.crcs, reader.recover):
                with pytest.raises(CorruptFileError, match="above the limit"):
                    method(container)
            for method in (reader.decompress, reader.estimated_bits):
                with pytest.raises(CorruptFileError, match="above the limit"):
                    method(write(container))
    assert codec.within(None, 65 * 70).decompress(data).shape == image.shape
    if tiled:
        assert low.decode(read(data), Rectangle(3, 3, 60, 60)).image.shape == (60, 60, 3)


def test_a_checkpoint_exported_again_into_its_folder_is_loaded_again(tmp_path, photograph):
    """Files made after the export must name the weights that are in the folder then."""
    folder, image = tmp_path / "mine", photograph[:20, :30]
    folder.mkdir()
    for source in (TINY, TINY_LIGHT, TINY):
        for path in source.iterdir():
            with written_whole(folder / path.name, overwrite=True) as file:  # as `export` writes
                file.write(path.read_bytes())
        data = dlic.compress(image, weights=folder)
        assert read(data).model == read_manifest(source).fingerprint[:8]
        assert (dlic.decompress(data, weights=folder) == dlic.decompress(data, weights=source)).all()
        assert load_codec(folder) is load_codec(folder)


@pytest.mark.parametrize("tiled", [False, True])
def test_a_level_that_the_model_does_not_have_is_refused(tiled):
    codec = dataclasses.replace(LIGHT, tiling=Tiling(side=64, above=0)) if tiled else LIGHT
    container = read(codec.compress(np.zeros((65, 70, 3), np.uint8), 20))
    for level in (64, 255):
        with pytest.raises(CorruptFileError, match=r"beyond the 64|does not match"):
            codec.decode(dataclasses.replace(container, level=level))


# --- models of other paths ------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class ThreeLatents:
    """Rows of a toy model: those of y depend on symbols of z, and those of z on symbols of w."""

    rows: int

    def path(self, size: tuple[int, int], level: int) -> Path:
        height, width = size
        w = yield Part("w", np.full((height, width, 2), 30, np.uint8))
        z = yield Part("z", (30 + np.abs(w) + np.arange(2)) % self.rows)
        yield Part("y", (20 + np.abs(z).repeat(3, axis=2)) % self.rows, np.zeros((height, width, 6), np.uint8))


@pytest.mark.parametrize("number", sorted(CODERS))
def test_a_unit_codec_parses_models_of_other_latents(number):
    """Of which it knows nothing but the path of their symbols."""
    tables, rng = LIGHT.unit.tables, np.random.default_rng(number)
    rows = ThreeLatents(64)
    codec = dataclasses.replace(LIGHT.unit, deployed=dataclasses.replace(LIGHT.unit.deployed, rows=rows))

    def chosen(part: Part) -> np.ndarray:
        symbols = tables.clip(np.rint(3 * rng.normal(size=part.shape)), part.rows)
        even = symbols.astype(np.float32).ravel()
        for groups in groups_of_steps(part, tables) if coder_of(number).even else ():
            Repair(tables, 1.0)(even, even.copy(), part.rows.ravel(), groups)
        return even.reshape(part.shape).astype(np.int32)

    symbols = Symbols.of(rows.path((5, 7), 40), chosen)
    unit = CodedUnit(
        width=7 * 16, height=5 * 16, level=40, coder=number, model=codec.fingerprint[:8],
        symbols_crc=symbols.crc, stream=encode(symbols, coder_of(number), tables),
    )  # fmt: skip
    found = codec.parse(unit)
    assert [coded.part.name for coded in found.parts] == ["w", "z", "y"] and (found.values == symbols.values).all()
    with pytest.raises(CorruptFileError, match="symbols"):
        codec.parse(dataclasses.replace(unit, symbols_crc=symbols.crc ^ 1))


def test_results_with_arrays_compare_by_identity():
    image = np.zeros((20, 30, 3), np.uint8)
    one, other = LIGHT.analyse(image), LIGHT.analyse(image)
    pairs = [(one, other), (LIGHT.encode_at(one, 5), LIGHT.encode_at(other, 5)), (LIGHT.unit.tables, CODEC.unit.tables)]
    data = LIGHT.compress(image, 5)
    pairs.append((LIGHT.decode(read(data)), LIGHT.decode(read(data))))
    assert all(left == left and left != right for left, right in pairs)
