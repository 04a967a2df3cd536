"""Codecs and networks for programs: from_pretrained and PyTorch Hub, with a stand-in for Hugging Face."""

import json
import shutil
import subprocess
import sys
import types
from functools import partial

import numpy as np
import pytest
import torch

import dlic
from dlic.checkpoints.local import default_name, find
from dlic.checkpoints.manifest import CARD, MANIFEST, WEIGHTS, read_manifest
from dlic.errors import DlicError, DownloadError, UnknownCheckpointError
from dlic.learned.pretrained import network_of
from tests.conftest import ROOT
from tests.golden.rewrite import TINY, TINY_LIGHT
from tests.learned.exact.pages import page_with_photograph

GRAPHS = {path.name for path in TINY_LIGHT.glob("*.onnx")}


@pytest.fixture
def hugging_face(tmp_path, monkeypatch):
    """A huggingface_hub that knows someone/tiny: the folder it serves, and what it was asked for."""
    monkeypatch.setenv("DLIC_CHECKPOINTS", str(tmp_path / "downloads"))
    served, asked = tmp_path / "served", []
    shutil.copytree(TINY_LIGHT, served)
    (served / "pytorch_model.bin").write_bytes(b"a pickle nobody asked for")

    def snapshot_download(repo_id, *, revision=None, allow_patterns=None):
        asked.append((repo_id, revision))
        if repo_id != "someone/tiny":
            raise OSError(f"404 Client Error for {repo_id}.\nMake sure you are logged in.")
        target = tmp_path / "cache" / "snapshots" / (revision or "main")
        target.mkdir(parents=True, exist_ok=True)
        for path in (path for pattern in allow_patterns for path in served.glob(pattern)):
            shutil.copy(path, target)
        return str(target)

    module = types.ModuleType("huggingface_hub")
    module.snapshot_download, served_by = snapshot_download, types.SimpleNamespace(folder=served, asked=asked)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return served_by


def test_a_repository_gives_the_same_files_as_its_folder(hugging_face, photograph, tmp_path):
    codec = dlic.from_pretrained("someone/tiny", revision="v1")
    image = photograph[:40, :50]
    data = codec.compress(image, 33)
    assert data == dlic.from_pretrained(TINY_LIGHT).compress(image, 33)
    assert (codec.decompress(data) == dlic.decode(data, weights=TINY_LIGHT)).all()
    assert hugging_face.asked == [("someone/tiny", "v1")]
    assert {path.name for path in (tmp_path / "cache" / "snapshots" / "v1").iterdir()} <= {WEIGHTS, MANIFEST, CARD, *GRAPHS}


def test_what_a_repositorys_codec_makes_decodes_without_it(hugging_face, photograph, tmp_path, monkeypatch):
    data = dlic.from_pretrained("someone/tiny").compress(photograph[:20, :30])
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    shutil.rmtree(tmp_path / "cache")
    assert (dlic.decode(data) == dlic.decode(data, weights=TINY_LIGHT)).all()
    assert dlic.from_pretrained("someone--tiny").fingerprint == dlic.from_pretrained(TINY_LIGHT).fingerprint


def test_another_revision_takes_the_place_of_the_first(hugging_face, tmp_path):
    first = dlic.from_pretrained("someone/tiny", "v1")
    shutil.rmtree(hugging_face.folder)
    shutil.copytree(TINY, hugging_face.folder)
    second = dlic.from_pretrained("someone/tiny", "v2")
    assert first.fingerprint != second.fingerprint == dlic.from_pretrained(TINY).fingerprint
    assert read_manifest(tmp_path / "downloads" / "someone--tiny").fingerprint == second.fingerprint
    assert [path.name for path in (tmp_path / "downloads").iterdir()] == ["someone--tiny"]


@pytest.mark.parametrize("damage", ["weights", "manifest", "no manifest", "no weights"])
def test_a_repository_that_is_damaged_is_refused(damage, hugging_face, tmp_path):
    weights, manifest = hugging_face.folder / WEIGHTS, hugging_face.folder / MANIFEST
    if damage == "weights":
        weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    elif damage == "manifest":
        stored = json.loads(manifest.read_text())
        manifest.write_text(json.dumps(stored | {"fingerprint": "0" * 64}))
    else:
        (manifest if damage == "no manifest" else weights).unlink()
    with pytest.raises(UnknownCheckpointError):
        dlic.from_pretrained("someone/tiny")
    assert not (tmp_path / "downloads").exists()


def test_a_fingerprint_can_be_asked_for(hugging_face):
    fingerprint = dlic.from_pretrained(TINY_LIGHT).fingerprint.hex()
    assert dlic.from_pretrained("someone/tiny", fingerprint=fingerprint[:16].upper()).name == "tiny_light"
    for other in ("0" * 16, ""):
        with pytest.raises(UnknownCheckpointError, match="fingerprint"):
            dlic.from_pretrained("someone/tiny", fingerprint=other)


def test_what_cannot_be_had_is_one_sentence(hugging_face, monkeypatch):
    with pytest.raises(DownloadError, match="someone/else cannot be had") as caught:
        dlic.from_pretrained("someone/else")
    assert "\n" not in str(caught.value)
    for missing in ("light-99", "a/b/c", "../secret", "/absolute", "", TINY / "nothing"):
        with pytest.raises(UnknownCheckpointError):
            dlic.from_pretrained(missing)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DlicError, match=r"dlic\[hub\]"):
        dlic.from_pretrained("someone/tiny")


def test_a_codec_takes_a_quality_as_everything_public_does(photograph):
    codec, image = dlic.from_pretrained(TINY_LIGHT), photograph[:40, :50]
    files = [codec.compress(image, quality) for quality in (1, None, 99, np.int64(99))]
    assert len(files[0]) < len(files[1]) < len(files[2]) and files[2] == files[3]
    assert files == [dlic.compress(image, quality, weights=TINY_LIGHT) for quality in (1, 60, 99, 99)]
    assert len(codec.compress(image, target_size=400)) <= 400
    assert len(codec.compress(image, 50, effort=2)) < len(codec.compress(image, 50))
    rgba = np.dstack([image, image[..., :1]])
    found = codec.read(codec.compress(rgba, text={"Title": "hair"}), crop=(1, 2, 9, 8))
    assert (found.pixels[..., 3] == rgba[2:10, 1:10, 3]).all() and found.metadata.text == {"Title": "hair"}


@pytest.mark.parametrize("quality", [0, 101, -1, 50.0, "60", True, np.bool_(True), np.float32(50)])
def test_other_qualities_are_one_sentence(quality, photograph):
    for compress in (dlic.from_pretrained(TINY_LIGHT).compress, partial(dlic.compress, weights=TINY_LIGHT)):
        with pytest.raises(DlicError, match="quality is a whole number from 1 to 100, not "):
            compress(photograph[:9, :9], quality)
        with pytest.raises(DlicError, match="effort is a whole number from 0 to 9, not "):
            compress(photograph[:9, :9], effort=10.5)


def test_a_tune_chooses_a_checkpoint():
    assert dlic.from_pretrained(tune="ms-ssim").name == "light-1-ms-ssim"
    assert dlic.from_pretrained().name == default_name()
    with pytest.raises(DlicError, match="light-1 is tuned for psnr, not for ms-ssim"):
        dlic.from_pretrained("light-1", tune="ms-ssim")


def test_names_of_checkpoints_on_this_machine():
    assert dlic.from_pretrained("light-1").codec is dlic.from_pretrained(find("light-1")).codec


def test_the_network_is_the_one_that_the_codec_runs(photograph):
    network, codec = network_of(TINY_LIGHT), dlic.from_pretrained(TINY_LIGHT)
    assert not network.training
    image = photograph[:64, :64]
    x = torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        x_hat = network(x, torch.tensor([30])).x_hat
    shown = x_hat[0].mul(255).round().clamp(0, 255).permute(1, 2, 0).numpy()
    decoded = codec.decompress(codec.compress(image, 48)).astype(float)
    assert np.abs(shown - decoded).mean() < 2


def test_pytorch_hub_loads_a_checkout(tmp_path):
    """In a process of its own: torch.hub puts the folder in front of everything."""
    code = f"""
import torch, numpy as np
codec = torch.hub.load({str(ROOT)!r}, "light", source="local")
image = np.full((20, 30, 3), 90, np.uint8)
assert np.abs(codec.decompress(codec.compress(image, 64)).astype(int) - 90).max() < 9
assert torch.hub.load({str(ROOT)!r}, "network", {str(TINY_LIGHT)!r}, source="local").levels == 64
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


@pytest.mark.parametrize("name", ["light-1", "light-2-visual"])
def test_a_loaded_checkpoint_writes_the_files_of_compress(name, photograph):
    """Also of pages, where errors are weighed by the measure that the checkpoint is tuned for; and in layers."""
    image, codec = page_with_photograph(photograph), dlic.from_pretrained(name)
    assert codec.compress(image, 40) == dlic.compress(image, 40, model=name)
    whole = codec.compress(image, 40, progressive=True)
    assert whole == dlic.compress(image, 40, model=name, progressive=True)
    cut = whole[:-200]
    assert (codec.read(cut, partial=True).pixels == dlic.read(cut, partial=True).pixels).all()
