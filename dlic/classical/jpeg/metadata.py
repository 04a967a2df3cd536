"""Metadata ⇄ the application and comment segments of a JPEG file."""

from collections.abc import Iterable, Iterator

from dlic.classical.jpeg.segments import Segment
from dlic.images import jpeg
from dlic.images.metadata import Metadata


def segments_of(metadata: Metadata) -> Iterator[Segment]:
    """The segments that begin a JFIF file. Raises DlicError for metadata that no segment holds."""
    return (Segment(marker, payload) for marker, payload in jpeg.segments_of(metadata))


def read(segments: Iterable[Segment]) -> Metadata:
    """Inverse of `segments_of`, each part empty where it is missing; a profile lacking pieces is dropped."""
    return jpeg.read((segment.marker, segment.payload) for segment in segments)
