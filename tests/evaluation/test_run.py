"""A run is kept row by row, and read back as it was."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.errors import CorruptFileError, DlicError
from dlic.evaluation.provenance import provenance
from dlic.evaluation.rate_distortion import Point
from dlic.evaluation.run import Entry, Picture, Row, Run
from dlic.evaluation.run_folder import RowWriter, read_rows, read_run, write_about, write_means

PICTURES = (Picture("a, b.png", 8, 4, "00"), Picture('quo"te.png', 4, 4, "11"))
CODECS = {"light-1": Entry("light-1", "light-1", "abc", effort=3), "png": Entry("png", "PNG", "1", "exact", peak_memory_mb=5.5)}
positive = st.floats(1e-6, 1e6)


def row(codec="light-1", quality=20.0, image="a, b.png", size=12, psnr=30.0, ms_ssim=0.9, estimated=90.0) -> Row:
    bits = {"a, b.png": 32, 'quo"te.png': 16}[image]
    return Row(codec, quality, image, size, 8 * size / bits, 2.5, 1.25, estimated, {"psnr": psnr, "ms_ssim": ms_ssim})


def run_of(rows) -> Run:
    return Run(provenance("dlic evaluate"), "some", PICTURES, CODECS, tuple(rows), "kodak", 2, ("left out: c.png",))


rows = st.builds(
    Row,
    st.sampled_from(list(CODECS)),
    st.none() | st.sampled_from([1.0, 50.0, 2.5]),
    st.sampled_from([picture.name for picture in PICTURES]),
    st.integers(1, 10**9),
    positive,
    positive,
    positive,
    st.none() | positive,
    st.fixed_dictionaries({"psnr": positive, "ms_ssim": st.none() | positive}),
)


@given(st.lists(rows, max_size=8, unique_by=lambda row: row.key))
def test_what_is_written_is_read(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("run")
    run = run_of(rows)
    write_about(folder, run)
    with RowWriter(folder, ["psnr", "ms_ssim"]) as writer:
        for one in rows:
            writer.write(one)
    assert read_run(folder) == run


def test_a_line_that_was_cut_off_is_measured_again(tmp_path):
    with RowWriter(tmp_path, ["psnr", "ms_ssim"]) as writer:
        writer.write(row())
        writer.write(row(quality=40.0))
    whole = (tmp_path / "rows.csv").read_bytes()
    for length in range(whole.index(b"\nlight-1,40") + 1, len(whole)):
        (tmp_path / "rows.csv").write_bytes(whole[:length])
        assert read_rows(tmp_path) == (row(),)
    with RowWriter(tmp_path, ["psnr", "ms_ssim"]) as writer:  # the last of the cut files
        writer.write(row(quality=40.0))
    assert (tmp_path / "rows.csv").read_bytes() == whole


def test_other_metrics_need_another_folder(tmp_path):
    with RowWriter(tmp_path, ["psnr", "ms_ssim"]) as writer:
        writer.write(row())
    with pytest.raises(DlicError, match="psnr, ms_ssim; name another folder"):
        RowWriter(tmp_path, ["psnr"])


def test_damage_is_one_sentence(tmp_path):
    with pytest.raises(DlicError, match="holds no evaluation"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(CorruptFileError, match=r"run\.json is damaged"):
        read_run(tmp_path)
    write_about(tmp_path, run_of([]))
    for text in ("codec,quality\n", "codec,quality,image,bytes,bpp,encode_ms,decode_ms,estimated_bits,psnr\na,b\n"):
        (tmp_path / "rows.csv").write_text(text)
        with pytest.raises(CorruptFileError, match=r"rows\.csv"):
            read_run(tmp_path)


def test_means_are_of_whole_sets():
    first, second = row(psnr=30.0, size=12), row(image='quo"te.png', psnr=40.0, size=6, ms_ssim=None, estimated=45.0)
    run = run_of([first, second, row(quality=40.0)])
    (mean,) = run.means  # quality 40 lacks a picture
    assert (mean.bpp, mean.metrics["psnr"], mean.metrics["ms_ssim"], mean.images) == (3.0, 35.0, 0.9, 2)
    assert mean.psnr_of_mean_mse == pytest.approx(32.596, abs=1e-3)  # −10 log10 of (10⁻³ + 10⁻⁴) / 2
    assert mean.gap == pytest.approx(8 * 18 / 135 - 1)
    assert run.qualities("light-1") == [20.0] and run.qualities("png") == []
    assert replace(run, rows=(replace(first, estimated_bits=None), second)).means[0].gap is None


def test_curves_rise_with_quality_and_speak_decibels():
    run = run_of([row(quality=q, image=p.name, psnr=q, ms_ssim=0.9, size=int(q)) for q in (40.0, 20.0) for p in PICTURES])
    assert [point.score for point in run.curve("light-1")] == [20, 40]
    assert [point.score for point in run.curve("light-1", "ms_ssim")] == pytest.approx([10, 10])
    assert run.curve("light-1", image="a, b.png") == [Point(5.0, 20.0), Point(10.0, 40.0)] and run.curve("png") == []


def test_means_are_a_table_for_other_programs(tmp_path):
    write_means(tmp_path, run_of([row(), row(image='quo"te.png')]))
    header, line = (tmp_path / "means.csv").read_text().splitlines()
    values = dict(zip(header.split(","), line.split(","), strict=True))
    assert values["codec"] == "light-1" and values["psnr"] == "30.0" and float(values["bpp"]) == 4.5
