"""EXIF and profiles come back from their segments."""

import pytest

from dlic.classical.jpeg_metadata import EXIF, read, segments_of
from dlic.errors import DlicError


@pytest.mark.parametrize("size", [0, 1, 65519, 65520, 200_000])
def test_a_profile_comes_back_from_its_parts(size):
    profile = bytes(range(256)) * (size // 256) + bytes(size % 256)
    segments = list(segments_of(b"", profile))
    assert all(len(segment.payload) <= 65533 for segment in segments)
    assert read(reversed(segments)) == (b"", profile)
    if len(segments) > 1:
        assert read(segments[1:]) == (b"", b"")


def test_exif_comes_back_with_its_name():
    assert read(segments_of(b"MM\0*", b"")) == (EXIF + b"MM\0*", b"") == read(segments_of(EXIF + b"MM\0*", b""))


def test_what_does_not_fit_is_refused():
    with pytest.raises(DlicError, match="EXIF"):
        list(segments_of(bytes(65530), b""))
    with pytest.raises(DlicError, match="profile"):
        list(segments_of(b"", bytes(255 * 65519 + 1)))
