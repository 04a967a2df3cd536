"""Clips of a folder: found, decoded once, split."""

import logging

import numpy as np
import pytest

from dlic.data.clips import decode_clips, find_clips
from dlic.errors import DlicError


def test_clips_are_decoded_once_and_pictures_left_out(clips, tmp_path, photograph, caplog):
    with caplog.at_level(logging.WARNING):
        decoded = decode_clips(find_clips(clips), tmp_path)
    assert {path.name for path in decoded.paths} == {"a.webp", "b.webp", "c.webp"}
    assert "still.webp" in caplog.text
    first = decoded.paths.index(clips / "a.webp")
    assert np.array_equal(decoded.frames(first)[1], photograph[:80, 2:98])
    written = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.npy")}
    decode_clips(find_clips(clips), tmp_path)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.npy")} == written


def test_named_clips_or_a_share_are_held_out(clips, tmp_path):
    decoded = decode_clips(find_clips(clips), tmp_path)
    training, validation = decoded.split(["b"], 0)
    assert [path.stem for path in validation.paths] == ["b"] and len(training) == 2
    training, validation = decoded.split(0.3, 0)
    assert len(training) == 2 and len(validation) == 1 and not set(training.paths) & set(validation.paths)
    with pytest.raises(DlicError, match="no clip is named d"):
        decoded.split(["d"], 0)
    with pytest.raises(DlicError, match="3 are held out"):
        decoded.split(["a", "b", "c"], 0)


def test_a_folder_without_clips_is_one_sentence(tmp_path):
    (tmp_path / "notes.txt").write_text("no clip")
    with pytest.raises(DlicError, match="no clips below"):
        find_clips(tmp_path)
    with pytest.raises(DlicError, match="is not a folder"):
        find_clips(tmp_path / "notes.txt")
    (tmp_path / "broken.mkv").write_bytes(b"\x1aE\xdf\xa3 broken")
    with pytest.raises(DlicError, match="none of the 1 clips"):
        decode_clips(find_clips(tmp_path), tmp_path / "decoded")
