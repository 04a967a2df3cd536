"""What a file says beside its pixels is kept, converted, or said to be left out, and then refused if strict."""

import pytest

from dlic.errors import UnreadableImageError
from dlic.images.files import EVERYTHING, read_image
from tests.images.sources.statements import STATEMENTS, expected, outcome


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: f"{statement.kind} of {statement.format}")
def test_nothing_is_lost_in_silence(statement):
    what, said = outcome(statement)
    assert what == expected(statement), said
    if what == "said" and statement.whole:
        with pytest.raises(UnreadableImageError, match="--strict: "):
            read_image(statement.data, keep=EVERYTHING, strict=True)
    elif what != "said":
        assert said == ""
        if statement.whole:
            read_image(statement.data, keep=EVERYTHING, strict=True)
