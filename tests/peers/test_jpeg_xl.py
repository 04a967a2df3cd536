"""JPEG XL by the plugin or by libjxl's programs."""

import shutil

import numpy as np
import pytest

from dlic.errors import DlicError
from dlic.metrics.registry import psnr
from dlic.peers import jpeg_xl

available = pytest.mark.skipif(not jpeg_xl.is_available(), reason="no JPEG XL here; pip install pillow-jxl-plugin brings it")


@available
def test_more_quality_is_more_bytes(photograph):
    crop = photograph[:64, 200:296]
    files = [jpeg_xl.jpeg_xl(quality).compress(crop) for quality in (20, 60, 90)]
    shown = [jpeg_xl.jpeg_xl(90).decompress(data) for data in files]
    assert len(files[0]) < len(files[1]) < len(files[2]) and psnr(crop, shown[0]) < psnr(crop, shown[2])


@available
def test_lossless(photograph):
    codec = jpeg_xl.jpeg_xl()
    assert np.array_equal(codec.decompress(codec.compress(photograph[:40, :30])), photograph[:40, :30])
    assert jpeg_xl.made_by()


def test_programs_stand_in_for_the_plugin(monkeypatch):
    monkeypatch.setattr(jpeg_xl, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    codec = jpeg_xl.jpeg_xl(30)
    assert codec.encode == ("cjxl", "{input}", "{output}", "-q", "{quality}", "-e", "7") and codec.quality == 30
    assert jpeg_xl.jpeg_xl().encode[3:5] == ("-d", "0")


def test_without_either_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(jpeg_xl, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(DlicError, match="pip install pillow-jxl-plugin"):
        jpeg_xl.jpeg_xl(50)
