"""Blocks that do nothing are found and left out, through the real command line."""

import re
from pathlib import Path

import pytest
import torch

from dlic.checkpoints.manifest import Training, read_manifest
from dlic.cli.main import run
from dlic.layers.stages import BottleneckBlock
from dlic.models.light import Light
from dlic.training import pruning
from dlic.training.export import Exported, learned_tables, write_checkpoint
from dlic.training.pruning import Block, effects, without

CONFIG = {
    "channels": 16, "latents": 24, "hyper": 8, "hidden": 8, "fine_inner": 8, "coarse_inner": 8,
    "encoder_fine": 2, "encoder_coarse": 2, "decoder_fine": 2, "decoder_coarse": 3, "hyper_blocks": 1,
}  # fmt: skip
ALIVE = {"g_a.fine.1", "g_a.coarse.0", "g_s.fine.0", "g_s.coarse.1"}


@pytest.fixture(autouse=True)
def small_crops(monkeypatch):
    monkeypatch.setattr(pruning, "SIDE", 64)


@pytest.fixture(scope="module")
def network() -> Light:
    """Only those blocks do something; the others, at both ends and in between, add constants."""
    torch.manual_seed(0)
    network = Light(**CONFIG).eval()
    for _, chain in network.chains:
        part = network.get_submodule(chain)
        for place, block in enumerate(getattr(part, "blocks", part)):
            torch.nn.init.normal_(block.last.bias, std=0.05)
            if f"{chain}.{place}" in ALIVE:
                torch.nn.init.normal_(block.last.weight, std=0.2)
    return network


@pytest.fixture(scope="module")
def checkpoint(network, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "whole-1"
    write_checkpoint(Exported(network, Training(7, 70, None, "mse")), learned_tables(network), folder, "")
    return folder


def test_what_blocks_are_worth_and_a_checkpoint_without_some(checkpoint, photographs, tmp_path, capsys):
    smaller = tmp_path / "smaller-1"
    command = ["prune", str(checkpoint), "--data", str(photographs), str(smaller)]
    assert run(command) == 0
    said = capsys.readouterr().out.splitlines()[1:]
    lines = [re.fullmatch(r"(g_\S+) +(-?\d+\.\d+)(  left out)?", line).groups() for line in said]
    assert {name for name, worth, _ in lines if float(worth)} == ALIVE and len(lines) == 9
    assert all(bool(left_out) == (float(worth) < 0.02) for _, worth, left_out in lines if worth != "0.000")
    before, after, left_out = read_manifest(checkpoint), read_manifest(smaller), [name for name, _, said in lines if said]
    counts = {key: before.config[key] - sum(name.startswith(chain) for name in left_out) for key, chain in Light.chains}
    assert after.config == before.config | counts and min(counts.values()) == 1
    assert after.training == before.training and ", ".join(left_out) in (smaller / "MODEL_CARD.md").read_text()

    files = {path.name: path.read_bytes() for path in smaller.iterdir()}
    assert run(command) == 1
    assert "--force" in capsys.readouterr().err and {path.name: path.read_bytes() for path in smaller.iterdir()} == files
    assert run([*command, "--force", "--below", "1e9"]) == 0  # the dearest of each chain stays
    assert {read_manifest(smaller).config[key] for key, _ in Light.chains} == {1}


def test_constants_move_into_the_biases_beside_them(network, photograph):
    crops = [torch.from_numpy(photograph[128:256, 256:384]).permute(2, 0, 1)]
    smaller = without(network, [block for block in effects(network, crops, "mse", None) if block.name not in ALIVE])
    assert sum(isinstance(part, BottleneckBlock) for part in smaller.modules()) == len(ALIVE) + 2  # and those of h_a
    x = crops[0][None].float() / 255
    with torch.no_grad():
        for level in torch.tensor([[5], [50]]):
            assert torch.allclose(network.g_a(x), smaller.g_a(x), atol=1e-4)
            assert torch.allclose(network.g_s(network.g_a(x), level), smaller.g_s(network.g_a(x), level), atol=1e-4)


def test_without_a_folder_nothing_is_written(checkpoint, photographs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["prune", str(checkpoint), "--data", str(photographs)]) == 0
    said = capsys.readouterr().out
    assert "left out" not in said and all(f"{name} " in said for name in ALIVE) and not list(tmp_path.iterdir())


def test_a_chain_keeps_a_block(network):
    with pytest.raises(ValueError, match=r"no block of g_a\.fine"):
        without(network, [Block("g_a.fine", place, 0.0, torch.zeros(16)) for place in range(2)])


def test_where_it_cannot_be_written_it_says_so(checkpoint, photographs, tmp_path, capsys):
    (tmp_path / "file").write_text("here")
    assert run(["prune", str(checkpoint), "--data", str(photographs), str(tmp_path / "file" / "x-1")]) != 0
    assert str(tmp_path / "file") in capsys.readouterr().err.splitlines()[-1] and (tmp_path / "file").read_text() == "here"


def test_networks_without_chains_are_refused(photographs, capsys):
    assert run(["prune", "factorized-1", "--data", str(photographs)]) == 1
    assert "no blocks" in capsys.readouterr().err
