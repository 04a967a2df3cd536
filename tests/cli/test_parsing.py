"""Words of a command line as the arguments of a function, and the help that the same annotations give."""

import platform
from enum import Enum
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlic
from dlic.cli.group import Group, call
from dlic.cli.main import COMMANDS, run
from dlic.cli.parameters import Argument, Option, Rest
from dlic.cli.parser import parser_of, values_of
from dlic.errors import DlicError


class Engine(Enum):
    local = "local"
    dask = "dask"


def several(
    sources: Annotated[list[str], Argument("FILE…", "Files to read.")],
    last: Annotated[Path, Argument("LAST", "The last one.")],
    quality: Annotated[int | None, Option("-q", "--quality", least=1, most=100, help="From 1.")] = None,
    bpp: Annotated[float | None, Option(help="Bits.")] = None,
    strip: Annotated[list[str] | None, Option(help="Parts.")] = None,
    engine: Annotated[Engine, Option(help="Who works.")] = Engine.local,
    verify: Annotated[bool, Option(help="Check.")] = True,
    recursive: Annotated[bool, Option("-r", "--recursive", help="Deep.")] = False,
    verbose: Annotated[bool, Option("-v", "--verbose", help="More.")] = False,
    shown: Annotated[bool | None, Option("--open/--no-open", help="Show.")] = None,
) -> None:
    """Do several things: all of them.

    And more.
    """


def with_rest(
    words: Annotated[list[str], Rest()],
    out: Annotated[Path, Option(help="Folder.")],
    in_process: Annotated[bool, Option("--in-process", help="Here.")] = False,
) -> None:
    """Pass words on."""


def parsed(*words: str) -> dict:
    return values_of("dlic several", several, words)


def test_options_stand_anywhere_and_in_every_way_of_writing():
    expected = parsed("a.png", "b.png", "c.png", "--quality", "60", "--recursive", "--verbose")
    assert expected["sources"] == ["a.png", "b.png"] and expected["last"] == Path("c.png") and expected["quality"] == 60
    for words in (
        ["-q60", "a.png", "-rv", "b.png", "c.png"],
        ["a.png", "-q=60", "b.png", "--verbose", "-r", "c.png"],
        ["a.png", "b.png", "--quality=60", "-vr", "--", "c.png"],
        ["-rvq", "60", "a.png", "b.png", "c.png"],
    ):
        assert parsed(*words) == expected


def test_defaults_lists_choices_and_switches():
    values = parsed("a", "b")
    assert values["quality"] is None and values["verify"] is True and values["engine"] is Engine.local and values["shown"] is None
    values = parsed("a", "b", "--strip", "exif", "--engine", "dask", "--no-verify", "--strip=icc", "--no-open", "--bpp", "-0.5")
    assert values["strip"] == ["exif", "icc"] and values["engine"] is Engine.dask and values["verify"] is False
    assert values["shown"] is False and values["bpp"] == -0.5
    assert parsed("a", "b", "-q", "10", "-q", "20")["quality"] == 20  # as everywhere, the last one counts


def test_names_with_dashes_and_standard_streams():
    assert parsed("--", "-q.png", "--", "-")["sources"] == ["-q.png", "--"]
    assert parsed("-", "b")["sources"] == ["-"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "b", "--qualty", "3"], "no option --qualty; did you mean --quality?"),
        (["a", "b", "-z"], "no option -z; -h shows those"),
        (["a", "b", "-q"], "-q/--quality: expected one argument"),
        (["a", "b", "-q", "high"], "-q/--quality: takes a whole number, not 'high'"),
        (["a", "b", "-q", "101"], "-q/--quality: takes a whole number from 1 to 100, not 101"),
        (["a", "b", "--bpp", "x"], "--bpp: takes a number, not 'x'"),
        (["a", "b", "--engine", "spark"], "--engine: is one of local, dask, not 'spark'"),
        (["a", "b", "--recursive=yes"], "--recursive: ignored explicit argument 'yes'"),
        (["a"], "the following arguments are required: LAST"),
        ([], "the following arguments are required: FILE, LAST"),
    ],
)
def test_words_that_do_not_fit_are_one_sentence(words, said):
    with pytest.raises(DlicError) as raised:
        parsed(*words)
    assert said in str(raised.value) and raised.value.exit_code == 1


def test_a_rest_takes_what_no_option_does():
    values = values_of("dlic rest", with_rest, ["--config", "a.yaml", "--out", "folder", "--model.depth", "3", "--in-process"])
    assert values == {"words": ["--config", "a.yaml", "--model.depth", "3"], "out": Path("folder"), "in_process": True}
    with pytest.raises(DlicError, match="required: --out"):
        values_of("dlic rest", with_rest, ["--config", "a.yaml"])


@given(st.lists(st.text(min_size=1).filter(lambda word: word != "--"), max_size=5))
def test_any_words_are_parsed_or_refused_with_a_sentence(words):
    try:
        values = parsed(*words)
        assert values["sources"] and all(isinstance(source, str) for source in values["sources"])
    except DlicError as error:
        assert "\n\n" not in str(error)
    except SystemExit as ended:
        assert ended.code == 0  # the help


@given(st.lists(st.text(min_size=1), min_size=2, max_size=5))
def test_after_two_dashes_every_word_is_taken_as_it_is(words):
    values = parsed("--", *words)
    assert [*values["sources"], values["last"]] == [*words[:-1], Path(words[-1])]


def test_help_names_everything(capsys):
    for words in (["-h"], ["a", "--help"], []):
        with pytest.raises(SystemExit) as ended:
            call("dlic several", several, words)
        assert ended.value.code == (0 if words else 1)
        text = capsys.readouterr().out
        assert text.startswith("usage: dlic several [-h]") and "\n\nDo several things: all of them.\n\nAnd more.\n\n" in text
        for part in ("--quality N", "--verify, --no-verify", "--open, --no-open", "local|dask", "default: local", "-h, --help"):
            assert part in text
    assert max(map(len, parser_of("dlic several", several).format_help().splitlines())) <= 100


def test_every_command_has_help_and_a_wrong_one_is_a_sentence(capsys):
    assert run(["-h"]) == run(["help"]) == run(["--version"]) == 0 and run([]) == run(["compress"]) == 1
    text = capsys.readouterr().out
    assert all(f" {name} " in text for name in COMMANDS)
    assert f"dlic {dlic.__version__}\nPython {platform.python_version()}, numpy {np.__version__}, onnxruntime " in text
    for name in set(COMMANDS) - {"train"}:  # Lightning's
        assert run([name, "-h"]) == 0 and f"usage: dlic {name}" in capsys.readouterr().out
    assert run(["compres", "a.png"]) == 1
    assert capsys.readouterr().err == "dlic: there is no command 'compres'; did you mean compress?\n"
    assert run(["checkpoints", "lst"]) == 1
    assert "did you mean list?" in capsys.readouterr().err


def test_groups_pass_words_on(capsys):
    group, called = Group("Some commands."), []

    @group.command("one")
    def first(count: Annotated[int, Argument("N", "How many.")]) -> None:
        """Count."""
        called.append(count)

    group.call("dlic some", ["one", "3"])
    assert called == [3]
    with pytest.raises(SystemExit):
        group.call("dlic some", [])
    assert "one" in (text := capsys.readouterr().out) and "Count" in text
