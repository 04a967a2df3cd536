"""An INI file of commands becomes codecs to measure, or one sentence that names section and key."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from dlic.errors import DlicError
from dlic.evaluation.external import TIMES, read_external
from dlic.metrics.registry import psnr
from dlic.peers.external import ExternalCodec

SHIPPED = Path("configs/external_codecs.ini")
PLAIN = "[one]\nencode = x {input} {output} -q {quality}\ndecode = y {input} {output}\nqualities = 20, 40.5, 60\n"

SCRIPT = """
import sys
from PIL import Image
job, source, target, *quality = sys.argv[1:]
Image.open(source).save(target, **({"quality": int(quality[0])} if quality else {}))
"""


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "codecs.ini").write_text(text, encoding="utf-8")
    return tmp_path / "codecs.ini"


def test_a_section_is_a_series(tmp_path):
    more = "label = One, 100 %\nending = .one\nnote = made up\ntimeout = 7\n"
    series = read_external(written(tmp_path, PLAIN + more))["one"]
    assert (series.name, series.label, series.ending) == ("one", "One, 100 %", ".one")
    assert series.qualities == (20, 40.5, 60) and not series.between and series.estimated_bits is None
    assert series.note == f"made up; {TIMES}"
    assert series.identity == "x {input} {output} -q {quality} → y {input} {output}"
    encode = ("x", "{input}", "{output}", "-q", "{quality}")
    assert series.at(40.5) == ExternalCodec(encode, ("y", "{input}", "{output}"), ".one", 40.5, 7)


def test_what_is_left_out_has_defaults(tmp_path):
    series = read_external(written(tmp_path, "[a-1.0]\nencode = x '{input}' {output}\ndecode = y {input} {output}"))["a-1.0"]
    assert (series.label, series.ending, series.qualities, series.note) == ("a-1.0", ".bin", (None,), TIMES)
    assert series.at(None) == ExternalCodec(("x", "{input}", "{output}"), ("y", "{input}", "{output}"))


@pytest.mark.parametrize(("more", "between"), [("", True), ("between = yes", True), ("between = no", False)])
def test_whole_qualities_may_have_others_between(tmp_path, more, between):
    text = PLAIN.replace("40.5", "40") + more
    assert read_external(written(tmp_path, text))["one"].between is between


def test_defaults_hold_for_every_section(tmp_path):
    series = read_external(written(tmp_path, "[DEFAULT]\nnote = all\n" + PLAIN + PLAIN.replace("one", "two")))
    assert [one.note for one in series.values()] == [f"all; {TIMES}"] * 2 and list(series) == ["one", "two"]


def test_a_script_is_measured(tmp_path, photograph):
    (tmp_path / "my codec.py").write_text(SCRIPT)
    command = f"{sys.executable} '{tmp_path / 'my codec.py'}'"
    text = (
        f"[mine]\nencode = {command} encode {{input}} {{output}} {{quality}}\ndecode = {command} decode {{input}} {{output}}\n"
        f"ending = .webp\nqualities = 30, 80\nversion = {sys.executable} --version\n"
    )
    series = read_external(written(tmp_path, text))["mine"]
    files = [series.at(quality).compress(photograph[:40, :40]) for quality in series.qualities]
    assert len(files[0]) < len(files[1])
    assert psnr(photograph[:40, :40], series.at(80).decompress(files[1])) > 25
    assert str(tmp_path) not in series.identity and series.identity.endswith(f"; Python {sys.version.split()[0]}")
    (tmp_path / "my codec.py").write_text(SCRIPT + "\n")
    assert read_external(tmp_path / "codecs.ini")["mine"].identity != series.identity  # a script is what it holds


def test_only_what_is_looked_up_must_be_there(tmp_path):
    text = PLAIN + "[two]\nencode = x {input} {output}\ndecode = y {input} {output}\nversion = no-such-program --version\n"
    series = read_external(written(tmp_path, text))
    assert list(series) == ["one", "two"] and "two" in series and "three" not in series and series["one"].name == "one"
    with pytest.raises(DlicError, match=re.escape("section [two]: version `no-such-program --version` cannot be started")):
        series["two"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no section"),
        ("encode = x", "no INI file"),
        ("[one]\n[one]\n", "no INI file"),
        ("[one]\nnonsense", "no INI file"),
        (PLAIN + "decode = z", "no INI file"),
        ("[a b]\n", "section [a b]: a name has"),
        ("[a,b]\n", "section [a,b]: a name has"),
        ("[one]\ndecode = y {input} {output}", "section [one]: encode is missing"),
        ("[one]\nencode = x {input} {output}\ndecode =", "section [one]: decode is missing"),
        (PLAIN + "bitrate = 3", "section [one]: there is no key bitrate; keys are between, decode,"),
        (PLAIN.replace("20, 40.5, 60", "twenty"), "section [one]: qualities are numbers separated by commas"),
        (PLAIN.replace("20, 40.5, 60", ""), "section [one]: qualities are numbers separated by commas"),
        (PLAIN.replace("20, 40.5, 60", "20, 40, 20"), "section [one]: qualities are numbers, each once"),
        (PLAIN.replace("20, 40.5, 60", "nan"), "section [one]: qualities are numbers, each once"),
        (PLAIN.replace("qualities = 20, 40.5, 60\n", ""), "section [one]: encode has the placeholder {quality}"),
        (PLAIN.replace("-q {quality}", ""), "section [one]: encode lacks {quality}"),
        (PLAIN.replace("x {input}", "x '{input}"), "section [one]: encode cannot be split into arguments: no closing quotation"),
        (PLAIN + "timeout = soon", "section [one]: timeout is a number of seconds, not 'soon'"),
        (PLAIN + "timeout = -1", "section [one]: timeout"),
        (PLAIN.replace("40.5", "40") + "between = perhaps", "section [one]: between is yes or no, not 'perhaps'"),
        (PLAIN + "ending = jxl", "section [one]: ending"),
        (PLAIN + f"version = {sys.executable} -c 'pass'", "prints nothing"),
    ],
)
def test_mistakes_are_one_sentence_with_section_and_key(text, says, tmp_path):
    with pytest.raises(DlicError) as caught:
        list(read_external(written(tmp_path, text)).values())
    assert says in str(caught.value) and "\n" not in str(caught.value) and "codecs.ini" in str(caught.value)


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "bytes.ini").write_bytes(b"[one]\nlabel = \xff\n")
    for name, says in (("none.ini", "does not exist"), ("bytes.ini", "UTF-8"), ("", "folder")):
        with pytest.raises(DlicError, match=says):
            read_external(tmp_path / name)


def test_the_shipped_file_is_read():
    assert list(read_external(SHIPPED)) == ["cjxl", "avifenc", "x265", "paper"]
    assert not read_external(SHIPPED)["paper"].between


@pytest.mark.parametrize(("name", "program"), [("cjxl", "cjxl"), ("avifenc", "avifenc"), ("x265", "ffmpeg")])
def test_the_shipped_commands_work(name, program, photograph):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    series = read_external(SHIPPED)[name]
    if "Version: 0." in series.identity:
        pytest.skip("an avifenc of before 1.0 has no -q")
    image = np.ascontiguousarray(photograph[:65, :130])
    files = [series.at(quality).compress(image) for quality in (series.qualities[0], series.qualities[-1])]
    assert len(files[0]) < len(files[1]) and psnr(image, series.at(series.qualities[-1]).decompress(files[1])) > 35


def test_the_example_of_the_docstring_is_that_of_the_shipped_file():
    import dlic.evaluation.external as module

    example = "\n".join(line.strip() for line in module.__doc__.splitlines() if line.startswith("    "))
    assert example in SHIPPED.read_text()
