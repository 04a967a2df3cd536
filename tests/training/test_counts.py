"""Symbols counted for tables: of photographs, and of clips coded as sequences."""

import numpy as np

from dlic.checkpoints.local import find
from dlic.entropy.tables import REACH, counted_tables
from dlic.learned.codec import load_codec
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
    monkeypatch.setattr(counts, "SCENES", 4)
    monkeypatch.setattr(counts, "SCENE_SIZE", (64, 80))
    codec = load_codec(find("light-1-inter"))
    counted = counts.histogram(codec, clips, "inter")
    largest = 4 * 5 * 320 + 2 * 32  # symbols of a frame
    assert 0 < counted.sum() <= 4 * 16 * largest and counted.sum() % 32 == 0  # of whole superblocks
    assert len(counted_tables(codec.unit.tables, counted)) == len(codec.unit.tables) and np.all(counted >= 0)
