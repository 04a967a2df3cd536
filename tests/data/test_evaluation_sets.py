"""Pictures of evaluation sets are known in any size, compression and way up, nothing else is, and nobody trains on them unasked."""

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from dlic.cli.main import run
from dlic.data.evaluation_sets import overlaps, read_set, refuse_overlap, shipped_sets
from dlic.data.fingerprints import BITS, SAME, distances, fingerprint, from_bytes, to_bytes
from dlic.data.module import PhotographData
from dlic.data.photographs import decode_all, find_photographs
from dlic.errors import DlicError, OverlapError
from tests.conftest import KODAK

ORIGINAL = Image.open(KODAK).convert("RGB")
UPRIGHT = fingerprint(np.asarray(ORIGINAL))[None]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def bits_apart(image: Image.Image) -> int:
    return int(distances(fingerprint(np.asarray(image.convert("RGB")))[None], UPRIGHT)[0, 0])


def found_in(*images: Image.Image) -> list[str]:
    marks = np.array([fingerprint(np.asarray(image.convert("RGB"))) for image in images])
    return [one.picture for one in overlaps(marks, shipped_sets())]


@settings(max_examples=25)
@given(
    way=st.sampled_from([None, *Image.Transpose]),
    width=st.integers(64, 1000),
    height=st.integers(64, 1000),
    quality=st.integers(10, 100),
    gray=st.booleans(),
    gamma=st.floats(0.6, 1.6),
)
def test_the_same_picture_is_found_however_it_was_changed(way, width, height, quality, gray, gamma):
    image = ORIGINAL if way is None else ORIGINAL.transpose(way)
    image = image.resize((width, height), Image.Resampling.BICUBIC).point([255 * (i / 255) ** gamma for i in range(256)] * 3)
    image = jpeg(image.convert("L").convert("RGB") if gray else image, quality)
    assert found_in(image) == ["Kodak kodim23"]


def test_each_way_up_is_no_further_away():
    ways = [ORIGINAL.transpose(way) for way in Image.Transpose]
    assert len(ways) == 7 and max(map(bits_apart, ways)) <= 2
    plain = [int((fingerprint(np.asarray(way)) != UPRIGHT[0]).sum()) for way in ways]
    assert min(plain) > SAME  # so that the eight ways are what finds them


def test_blur_noise_and_a_thin_border_change_little():
    noise = np.random.default_rng(0).normal(0, 25, (*ORIGINAL.size[::-1], 3))
    noisy = Image.fromarray(np.clip(np.asarray(ORIGINAL) + noise, 0, 255).astype(np.uint8))
    assert found_in(ORIGINAL.filter(ImageFilter.GaussianBlur(4)), noisy, ORIGINAL.crop((6, 4, 762, 508))) == ["Kodak kodim23"] * 3


def test_crops_and_larger_pictures_are_others():
    """What is not found, which the documentation says."""
    mosaic = Image.new("RGB", (1536, 1024))
    mosaic.paste(ORIGINAL, (768, 0))
    assert found_in(ORIGINAL.crop((100, 100, 500, 400)), mosaic) == []


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["noise", "blobs", "ramp", "flat"]))
def test_other_pictures_are_never_taken_for_kodak(seed, kind):
    rng = np.random.default_rng(seed)
    if kind == "noise":
        image = Image.fromarray(rng.integers(0, 256, (64, 96, 3), dtype=np.uint8))
    elif kind == "blobs":
        image = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize((300, 200), Image.Resampling.BICUBIC)
    elif kind == "ramp":
        image = Image.linear_gradient("L").resize((200, 100)).rotate(float(rng.uniform(0, 360)))
    else:
        image = Image.new("RGB", (40, 30), tuple(rng.integers(0, 256, 3).tolist()))
    assert found_in(image) == []


def test_the_shipped_pictures_are_24_and_unlike_each_other():
    (kodak,) = shipped_sets()
    assert kodak.name == "Kodak" and list(kodak.pictures) == [f"kodim{i:02}" for i in range(1, 25)]
    marks = np.array(list(kodak.pictures.values()))
    apart = distances(marks, marks) + BITS * np.eye(24, dtype=int)
    assert apart.min() > 1.5 * SAME
    assert int(distances(UPRIGHT, marks)[0, 22]) <= 2  # what is shipped was made by this code


@given(st.lists(st.booleans(), min_size=BITS, max_size=BITS))
def test_fingerprints_survive_their_bytes(bits):
    one = np.array(bits)
    assert len(to_bytes(one)) == 32 and np.array_equal(from_bytes(to_bytes(one)), one)
    with pytest.raises(ValueError):
        from_bytes(to_bytes(one)[:-1])


# --- refused for training -----------------------------------------------------------------------------------------------


@pytest.fixture
def spoiled(tmp_path, photograph):
    """Four photographs, of which two show Kodak 23."""
    folder = tmp_path / "photographs"
    (folder / "a").mkdir(parents=True)
    for i in range(2):
        Image.fromarray(np.ascontiguousarray(photograph[100 * i : 100 * i + 96, 200:328])).save(folder / f"mine{i}.png")
    ORIGINAL.resize((192, 128)).transpose(Image.Transpose.ROTATE_90).save(folder / "a" / "turned.jpg", quality=30)
    ORIGINAL.resize((96, 64)).convert("L").save(folder / "zgray.png")
    return folder


def data_of(folder, tmp_path, **options) -> PhotographData:
    return PhotographData(str(folder), crop=32, validation_crop=32, held_out=0.3, cache_dir=str(tmp_path / "cache"), **options)


def test_training_on_them_is_refused_in_one_sentence(spoiled, tmp_path):
    with pytest.raises(OverlapError, match=r"is Kodak kodim23.*--data.allow_overlap true") as refusal:
        data_of(spoiled, tmp_path).setup("fit")
    assert refusal.value.exit_code == 1 and ("turned.jpg" in str(refusal.value) or "zgray.png" in str(refusal.value))
    allowed = data_of(spoiled, tmp_path, allow_overlap=True)
    allowed.setup("fit")
    assert len(allowed.training_crops.photographs) == 3


def test_dlic_train_ends_before_the_first_step(spoiled, tmp_path, capsys):
    small = [f"--model.network.init_args.{name}" for name in ("channels=16", "latents=24", "fine_blocks=1", "coarse_blocks=1")]
    folders = ["--data.train_dir", str(spoiled), "--data.cache_dir", str(tmp_path / "cache"), "--data.crop", "32"]
    outputs = ["--trainer.logger.init_args.save_dir", str(tmp_path / "runs"), "--trainer.default_root_dir", str(tmp_path / "runs")]
    quiet = ["--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
    assert run(["train", "--config", "configs/factorized.yaml", *small, *folders, *outputs, *quiet]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dlic: ")]
    assert len(said) == 1 and "is Kodak kodim23" in said[0]
    assert not list(tmp_path.rglob("*.ckpt"))


def test_fingerprints_are_kept_beside_the_decoded_cache(spoiled, tmp_path, monkeypatch):
    paths = find_photographs(spoiled)
    first = decode_all(paths, tmp_path / "cache")
    expected = np.array([fingerprint(first.pixels(i)) for i in range(len(first))])
    one, *others = sorted((tmp_path / "cache").glob("*.fingerprint"))
    one.unlink()  # as in the cache of an earlier version
    assert len(others) == 3 and np.array_equal(first.fingerprints(), expected) and one.exists()
    monkeypatch.setattr("dlic.data.photographs.fingerprint", lambda _: pytest.fail("computed again"))
    assert np.array_equal(decode_all(paths, tmp_path / "cache").fingerprints(), expected)
    with pytest.raises(OverlapError, match=r"zgray\.png is Kodak kodim23"):
        refuse_overlap(paths, expected, shipped_sets())


def test_a_cache_that_cannot_be_written_is_used(spoiled, tmp_path):
    photographs = decode_all(find_photographs(spoiled), tmp_path / "cache")
    expected = photographs.fingerprints()
    for path in (tmp_path / "cache").glob("*.fingerprint"):
        path.unlink()
        path.mkdir()  # which cannot be written to
    assert np.array_equal(photographs.fingerprints(), expected)


def test_further_sets_are_refused_too(tmp_path, photographs, capsys):
    mine = tmp_path / "mine.json"
    assert run(["data", "fingerprint", str(photographs), "-o", str(mine), "--name", "Mine"]) == 0
    assert run(["data", "fingerprint", str(photographs), "-o", str(mine)]) == 1  # not without --force
    assert sorted(read_set(mine).pictures) == ["0", "2", "4", "deeper/1", "deeper/3", "deeper/5"]
    data_of(photographs, tmp_path).setup("fit")
    with pytest.raises(OverlapError, match=r"is Mine .* and 3 more"):
        data_of(photographs, tmp_path, evaluation_sets=[str(mine)]).setup("fit")
    capsys.readouterr()
    assert run(["data", "check", str(photographs), "--against", str(mine), "--json"]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["overlap"]["deeper/1.png"] == "Mine deeper/1" and "6 of an evaluation set" in said.err


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"name": "x"}', b'{"name": "x", "pictures": {"a": "zz"}}', b'{"name": 1, "pictures": {"a": "00"}}']
)
def test_what_is_no_set_is_one_sentence(content, tmp_path):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(DlicError, match="holds no fingerprints"):
        read_set(tmp_path / "x.json")
    with pytest.raises(DlicError, match="does not exist"):
        read_set(tmp_path / "none.json")
