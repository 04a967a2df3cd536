"""The checkpoint that ships: intact, the default, and as good as its card says."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import dlic
from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.index import read_index
from dlic.checkpoints.manifest import CARD, read_manifest
from dlic.checkpoints.weights import verify
from dlic.container.format import read
from dlic.evaluation.rate_distortion import Point, bd_rate, bits_saved, jpeg_curve, mean_point
from dlic.learned.codec import load_codec
from dlic.metrics.registry import psnr
from tests.conftest import ROOT


def test_the_index_is_that_of_the_files():
    folder = checkpoints.shipped_folder()
    index = read_index(folder)
    for name, entry in index.checkpoints.items():
        verify(folder / name)
        assert read_manifest(folder / name).fingerprint.hex() == entry.fingerprint
        assert all((folder / name / file).stat().st_size == known.size < 20e6 for file, known in entry.files.items())
    assert index.default in index.checkpoints
    assert "licence" in (folder / index.default / CARD).read_text().lower()


def test_it_saves_a_quarter_of_jpegs_bits_on_a_photograph(photograph):
    data = dlic.compress(photograph)
    decoded = dlic.decompress(data)
    point = Point(8 * len(data) / photograph[..., 0].size, psnr(photograph, decoded))
    assert bits_saved(jpeg_curve([photograph]), point) > 0.25


def test_estimated_bits_are_within_half_a_percent_of_the_stream(photograph):
    codec = load_codec(checkpoints.find(checkpoints.default_name()))
    for level in range(0, codec.levels, 9):
        encoded = codec.encode(photograph, level)
        stream = read(encoded.data).stream  # at the lowest rates the 32 bytes around it are 1 % of the file
        assert abs(8 * len(stream) / encoded.estimated_bits - 1) < 0.005


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "golden" / "shipped").glob("*.dlic")), ids=lambda path: path.stem)
def test_a_file_written_with_it_decodes_for_ever(path):
    """As tests/golden, for the shipped weights."""
    decoded = dlic.decompress(path.read_bytes())
    expected = np.array(Image.open(path.with_suffix(".png")))
    assert np.abs(decoded.astype(int) - expected).max() <= 1


def test_every_shipped_checkpoint_has_a_golden_file():
    shipped = {path.stem for path in (ROOT / "tests" / "golden" / "shipped").glob("*.dlic")}
    assert shipped == set(read_index(checkpoints.shipped_folder()).checkpoints)


def test_light_saves_two_fifths_of_jpegs_bits_at_every_rate(photograph):
    codec = load_codec(checkpoints.find("light-1"))
    points = [mean_point(codec.at(quality), [photograph]) for quality in (10, 30, 50, 70, 90)]
    assert bd_rate(jpeg_curve([photograph]), points) < -0.4
    assert points == sorted(points, key=lambda point: point.bpp) == sorted(points, key=lambda point: point.score)


def test_make_demo_prints_three_codecs_of_one_size_and_draws_them():
    done = subprocess.run([sys.executable, "scripts/demo.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    for codec in ("dlic", "AVIF", "JPEG"):
        assert all(unit in lines[codec] for unit in ("bytes", "bpp", "dB PSNR", "MS-SSIM", "SSIMULACRA 2"))
    size = (ROOT / "demo" / "kodim23.dlic").stat().st_size
    assert all(0.9 * size < (ROOT / "demo" / f"kodim23.{ending}").stat().st_size <= size for ending in ("avif", "jpg"))
    assert Image.open(ROOT / "demo" / "side_by_side.png").size == (984, 1112)


def test_a_wheel_ships_the_default():
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    index = read_index(checkpoints.shipped_folder())
    assert {"checkpoints/index.json", f"checkpoints/{index.default}"} <= set(included)
    targets = {source: f"dlic/_{source}" for source in included if source != "configs"}
    assert included == {**targets, "configs": "dlic/_recipes"}
    assert (ROOT / "dlic" / "py.typed").is_file()


def test_list_marks_the_default(capsys):
    from dlic.cli.main import run

    assert run(["checkpoints", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert checkpoints.default_name() in str(listed)
