"""Pages and tables that are made from measurements and parsers are current."""

import pytest

from scripts.pages.__main__ import stale
from scripts.pages.blocks import filled, table


def test_made_pages_are_current():
    assert [path.name for path in stale()] == [], "make pages writes them"


def test_a_block_is_filled_and_the_rest_stays():
    text = "a\n<!-- made: twice x y -->\nold\n<!-- end -->\nb <!-- end -->\n"
    made = filled(text, {"twice": lambda *words: " ".join(words * 2)})
    assert made == "a\n<!-- made: twice x y -->\n\nx y x y\n\n<!-- end -->\nb <!-- end -->\n"
    assert filled(made, {"twice": lambda *words: " ".join(words * 2)}) == made
    with pytest.raises(KeyError):
        filled(text, {})


def test_tables_escape_bars():
    assert table([["a", ""], ["x|y", "1"]]) == "| a | |\n| --- | --- |\n| x\\|y | 1 |"
