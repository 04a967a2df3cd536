"""What the page holds is what the run has, and nothing in it can be taken for code."""

import io
import json
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dlic.errors import CorruptFileError
from dlic.evaluation.comparison import compare
from dlic.evaluation.run import Run
from dlic.evaluation.run_folder import read_run
from dlic.metrics.registry import psnr
from dlic.report import as_script_text, html_of, page_of
from dlic.report.figures import figures_of
from dlic.report.gallery import LEAST_PSNR, Gallery, gallery_of
from dlic.report.pictures import FOLDER, read_pictures
from tests.evaluation.sample_run import EVIL, HOSTILE, write_run


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of the scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[tuple[dict, str]] = []
        self.within = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.within = tag
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_endtag(self, tag):
        self.within = ""

    def handle_data(self, data):
        if self.within == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data

    def script(self, name: str) -> str:
        return next(text for attributes, text in self.scripts if attributes.get("id") == name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photograph):
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, photograph)
    return folder


@pytest.fixture(scope="module")
def run(folder) -> Run:
    return read_run(folder)


@pytest.fixture(scope="module")
def gallery(folder, run) -> Gallery:
    return gallery_of(folder / FOLDER, read_pictures(folder), {name: entry.label for name, entry in run.codecs.items()})


@pytest.fixture(scope="module")
def text(run, gallery) -> str:
    return html_of(page_of(run, gallery))


@pytest.fixture(scope="module")
def elements(text) -> Elements:
    return Elements(text)


@pytest.fixture(scope="module")
def report(elements) -> dict:
    return json.loads(elements.script("report"))


def test_rows_and_means_are_those_of_the_run(run, report):
    assert [(r["codec"], r["quality"], r["image"], r["bytes"]) for r in report["rows"]] == [(*r.key, r.bytes) for r in run.rows]
    assert [row["metrics"] for row in report["rows"]] == [row.metrics for row in run.rows]
    assert [mean["bpp"] for mean in report["means"]] == [mean.bpp for mean in run.means] and len(run.means) == 15
    assert [mean["psnr_of_mean_mse"] for mean in report["means"]] == [mean.psnr_of_mean_mse for mean in run.means]
    assert [codec["label"] for codec in report["codecs"]] == [entry.label for entry in run.codecs.values()]


def test_curves_are_those_of_the_run(run, report):
    assert list(report["curves"]) == ["psnr", "ssim", "ms_ssim", "ssimulacra2"] == [metric["name"] for metric in report["metrics"]]
    for metric, curves in report["curves"].items():
        for codec, points in curves.items():
            assert [(p["bpp"], p["score"]) for p in points] == [(p.bpp, p.score) for p in run.curve(codec, metric)]
            assert [p["quality"] for p in points] == run.qualities(codec)
    published = {metric: {curve["label"] for curve in curves} for metric, curves in report["published"].items()}
    assert "VTM (H.266)" in published["psnr"] & published["ms_ssim"] and not published["ssim"]


def test_comparisons_are_those_of_compare(run, report):
    told = report["compared"]["psnr"]["jpeg"]
    assert set(told) == set(run.codecs) - {"jpeg"}
    assert set(report["compared"]["psnr"]) <= {anchor["key"] for anchor in report["anchors"]}
    assert report["told"] == ["psnr", "ms_ssim", "ssimulacra2"] and report["first_anchor"] == "jpeg"
    for codec, figures in told.items():
        compared = compare(run.curve("jpeg"), run.curve(codec))
        assert (figures["bd_rate"], figures["whole"], figures["problem"]) == (compared.bd_rate, compared.whole, compared.problem)
        assert figures["scores"] == (compared.scores and list(compared.scores))
    assert set(report["compared"]["ssim"]) == set(run.codecs)  # nothing published by it


def test_avif_as_shipped_is_the_first_anchor_where_it_was_measured(run):
    rows = tuple(replace(row, codec="avif") for row in run.rows if row.codec == "jpeg")
    with_avif = replace(run, codecs={**run.codecs, "avif": replace(run.codecs["jpeg"], name="avif")}, rows=(*run.rows, *rows))
    assert figures_of(with_avif)["first_anchor"] == "avif"


def test_distances_are_shown_as_they_are(run):
    rows = tuple(replace(row, metrics={**row.metrics, "butteraugli": 10 - row.metrics["psnr"] / 10}) for row in run.rows)
    figures = figures_of(replace(run, against=None, rows=rows))
    assert all(point["score"] > 0 for points in figures["curves"]["butteraugli"].values() for point in points)
    by_distance, by_psnr = (figures["compared"][metric]["jpeg"]["webp"] for metric in ("butteraugli", "psnr"))
    assert by_distance["bd_rate"] == pytest.approx(by_psnr["bd_rate"], abs=1e-6)
    assert by_distance["scores"] == pytest.approx([10 - score / 10 for score in reversed(by_psnr["scores"])])
    assert figures["told"] == ["psnr", "ms_ssim", "ssimulacra2", "butteraugli"]


def test_a_codec_of_one_point_is_refused_with_a_reason(run):
    one = replace(run, against=None, rows=tuple(row for row in run.rows if row.codec != "webp" or row.quality == 20))
    figures = figures_of(one)["compared"]["psnr"]["jpeg"]["webp"]
    assert figures["bd_rate"] is None and "four points" in figures["problem"]


def test_every_picture_is_what_its_codec_shows(folder, elements, report):
    shown = {entry.key: entry for entry in read_pictures(folder)}
    kinds = {"webp": "image/webp", "jpeg": "image/jpeg", "jpeg2000": "image/jpeg"}
    pictures = [(picture, one) for picture in report["pictures"] for one in picture["shown"]]
    assert len(pictures) == len(shown)
    for picture, one in pictures:
        entry = shown[picture["name"], one["codec"], one["target"]]
        attributes, data = next((a, b64decode(t)) for a, t in elements.scripts if a.get("id") == one["file"])
        assert (one["bytes"], one["psnr"], attributes["data-type"]) == (entry.bytes, entry.psnr, kinds[one["codec"]])
        pixels = np.array(Image.open(folder / FOLDER / entry.pixels))
        embedded = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
        if one["codec"] == "jpeg2000":
            assert psnr(pixels, embedded) >= LEAST_PSNR
        else:
            assert len(data) == entry.bytes and (embedded == pixels).all()


def test_lossless_copies(folder, run):
    exact = gallery_of(folder / FOLDER, read_pictures(folder), {"jpeg2000": "JPEG 2000"}, lossless=True)
    assert exact.worst_copy is None
    for picture in exact.pictures:
        entry = next(e for e in read_pictures(folder) if e.image == picture["name"])
        embedded = np.array(Image.open(io.BytesIO(exact.files[picture["original"]].data)).convert("RGB"))
        assert (embedded == np.array(Image.open(folder / FOLDER / entry.original))).all()


def test_the_worst_copy_is_told(text, gallery):
    assert gallery.worst_copy >= LEAST_PSNR and f"the worst of them {gallery.worst_copy:.1f} dB" in text


def test_a_missing_picture_is_one_sentence(folder):
    entry = read_pictures(folder)[0]
    with pytest.raises(CorruptFileError, match="does not exist"):
        gallery_of(folder, [entry], {entry.codec: "x"})  # one folder too high


def test_names_and_notes_are_only_text(text, elements, report):
    assert "img" not in {tag for tag, _ in elements.tags} and "<script>alert" not in text and "onerror=alert(1)>" not in text
    assert [attributes.get("type") for attributes, _ in elements.scripts if "id" not in attributes] == [None, "module"]
    assert report["rows"][-1]["image"] == HOSTILE and report["codecs"][0]["label"].endswith(EVIL)


def test_nothing_but_our_scripts_may_run_and_nothing_is_loaded(elements):
    policy = next(a["content"] for tag, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    for attributes, script in elements.scripts:
        if attributes.get("type") in (None, "module"):
            assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    linked = [
        value for _, a in elements.tags for name, value in a.items() if name in ("src", "href") and not value.startswith("data:")
    ]
    assert not linked


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_in_a_script_means_the_same_and_never_ends_it(value):
    text = as_script_text(value)
    assert json.loads(text) == value and not re.search("[<>&\u2028\u2029]", text)


def test_a_run_without_pictures_says_so(run):
    assert any("no pictures at matched sizes" in note for note in page_of(run, Gallery()).notes)
