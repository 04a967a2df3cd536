"""Symbols counted for tables: of photographs, and of clips coded as sequences."""

import numpy as np
import torch

from dlic.entropy.tables import REACH, counted_tables
from dlic.models.inter import Inter
from dlic.training import counts
from dlic.training.export import as_codec, learned_tables
from tests.golden.rewrite import tiny_light


def test_every_symbol_of_a_photograph_is_counted(photographs, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    network = tiny_light().eval()
    counted = counts.histogram(as_codec(network, learned_tables(network)), photographs, "light")
    assert counted.shape[1] == 2 * REACH + 1
    assert counted.sum() == 6 * (24 * 32**2 + 8 * 8**2)  # y and z of six pictures, continued to 512 pixels


def test_predicted_frames_of_clips_are_counted(clips, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(counts, "SCENES", 1)
    monkeypatch.setattr(counts, "SCENE_SIZE", (64, 80))
    torch.manual_seed(0)
    network = Inter(channels=16, latents=24, hyper=8, hidden=8, prediction=8).eval()
    tables = learned_tables(network)
    codec = as_codec(network, tables)
    counted = counts.histogram(codec, clips, "inter")
    frames = counted.sum() / (4 * 5 * 24 + 1 * 2 * 8)
    assert frames == int(frames) and 3 <= frames <= 16
    assert len(counted_tables(tables, counted)) == len(tables) and np.all(counted >= 0)
