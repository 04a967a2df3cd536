"""CompressAI's models as codecs: the streams and pictures are CompressAI's own, the names and the refusals are dlic's."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from compressai.registry import MODELS
from compressai.zoo import image, image_models, image_vbr
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import dlic
from dlic.container.format import COMPRESSAI, LEARNED, WAVELET, read, write
from dlic.container.latent_streams import pack, unpack
from dlic.errors import CorruptFileError, DlicError, DownloadError, UnknownCheckpointError
from dlic.peers.compressai.codec import CompressAICodec
from dlic.peers.compressai.zoo import ZooName, loaded_codec, open_codec, parse, zoo_qualities
from tests.conftest import ROOT
from tests.golden.rewrite import TINY
from tests.peers.compressai.tiny_zoo import ARCHITECTURES, SLOW, tiny_model, tiny_weights


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="session")
def named(folder):
    """Architecture → the name of a tiny model of it."""
    return lambda architecture, quality=3, seed=0: f"compressai:{architecture}:{quality}@{tiny_weights(architecture, folder, seed)}"


@pytest.fixture(scope="session")
def hyperprior(named) -> CompressAICodec:
    return open_codec(named("bmshj2018-hyperprior"))


def by_compressai(architecture: str, pixels: np.ndarray) -> tuple[list[bytes], np.ndarray]:
    """The streams and the picture of CompressAI alone, of what `tiny_weights` holds at quality 3."""
    model, options = tiny_model(architecture), {}
    if architecture.endswith("-vbr"):
        model.update(scale=model.Gain[2].detach())
        options = {"s": 2}
    else:
        model.update()
    height, width = pixels.shape[:2]
    x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
    stride = model.downsampling_factor
    x = torch.nn.functional.pad(x, (0, -width % stride, 0, -height % stride), mode="replicate")
    with torch.no_grad():
        coded = model.compress(x, **options)
        shown = model.decompress(coded["strings"], coded["shape"], **options)["x_hat"]
    rounded = (shown[0, :, :height, :width] * 255).round().byte().permute(1, 2, 0).numpy()
    return [strings[0] for strings in coded["strings"]], rounded


def test_the_zoo_is_the_one_that_is_tested():
    assert set(ARCHITECTURES) == set(image_models)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_streams_and_picture_are_those_of_compressai(architecture, named, photograph):
    name = named(architecture)
    for size in [(1, 1), (65, 70)] if architecture not in SLOW else [(33, 64)]:
        pixels = photograph[200 : 200 + size[0], 300 : 300 + size[1]]
        data = dlic.compress(pixels, model=name)
        streams, shown = by_compressai(architecture, pixels)
        container = read(data)
        assert unpack(container.stream)[0] == streams
        assert len(data) - sum(map(len, streams)) <= 40
        assert (container.kind, container.level, container.model) == (COMPRESSAI, 3, open_codec(name).fingerprint[:8])
        decoded = dlic.decompress(data, model=name)
        assert decoded.dtype == np.uint8 and (decoded == shown).all()


@given(st.integers(1, 130), st.integers(1, 130), st.integers(0, 2**32))
@settings(max_examples=15)
def test_every_size_comes_back_in_shape(hyperprior, height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert hyperprior.decompress(hyperprior.compress(pixels)).shape == pixels.shape


def test_views_give_the_same_file(hyperprior, photograph):
    crop = photograph[10:60, 20:90]
    assert hyperprior.compress(crop) == hyperprior.compress(np.asfortranarray(crop))


def test_files_decode_in_a_fresh_process(named, photograph, tmp_path):
    shown = {}
    for architecture in ("mbt2018-mean", "mbt2018"):
        data = dlic.compress(photograph[:64, :64], model=named(architecture))
        (tmp_path / architecture).write_bytes(data)
        shown[named(architecture)] = dlic.decompress(data, model=named(architecture))
    script = (
        "import sys, dlic, numpy, pathlib\n"
        "for name, path in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    numpy.save(path + '.npy', dlic.decompress(pathlib.Path(path).read_bytes(), model=name))"
    )
    arguments = [part for name in shown for part in (name, str(tmp_path / name.split(":")[1]))]
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, *arguments], cwd=ROOT, check=True)
    for name, pixels in shown.items():
        assert (np.load(tmp_path / f"{name.split(':')[1]}.npy") == pixels).all()


# --- damage ------------------------------------------------------------------------------------------------------------------


def test_every_truncation_and_flipped_bit_of_a_file_is_refused(hyperprior, photograph):
    whole = hyperprior.compress(photograph[:1, :1])
    damaged = [whole[:length] for length in range(len(whole))]
    for bit in range(8 * len(whole)):
        damaged.append(whole[: bit // 8] + bytes([whole[bit // 8] ^ 1 << bit % 8]) + whole[bit // 8 + 1 :])
    for data in damaged:
        with pytest.raises(CorruptFileError):
            hyperprior.decompress(data)


@given(
    st.sampled_from(["bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean"]),
    st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([b"\0" * 40, b"\xff" * 400])), min_size=1, max_size=3),
)
@settings(max_examples=40)
def test_crafted_streams_are_refused_and_crash_nothing(named, architecture, streams):
    codec = open_codec(named(architecture))
    container = read(codec.compress(np.full((70, 20, 3), 7, np.uint8)))
    _, shape = unpack(container.stream)
    with pytest.raises(CorruptFileError):
        codec.decode(dataclasses.replace(container, stream=pack(streams, shape)))


def test_context_models_refuse_crafted_streams(named):
    codec = open_codec(named("mbt2018"))
    container = read(codec.compress(np.full((5, 5, 3), 7, np.uint8)))
    for stream in (b"", b"\xff" * 50, bytes(range(256))):
        with pytest.raises(CorruptFileError, match="symbols"):
            codec.decode(dataclasses.replace(container, stream=pack([stream, stream], (1, 1))))


def test_what_was_parsed_wrongly_is_not_synthesised(hyperprior, photograph):
    container = read(hyperprior.compress(photograph[:9, :9]))
    synthesised = []
    handle = hyperprior.model.g_s.register_forward_hook(lambda *_: synthesised.append(1))
    try:
        with pytest.raises(CorruptFileError, match="symbols"):
            hyperprior.decode(dataclasses.replace(container, symbols_crc=container.symbols_crc ^ 1))
        assert not synthesised
        hyperprior.decode(container)
        assert synthesised
    finally:
        handle.remove()


def test_memory_that_is_not_there_is_no_corrupt_file(hyperprior, photograph, monkeypatch):
    """As torch says it."""

    def full(x):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(hyperprior.model.g_a, "forward", full)
    with pytest.raises(MemoryError):
        hyperprior.compress(photograph[:9, :9])


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (3, (1, 1)), (0, (1, 1)), (2, (1, 2)), (2, (2**34, 2**34)), (2, (0, 0))])
def test_other_streams_than_the_model_makes_are_refused_before_decoding(count, shape, hyperprior, photograph):
    container = read(hyperprior.compress(photograph[:9, :9]))
    with pytest.raises(CorruptFileError, match="makes 2 for 1 × 1"):
        hyperprior.decode(dataclasses.replace(container, stream=pack([b"stream"] * count, shape)))


def test_a_small_file_cannot_ask_for_a_huge_picture(hyperprior, named, photograph):
    container = dataclasses.replace(read(hyperprior.compress(photograph[:9, :9])), width=2**32, height=2**32)
    with pytest.raises(CorruptFileError, match="limit"):
        dlic.decompress(write(container), model=hyperprior.name)
    with pytest.raises(CorruptFileError, match="makes 2"):
        hyperprior.decode(container)


def test_kinds_and_coders_of_other_codecs_are_refused(hyperprior, photograph):
    from dlic.learned.codec import load_codec

    ours, theirs = hyperprior, load_codec(TINY)
    for codec, kind in ((ours, LEARNED), (ours, WAVELET), (theirs, COMPRESSAI)):
        container = dataclasses.replace(read(codec.compress(photograph[:9, :9])), kind=kind)
        with pytest.raises(CorruptFileError, match=f"kind {kind}"):
            codec.decode(container)
    container = dataclasses.replace(read(ours.compress(photograph[:9, :9])), coder=1)
    with pytest.raises(CorruptFileError, match="entropy coder 1"):
        ours.decode(container)


# --- which weights ----------------------------------------------------------------------------------------------------------


def test_the_fingerprint_is_that_of_the_weights_in_any_file(hyperprior, tmp_path):
    state = tiny_model("bmshj2018-hyperprior").state_dict()
    with_tables = tiny_model("bmshj2018-hyperprior")
    with_tables.update(force=True)
    torch.save(state, tmp_path / "plain.pth")
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "parallel.pth.tar")
    torch.save({"network": with_tables.state_dict()}, tmp_path / "tables.pth")
    save_file(state, tmp_path / "weights.safetensors")
    for path in tmp_path.iterdir():
        assert open_codec(f"compressai:bmshj2018-hyperprior@{path}").fingerprint == hyperprior.fingerprint, path.name
    state["g_s.6.bias"][1] += 1e-6
    torch.save(state, tmp_path / "other.pth")
    assert open_codec(f"compressai:bmshj2018-hyperprior@{tmp_path / 'other.pth'}").fingerprint != hyperprior.fingerprint


def test_tables_in_a_state_dict_are_the_ones_used(tmp_path, photograph):
    """Another machine could compute some of them otherwise."""
    model = tiny_model("bmshj2018-factorized")
    model.update()
    table = model.entropy_bottleneck._quantized_cdf
    table[:, 1:-1] += (table[:, 1:-1].diff(prepend=table[:, :1]) > 2).int()  # still rising
    torch.save(model.state_dict(), tmp_path / "a.pth")
    codec = open_codec(f"compressai:bmshj2018-factorized@{tmp_path / 'a.pth'}")
    assert (codec.model.entropy_bottleneck._quantized_cdf == table).all()
    assert codec.decompress(codec.compress(photograph[:40, :40])).shape == (40, 40, 3)


def test_weights_saved_again_under_their_name_are_loaded_again(tmp_path):
    path, pixels = tmp_path / "mine.pth", np.full((20, 30, 3), 90, np.uint8)
    for seed in (0, 1):
        path.write_bytes(tiny_weights("bmshj2018-hyperprior", tmp_path, seed).read_bytes())
        data = dlic.compress(pixels, model=f"compressai:bmshj2018-hyperprior@{path}")
        assert read(data).model == open_codec(f"compressai:bmshj2018-hyperprior@{path}").fingerprint[:8]
        same = open_codec(f"compressai:bmshj2018-hyperprior@{tiny_weights('bmshj2018-hyperprior', tmp_path, seed)}")
        assert (dlic.decompress(data, model=f"compressai:bmshj2018-hyperprior@{path}") == same.decompress(data)).all()
    assert open_codec(f"compressai:bmshj2018-hyperprior@{path}") is open_codec(f"compressai:bmshj2018-hyperprior@{path}")


def test_a_file_needs_the_weights_it_was_made_with(named, hyperprior, photograph):
    data = hyperprior.compress(photograph[:20, :20])
    fingerprint = hyperprior.fingerprint.hex()[:8]
    for model in (None, named("bmshj2018-hyperprior", seed=1), named("mbt2018-mean"), "light-1"):
        with pytest.raises(UnknownCheckpointError, match=f"made with checkpoint {fingerprint}"):
            dlic.decompress(data, model=model)
    with pytest.raises(UnknownCheckpointError, match="compressai:ARCHITECTURE:QUALITY"):
        dlic.decompress(data, weights=TINY)


def test_files_of_checkpoints_are_not_for_compressai(hyperprior, photograph):
    data = dlic.compress(photograph[:20, :20], model="light-1")
    with pytest.raises(UnknownCheckpointError, match="not with compressai:bmshj2018-hyperprior"):
        dlic.decompress(data, model=hyperprior.name)
    assert (dlic.decompress(data, model="light-1") == dlic.decompress(data)).all()


def test_a_variable_rate_is_part_of_the_model(named, photograph):
    files = [dlic.compress(photograph[:64, :64], model=named("mbt2018-mean-vbr", quality)) for quality in (1, 8)]
    assert len(files[0]) < len(files[1])
    assert [read(data).level for data in files] == [1, 8]
    with pytest.raises(UnknownCheckpointError, match="not with"):
        dlic.decompress(files[0], model=named("mbt2018-mean-vbr", 8))


@pytest.mark.parametrize(
    "wish", [{"quality": 50}, {"effort": 1}, {"target_size": 999}, {"target_bpp": 1.0}, {"target_psnr": 30}, {"weights": TINY}]
)
def test_wishes_beside_the_name_are_refused(wish, hyperprior, photograph):
    with pytest.raises(DlicError, match="the name of a CompressAI model says its rate"):
        dlic.compress(photograph[:9, :9], model=hyperprior.name, **wish)


@pytest.mark.parametrize("bad", [None, np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_image_is_refused(bad, hyperprior):
    with pytest.raises(DlicError, match="an image must"):
        hyperprior.compress(bad)


# --- names ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("compressai:mbt2018:4", ZooName("mbt2018", "mse", 4)),
        ("compressai:mbt2018:ms-ssim:4", ZooName("mbt2018", "ms-ssim", 4)),
        ("compressai:mbt2018@a@b:c.pth", ZooName("mbt2018", path=Path("a@b:c.pth"))),
        ("compressai:mbt2018:07@C:\\a.pth", ZooName("mbt2018", quality=7, path=Path("C:\\a.pth"))),
    ],
)
def test_names_and_their_parts(name, parts):
    assert parse(name) == parts


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("compressai:", "no image model ''; it has bmshj2018-factorized, "),
        ("compressai:elic:4", "no image model 'elic'; it has bmshj2018-factorized, "),
        ("compressai:ssf2020:4", "no image model 'ssf2020'"),
        ("compressai:mbt2018", "qualities 1 to 8, none is named"),
        ("compressai:mbt2018:9", "qualities 1 to 8, 9 is none of them"),
        ("compressai:cheng2020-attn:7", "qualities 1 to 6, 7 is none of them"),
        ("compressai:mbt2018:0@a.pth", "0 is none of them"),
        ("compressai:mbt2018:four", "names no model of CompressAI; write compressai:ARCHITECTURE:QUALITY"),
        ("compressai:mbt2018:4:5", "names no model"),
        ("compressai:mbt2018:mse:mse:4", "names no model"),
        ("compressai:mbt2018:-4", "names no model"),
        ("compressai:mbt2018:²", "names no model"),
        ("compressai:mbt2018:4@", "names no model"),
        ("compressai:bmshj2018-factorized-relu:4", "no mse weights of bmshj2018-factorized-relu; name yours as compressai:bmshj"),
        ("compressai:mbt2018-vbr:ms-ssim:4", "no ms-ssim weights"),
        ("compressai:mbt2018-vbr@a.pth", "qualities 1 to 8, none is named"),
        ("compressai:mbt2018@no/such.pth", "no/such.pth cannot be read: No such file"),
        ("compressai:mbt2018@no/such.safetensors", "cannot be read: No such file"),
        ("compressai:mbt2018@tests", "tests cannot be read: Is a directory"),
        ("compressai:mbt2018@README.md", "README.md holds no weights"),
        ("compressai:mbt2018@tests/golden/odd.png", "odd.png holds no weights"),
    ],
)
def test_names_of_nothing_are_one_sentence(name, said, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(UnknownCheckpointError) as error:
        open_codec(name)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_qualities_of_the_zoo():
    assert zoo_qualities("bmshj2018-hyperprior") == zoo_qualities("mbt2018", "ms-ssim") == tuple(range(1, 9))
    assert zoo_qualities("cheng2020-anchor") == tuple(range(1, 7))
    assert zoo_qualities("mbt2018-vbr") == tuple(range(1, 9)) and zoo_qualities("mbt2018-vbr", "ms-ssim") == ()
    assert zoo_qualities("bmshj2018-factorized-relu") == ()
    with pytest.raises(UnknownCheckpointError, match="it has"):
        zoo_qualities("elic")


def test_without_compressai_the_sentence_says_what_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "compressai", None)
    monkeypatch.setitem(sys.modules, "compressai.zoo", None)
    with pytest.raises(DlicError, match=r"pip install 'dlic\[train\]'"):
        open_codec("compressai:mbt2018-mean:5")


# --- bad weights ------------------------------------------------------------------------------------------------------------


class Payload:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_in_a_weights_file_is_run(tmp_path):
    torch.save({"state_dict": Payload(tmp_path / "ran")}, tmp_path / "a.pth")
    with pytest.raises(UnknownCheckpointError, match="without running code"):
        open_codec(f"compressai:mbt2018@{tmp_path / 'a.pth'}")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [{}, {"a": 1}, [1, 2], {"state_dict": {}}, torch.zeros(3), {"state_dict": [1]}])
def test_what_is_no_state_dict_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(UnknownCheckpointError, match="holds no state dict"):
        open_codec(f"compressai:mbt2018@{tmp_path / 'a.pth'}")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_of_another_architecture_are_refused(architecture, folder):
    others = {"bmshj2018-factorized": "bmshj2018-hyperprior", "mbt2018": "cheng2020-anchor", "cheng2020-attn": "cheng2020-anchor"}
    other = others.get(architecture, "bmshj2018-factorized")
    with pytest.raises(UnknownCheckpointError, match=f"no weights of {architecture}; name the architecture it was trained as, of "):
        open_codec(f"compressai:{architecture}:1@{tiny_weights(other, folder)}")


def test_a_training_that_diverged_is_told(tmp_path):
    state = tiny_model("mbt2018-mean").state_dict()
    state["g_a.0.weight"][0] = torch.nan
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(UnknownCheckpointError, match="not finite"):
        open_codec(f"compressai:mbt2018-mean@{tmp_path / 'a.pth'}")


@pytest.mark.parametrize("value", [1e30, 1e11])
def test_latents_that_the_range_coder_cannot_take_are_refused(value, tmp_path, photograph):
    """It would not end."""
    state = tiny_model("mbt2018-mean").state_dict()
    state["g_a.6.bias"][:] = value
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(DlicError, match="cannot be coded"):
        dlic.compress(photograph[:9, :9], model=f"compressai:mbt2018-mean@{tmp_path / 'a.pth'}")


def broken(name: str, change) -> dict[str, torch.Tensor]:
    model = tiny_model("bmshj2018-hyperprior")
    model.update()
    state = model.state_dict()
    state[name] = change(state[name])
    return state


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("entropy_bottleneck._cdf_length", lambda table: table + 500),
        ("gaussian_conditional._cdf_length", lambda table: table - 1),
        ("gaussian_conditional._cdf_length", lambda table: table[:5]),
        ("gaussian_conditional._offset", lambda table: table[None]),
        ("entropy_bottleneck._quantized_cdf", torch.zeros_like),
        ("entropy_bottleneck._quantized_cdf", lambda table: table[:, :-1]),
        ("gaussian_conditional._quantized_cdf", lambda table: table.flip(1)),
    ],
)
def test_tables_that_the_range_coder_would_read_beyond_are_refused(name, change, tmp_path):
    torch.save(broken(name, change), tmp_path / "a.pth")
    with pytest.raises(UnknownCheckpointError, match="damaged tables"):
        open_codec(f"compressai:bmshj2018-hyperprior@{tmp_path / 'a.pth'}")


# --- downloads --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A folder that the zoo's addresses point to; torch's cache is empty and elsewhere."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "server"
    folder.mkdir()
    monkeypatch.setitem(image.model_urls["mbt2018-mean"]["mse"], 2, (folder / "mean-2.pth.tar").as_uri())
    monkeypatch.setitem(image_vbr.model_urls["mbt2018-mean-vbr"], "mse", (folder / "vbr.pth.tar").as_uri())
    loaded_codec.cache_clear()
    yield folder
    loaded_codec.cache_clear()


def test_the_zoo_is_downloaded_once(server, photograph):
    for file, architecture, quality in (("mean-2.pth.tar", "mbt2018-mean", 2), ("vbr.pth.tar", "mbt2018-mean-vbr", 5)):
        name = f"compressai:{architecture}:{quality}"
        torch.save(tiny_model(architecture).state_dict(), server / file)
        data = dlic.compress(photograph[:20, :20], model=name)
        (server / file).unlink()
        loaded_codec.cache_clear()
        assert dlic.decompress(data, model=name).shape == (20, 20, 3)
        assert read(data).level == quality


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>", b"PK\3\4 cut off"])
def test_a_download_that_fails_is_one_sentence(content, server):
    if content is not None:
        (server / "mean-2.pth.tar").write_bytes(content)
    with pytest.raises(DownloadError) as error:
        open_codec("compressai:mbt2018-mean:2")
    said = str(error.value)
    assert "cannot be had" in said and "compressai:mbt2018-mean:2@FILE" in said and "\n" not in said


def test_architectures_are_made_by_the_classes_of_their_names():
    """CompressAI's own function for the relu model makes one with GDN."""
    assert all(architecture in MODELS for architecture in ARCHITECTURES)
    assert not any("beta" in name for name in tiny_model("bmshj2018-factorized-relu").state_dict())
