"""dlic.js in Node: pixels of golden files, parts, scales, colour and errors."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dlic
from dlic.classical.motion import compiled
from dlic.container.format import EXACT, EXACT_BLOCKS, read
from tests.golden.rewrite import GOLDEN, TINY_LIGHT
from tests.web.conftest import HAS_CLANG, ROOT
from tests.web.golden_files import FILES, expected, largest_difference
from tests.web.node import NODE, node_flags

PROGRESSIVE = sorted((GOLDEN / "progressive").glob("*.dlic"))
if NODE is None:
    pytest.skip("no Node on this machine", allow_module_level=True)

FLAGS = node_flags()
TILES = GOLDEN / "light_40_finer.dlic"
SMALL = GOLDEN / "light_parity_63_one_pixel.dlic"
OTHER_KINDS = {"factorized": GOLDEN / "photograph.dlic", "lossless": GOLDEN / "classical" / "lossless_predictive.dlic"}


def test_the_package_has_what_its_source_gives(built):
    version = subprocess.run(["clang", "--version"], capture_output=True, text=True).stdout if HAS_CLANG else ""
    if "14.0.6" not in version:
        pytest.skip("the package's files are built by clang 14.0.6")
    for name in ("decoder.wasm", "decoder.relaxed.wasm"):
        assert (built / name).read_bytes() == (ROOT / "dlic" / "web" / name).read_bytes(), "make web builds them anew"
    assert (built / compiled.PATH.name).read_bytes() == compiled.PATH.read_bytes(), "make web builds it anew"


@pytest.mark.parametrize("wasm", FLAGS)
def test_golden_files_decode(decode, wasm):
    for path, answer in zip(FILES, decode([{"file": str(path)} for path in FILES], FLAGS[wasm]), strict=True):
        assert "error" not in answer and answer["colorSpace"] == "srgb", (path.stem, answer)
        assert largest_difference(answer["pixels"], path) <= 1, path.stem
        assert (answer["preview"] > 0) == (path.parent.name == "kinds")


def test_progressive_files_decode(decode):
    files = [path for path in PROGRESSIVE if path.stem != "light-1"]
    for path, answer in zip(files, decode([{"file": str(path)} for path in files]), strict=True):
        assert "error" not in answer and largest_difference(answer["pixels"], path) <= 1, (path.stem, answer)


def test_beginnings_of_a_progressive_file_are_better_and_better(decode):
    path = GOLDEN / "progressive" / "tiles.dlic"
    data, whole = path.read_bytes(), expected(path)[..., :3].astype(int)
    ends = range(len(data) // 3, len(data) + 1, 150)
    crop = {"x": 10, "y": 5, "width": whole.shape[1] - 20, "height": whole.shape[0] - 10}
    requests = [{"bytes": list(data[:end]), "options": {"partial": True}} for end in [40, *ends]]
    *answers, part = decode([*requests, {**requests[-2], "options": {"partial": True, "crop": crop}}])
    assert answers[0]["code"] == "corrupt"
    errors = [np.abs(answer["pixels"][..., :3].astype(int) - whole).mean() for answer in answers[1:] if "pixels" in answer]
    assert len(errors) > 3 and errors[-1] < 0.7 * errors[0]
    assert np.array_equal(part["pixels"], answers[-2]["pixels"][5:-5, 10:-10])


def test_a_crop_is_that_part_of_the_picture(decode):
    parts = [(0, 0, 320, 128), (3, 5, 40, 30), (150, 20, 20, 100), (319, 127, 1, 1), (180, 0, 140, 64)]
    files = [TILES, GOLDEN / "kinds" / "alpha_in_tiles.dlic"]
    requests = [{"file": str(file)} for file in files]
    for file in files:
        for x, y, width, height in parts:
            fits = {"x": x, "y": min(y, expected(file).shape[0] - 1), "width": width, "height": 1 if file != TILES else height}
            requests.append({"file": str(file), "options": {"crop": fits}})
    answers = decode(requests)
    for request, answer in zip(requests[2:], answers[2:], strict=True):
        crop, whole = request["options"]["crop"], answers[files.index(Path(request["file"]))]["pixels"]
        part = whole[crop["y"] :, crop["x"] :][: crop["height"], : crop["width"]]
        assert np.array_equal(answer["pixels"], part), request


def test_a_scale_averages_areas(decode):
    whole, half, third = decode([{"file": str(TILES), "options": {"scale": scale}} for scale in (1, 0.5, 0.3)])
    means = whole["pixels"].reshape(64, 2, 160, 2, 4).mean((1, 3))
    assert np.abs(half["pixels"] - means).max() <= 0.51
    assert third["pixels"].shape == (38, 96, 4)
    assert abs(float(third["pixels"].mean()) - float(whole["pixels"].mean())) < 0.5


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"crop": {"x": 0, "y": 0, "width": 321, "height": 1}}, "RangeError"),
        ({"crop": {"x": 0.5, "y": 0, "width": 1, "height": 1}}, "RangeError"),
        ({"scale": 0}, "RangeError"),
        ({"scale": 2}, "RangeError"),
        ({"maxPixels": 320 * 128 - 1}, "limit"),
    ],
)
def test_wrong_options_are_refused(decode, options, code):
    assert decode([{"file": str(TILES), "options": options}])[0]["code"] == code


def test_damage_is_an_error(decode):
    data = SMALL.read_bytes()
    damaged = [data[:end] for end in range(len(data))] + [
        data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(len(data))
    ]
    answers = decode([{"bytes": list(file)} for file in damaged if file])
    assert all(answer.get("error") for answer in answers)


def text_like(height: int, width: int) -> np.ndarray:
    """Black on white, as a page of text: what is cheaper exactly."""
    strokes = np.random.default_rng(0).integers(0, 2, (-(-height // 6), -(-width // 2)))
    page = np.kron(strokes, np.array([[1, 1], [1, 0], [1, 1], [0, 0], [0, 0], [0, 0]]))[:height, :width]
    return np.repeat(255 - 255 * page[..., None], 3, axis=2).astype(np.uint8)


def test_exact_blocks(decode, tmp_path, photograph):
    text, photo = text_like(192, 160), photograph[100:292, 200:360]
    alpha = (text[..., :1] // 2) + 100
    pictures = {"all": text, "some": np.hstack([text, photo]), "gray": np.hstack([text, photo])[..., 1]}
    pictures["alpha"] = np.dstack([photo, alpha])
    requests, wanted = [], []
    for name, image in pictures.items():
        data = dlic.compress(image, 60, weights=TINY_LIGHT)
        container = read(data)
        (tmp_path / name).write_bytes(data)
        assert name == "alpha" or container.kind == EXACT or dict(container.chunks).get(EXACT_BLOCKS), name
        shown = dlic.decompress(data, weights=TINY_LIGHT)
        wanted.append(np.array(Image.fromarray(shown).convert("RGBA")).astype(int))
        requests.append({"file": str(tmp_path / name)})
    crop = {"x": 30, "y": 40, "width": 200, "height": 50}
    *answers, part = decode([*requests, {"file": str(tmp_path / "some"), "options": {"crop": crop}}])
    for answer, image in zip(answers, wanted, strict=True):
        assert "error" not in answer and np.abs(answer["pixels"] - image).max() <= 1
    assert np.array_equal(part["pixels"], answers[1]["pixels"][40:90, 30:230])


def test_other_files_are_refused_in_a_sentence(decode):
    factorized, lossless, text = decode([*({"file": str(path)} for path in OTHER_KINDS.values()), {"bytes": list(b"GIF89a")}])
    assert factorized["code"] == "weights" and "configure" in factorized["error"]
    assert lossless["code"] == "unsupported"
    assert text["error"].startswith("not a .dlic file")
