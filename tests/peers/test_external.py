"""Commands as codecs: real processes, what they may write, and every way in which they fail."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from dlic.errors import DlicError
from dlic.metrics.registry import psnr
from dlic.peers import external
from dlic.peers.external import ExternalCodec, finish, private_folder

COPY = "import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2])"
WEBP = "import sys; from PIL import Image; Image.open(sys.argv[1]).save(sys.argv[2], quality=int(sys.argv[3]))"
TO_PNG = "import sys; from PIL import Image; Image.open(sys.argv[1]).save(sys.argv[2])"


def python(code: str, *arguments: str) -> tuple[str, ...]:
    """A command that runs Python code, in which braces stand for themselves."""
    return (sys.executable, "-S", "-c", code.replace("{", "{{").replace("}", "}}"), *arguments)


def with_pillow(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code.replace("{", "{{").replace("}", "}}"), *arguments)


COPIES = python(COPY, "{input}", "{output}")


def test_a_script_is_a_codec(photograph):
    codec = ExternalCodec(
        with_pillow(WEBP, "{input}", "{output}", "{quality}"), with_pillow(TO_PNG, "{input}", "{output}"), ".webp", 80
    )
    image = photograph[:37, :59]
    data = codec.compress(image)
    assert len(data) < image.nbytes / 4 and psnr(image, codec.decompress(data)) > 25


@settings(max_examples=8)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))))
def test_pixels_pass_unchanged(image):
    codec = ExternalCodec(COPIES, COPIES)
    assert np.array_equal(codec.decompress(codec.compress(image)), image)


def test_arguments_are_no_shell_text(photograph, tmp_path, monkeypatch):
    """Spaces, quotes and signs of a shell reach the program as they are, from a temporary folder with a space in its name too."""
    folder = tmp_path / "a folder; with 'signs'"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    said = "$(touch pwned) `x` {}"
    code = f"import sys; assert sys.argv[3] == {said!r}, sys.argv[3]; assert sys.argv[4] == '--q=7.5'; {COPY}"
    codec = ExternalCodec(python(code, "{input}", "{output}", "$(touch pwned) `x` {{}}", "--q={quality}"), COPIES, quality=7.5)
    image = np.ascontiguousarray(photograph[:8, :8])
    assert np.array_equal(codec.decompress(codec.compress(image)), image)
    assert list(folder.iterdir()) == []


def test_a_decoder_sees_nothing_but_the_file(photograph):
    code = (
        "import os, sys; assert sorted(n for n in os.listdir(os.path.dirname(sys.argv[1])) if n[0] != '.') == ['input.x']; " + COPY
    )
    codec = ExternalCodec(COPIES, python(code, "{input}", "{output}"), ".x")
    image = np.ascontiguousarray(photograph[:8, :8])
    assert np.array_equal(codec.decompress(codec.compress(image)), image)


def test_temporary_files_of_a_program_go_with_the_folder(photograph):
    code = "import os, sys; open(sys.argv[2], 'w').write(os.environ['TMPDIR']); open(os.environ['TMPDIR'] + '/left', 'w')"
    folder = ExternalCodec(python(code, "{input}", "{output}"), COPIES).compress(photograph[:8, :8])
    assert not Path(folder.decode()).exists()


# --- what a decoder may write --------------------------------------------------------------------------------------------


def decoded(picture: Image.Image, **options) -> np.ndarray:
    """What comes back from a decoder that writes this picture as PNG."""
    with private_folder() as folder:
        picture.save(folder / "made.png", **options)
        return ExternalCodec(COPIES, COPIES).decompress((folder / "made.png").read_bytes())


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA"])
def test_exact_conversions_are_made(mode, photograph):
    picture = Image.fromarray(photograph[:9, :13]).convert(mode)
    assert np.array_equal(decoded(picture), np.array(picture.convert("RGB")))


@pytest.mark.parametrize(
    ("picture", "options"),
    [
        (Image.new("RGBA", (4, 4), (1, 2, 3, 254)), {}),
        (Image.new("LA", (4, 4), (1, 0)), {}),
        (Image.new("RGB", (4, 4), (1, 2, 3)), {"transparency": (1, 2, 3)}),
        (Image.new("RGB", (4, 4), (1, 2, 3)).quantize(2), {"transparency": 0}),
    ],
    ids=["RGBA", "LA", "RGB", "P"],
)
def test_transparency_is_refused(picture, options):
    with pytest.raises(DlicError, match="transparency"):
        decoded(picture, **options)


def test_a_transparent_colour_that_no_pixel_has_is_no_transparency():
    assert np.array_equal(decoded(Image.new("RGB", (2, 2), (1, 2, 3)), transparency=(9, 9, 9)), np.full((2, 2, 3), (1, 2, 3)))


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_refused(channels):
    from dlic.images.files import image_bytes

    samples = np.full((4, 5, 3) if channels == 3 else (4, 5), 257 * 9, np.uint16)
    with pytest.raises(DlicError, match="16 bits a sample"):
        ExternalCodec(COPIES, COPIES).decompress(image_bytes(samples, ".png"))


@pytest.mark.parametrize("data", [b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_png_is_refused(data, photograph):
    with pytest.raises(DlicError, match="wrote no PNG file that can be read"):
        ExternalCodec(COPIES, COPIES).decompress(data)
    with private_folder() as folder:
        Image.fromarray(photograph[:8, :8]).save(folder / "a.gif")
        with pytest.raises(DlicError, match="wrote GIF, not PNG"):
            ExternalCodec(COPIES, COPIES).decompress((folder / "a.gif").read_bytes())


def test_another_size_is_refused_where_pictures_are_compared(photograph):
    code = "import sys; from PIL import Image; Image.open(sys.argv[1]).crop((0, 0, 8, 8)).save(sys.argv[2])"
    codec, image = ExternalCodec(COPIES, with_pillow(code, "{input}", "{output}")), photograph[:9, :8]
    with pytest.raises(DlicError, match="different shapes"):
        psnr(image, codec.decompress(codec.compress(image)))


# --- failures -----------------------------------------------------------------------------------------------------------


def refusal(encode: tuple[str, ...], **options) -> str:
    """The one sentence with which an encoder fails."""
    with pytest.raises(DlicError) as caught:
        ExternalCodec(encode, COPIES, **options).compress(np.zeros((2, 2, 3), np.uint8))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_program_is_named():
    assert "there is no program no-such-encoder" in refusal(("no-such-encoder", "{input}", "{output}"))


def test_a_program_that_cannot_run_is_said_so(tmp_path):
    (tmp_path / "text").write_text("no program")
    assert "Permission denied" in refusal((str(tmp_path / "text"), "{input}", "{output}"))
    (tmp_path / "text").chmod(0o755)
    assert "Exec format error" in refusal((str(tmp_path / "text"), "{input}", "{output}"))


def test_the_last_line_of_a_failure_is_quoted():
    code = "import sys; sys.stderr.write('fir' + 'st\\n\\x1b[31mlast ' + 'x' * 500 + '\\n\\n'); sys.exit(3)"
    said = refusal(python(code, "{input}", "{output}"))
    assert "failed with exit code 3: [31mlast xxx" in said and "first" not in said and len(said) < 800 and said.endswith("…")
    assert "says nothing on standard error" in refusal(python("import sys; sys.exit(1)", "{input}", "{output}"))


def test_a_signal_is_named():
    code = f"import os; os.kill(os.getpid(), {int(signal.SIGTERM)})"
    assert "was ended by SIGTERM" in refusal(python(code, "{input}", "{output}"))


@pytest.mark.parametrize("code", ["", "import sys; open(sys.argv[2], 'w')", "import os, sys; os.mkdir(sys.argv[2])"])
def test_an_encoder_must_write_something(code):
    assert "wrote nothing to {output}" in refusal(python(code, "{input}", "{output}"))


def written(note: Path) -> None:
    """Waits until a process has left a note."""
    while not note.exists() or not note.read_text():
        time.sleep(0.01)


def test_a_timeout_ends_the_children_of_children_too(tmp_path, monkeypatch):
    note, honest = tmp_path / "pid", external._ends_within
    monkeypatch.setattr(external, "_ends_within", lambda process, timeout_s: (written(note), honest(process, timeout_s))[1])
    child = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {child!r}])"
    assert "was stopped after 0.1 seconds" in refusal(python(code, "{input}", "{output}"), timeout_s=0.1)
    assert ended(int(note.read_text()))


def test_an_interrupt_ends_a_command(tmp_path, monkeypatch):
    note = tmp_path / "pid"

    def interrupted(process, timeout_s):
        written(note)
        raise KeyboardInterrupt

    monkeypatch.setattr(external, "_ends_within", interrupted)
    code = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        ExternalCodec(python(code, "{input}", "{output}"), COPIES).compress(np.zeros((2, 2, 3), np.uint8))
    assert ended(int(note.read_text()))


def ended(pid: int) -> bool:
    """Whether a process is gone, or waits only for whoever adopts it to notice."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat")
            if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False


def test_without_a_word_of_the_system_a_timeout_still_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "pidfd_open", lambda pid: (_ for _ in ()).throw(OSError), raising=False)
    assert finish(python("print('done')"), 60, tmp_path, "it").output == "done"
    with pytest.raises(DlicError, match="stopped after"):
        finish(python("import time; time.sleep(600)"), 0.2, tmp_path, "it")


# --- templates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encode", "decode", "options", "says"),
    [
        ((), COPIES, {}, "encode names no command"),
        (COPIES, ("",), {}, "decode names no command"),
        (("x", "{input}"), COPIES, {}, "encode lacks {output}"),
        (COPIES, ("x", "{output}"), {}, "decode lacks {input}"),
        (COPIES, COPIES, {"quality": 3}, "encode lacks {quality}"),
        (("x", "{input}", "{output}", "{quality}"), COPIES, {}, "encode has the placeholder {quality}"),
        (COPIES, ("x", "{input}", "{output}", "{quality}"), {"quality": 3}, "{quality}"),
        (("x", "{input}", "{output}", "{bitrate}"), COPIES, {}, "encode has the placeholder {bitrate}"),
        (("x", "{input.__class__}", "{output}"), COPIES, {}, "{input.__class__}"),
        (("x", "{input!r}", "{output}"), COPIES, {}, "{input!r}"),
        (("x", "{input:>90}", "{output}"), COPIES, {}, "{input:>90}"),
        (("x", "{}", "{input}", "{output}"), COPIES, {}, "placeholder {}"),
        (("x", "{input", "{output}"), COPIES, {}, "single brace"),
        (COPIES, COPIES, {"ending": "jxl"}, "ending"),
        (COPIES, COPIES, {"ending": "./../x"}, "ending"),
        (COPIES, COPIES, {"timeout_s": 0}, "timeout"),
        (COPIES, COPIES, {"timeout_s": float("nan")}, "timeout"),
    ],
)
def test_templates_that_cannot_work_are_refused(encode, decode, options, says):
    with pytest.raises(DlicError) as caught:
        ExternalCodec(encode, decode, **options)
    assert says in str(caught.value)
