"""Seconds by stage."""

import pytest

from dlic.runtime.timing import timed


def test_times_add_up_and_a_stage_that_raises_is_among_them():
    seconds: dict[str, float] = {}
    clock = iter([1.0, 3.0, 10.0, 14.0]).__next__
    with timed(seconds, "entropy", clock):
        pass
    with pytest.raises(ValueError, match="stage"), timed(seconds, "entropy", clock):
        raise ValueError("stage")
    assert seconds == {"entropy": 6.0}
