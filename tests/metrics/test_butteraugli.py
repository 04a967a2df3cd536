"""Butteraugli by libjxl's program, where this machine has it, and sentences where it has not or where it fails."""

import shutil
import subprocess

import numpy as np
import pytest

from dlic.errors import DlicError
from dlic.metrics.butteraugli import PROGRAM, butteraugli
from dlic.metrics.registry import available
from dlic.peers.pillow import jpeg

installed = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"no {PROGRAM}; apt-get install libjxl-devtools brings it")


def printing(monkeypatch, text: str, code: int = 0) -> None:
    done = subprocess.CompletedProcess([PROGRAM], code, stdout=text, stderr="no such thing\n")
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: done)


@installed
def test_it_falls_with_quality(photograph):
    crop = photograph[:96, 200:328]
    distances = [butteraugli(crop, jpeg(quality).decompress(jpeg(quality).compress(crop))) for quality in (10, 50, 95)]
    assert butteraugli(crop, crop) == 0 < distances[2] < distances[1] < distances[0] < 20


@installed
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (7, 200)])
def test_small_pictures_have_none(size):
    assert butteraugli(np.zeros((*size, 3), np.uint8), np.full((*size, 3), 255, np.uint8)) is None


@installed
def test_it_is_measured_when_asked_for():
    assert list(available(["psnr", "butteraugli"])) == ["psnr", "butteraugli"]


def test_the_norm_is_read_from_its_line(monkeypatch):
    printing(monkeypatch, "3.6901068687\n3-norm: 1.450794\n")
    assert butteraugli(np.zeros((8, 8, 3), np.uint8), np.ones((8, 8, 3), np.uint8)) == 1.450794


def test_a_missing_program_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DlicError, match="apt-get install libjxl-devtools"):
        available(["butteraugli"])


@pytest.mark.parametrize(
    ("text", "code", "sentence"), [("", 1, "exit code 1: no such thing"), ("what?\n", 0, "no 3-norm: 'what\\?'")]
)
def test_failures_are_one_sentence(monkeypatch, text, code, sentence):
    printing(monkeypatch, text, code)
    with pytest.raises(DlicError, match=sentence):
        butteraugli(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8))


def test_different_shapes_are_refused():
    with pytest.raises(DlicError, match="different shapes"):
        butteraugli(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8))
