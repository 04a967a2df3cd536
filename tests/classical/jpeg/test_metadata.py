"""Resolution, EXIF, XMP and profiles come back from their segments."""

import pytest

from dlic.classical.jpeg.metadata import read, segments_of
from dlic.errors import DlicError
from dlic.images.metadata import Metadata


@pytest.mark.parametrize("size", [0, 1, 65519, 65520, 200_000])
def test_a_profile_comes_back_from_its_parts(size):
    metadata = Metadata(icc_profile=bytes(range(256)) * (size // 256) + bytes(size % 256))
    segments = list(segments_of(metadata))
    assert all(len(segment.payload) <= 65533 for segment in segments)
    assert read(reversed(segments)) == metadata
    if len(segments) > 2:
        assert read(segments[:-1]) == Metadata()


def test_exif_xmp_and_resolution_come_back():
    metadata = Metadata(exif=b"MM\0*", xmp=b"<x:xmpmeta/>", dpi=(300.0, 72.0))
    assert read(segments_of(metadata)) == metadata


@pytest.mark.parametrize(("dpi", "found"), [((71.7, 72.2), (72.0, 72.0)), ((0.3, 72.0), None), ((70_000.0, 70_000.0), None)])
def test_a_resolution_is_whole_and_of_16_bits(dpi, found):
    assert read(segments_of(Metadata(dpi=dpi))).dpi == found


def test_what_does_not_fit_is_refused():
    for too_long, what in (
        ({"exif": bytes(65530)}, "EXIF"),
        ({"icc_profile": bytes(16707346)}, "prof"),
    ):
        with pytest.raises(DlicError, match=what):
            list(segments_of(Metadata(**too_long)))
