"""The file of a codec that fits into a size."""

import pytest

from dlic.evaluation.registry import open_series
from dlic.report.matched_size import at_size


@pytest.mark.parametrize("codec", ["jpeg", "webp"])
@pytest.mark.parametrize("size", [12_345, 30_000, 60_000])
def test_it_is_the_best_that_fits(codec, size, photograph):
    series = open_series(codec)
    matched = at_size(series, photograph, size)
    assert matched.fits and len(matched.data) <= size < len(series.at(matched.quality + 1).compress(photograph))
    assert matched.data == series.at(matched.quality).compress(photograph)


def test_a_size_that_no_file_reaches_gives_the_smallest(photograph):
    series = open_series("jpeg")
    matched = at_size(series, photograph, 10)
    assert not matched.fits and matched.quality == series.qualities[0]
