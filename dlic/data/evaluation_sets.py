"""Evaluation sets by the fingerprints of their pictures, to keep them out of training data: a codec trained on them would be
measured on memorised pictures. A whole picture of a set is found in any size, compression or orientation. Crops of it, and larger
pictures that contain it, are not found.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from dlic.data.fingerprints import SAME, distances, from_bytes, stack, to_bytes
from dlic.errors import DlicError, OverlapError
from dlic.storage.files import read_whole, written_whole

NAMED = 3  # pictures that a sentence names


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """The fingerprints of its pictures by name."""

    name: str
    pictures: dict[str, np.ndarray]

    def to_json(self) -> str:
        pictures = {name: to_bytes(bits).hex() for name, bits in self.pictures.items()}
        return json.dumps({"name": self.name, "pictures": pictures}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, stored: dict) -> "EvaluationSet":
        return cls(str(stored["name"]), {name: from_bytes(bytes.fromhex(digits)) for name, digits in stored["pictures"].items()})


@dataclass(frozen=True)
class Overlap:
    """A picture that belongs to an evaluation set."""

    index: int
    picture: str  # "Kodak kodim05"
    distance: int  # bits


def shipped_sets() -> list[EvaluationSet]:
    """The sets that come with dlic: the 24 Kodak images."""
    folder = resources.files("dlic.data") / "fingerprints_of_sets"
    return [_parsed(file.read_bytes(), file.name) for file in folder.iterdir() if file.name.endswith(".json")]


def read_set(path: Path) -> EvaluationSet:
    """Inverse of `write_set`. Raises DlicError."""
    return _parsed(read_whole(path, DlicError), str(path))


def write_set(path: Path, known: EvaluationSet, overwrite: bool = False) -> None:
    """Writes a set to a file. Raises ExistsError."""
    with written_whole(path, overwrite) as file:
        file.write(known.to_json().encode())


def overlaps(fingerprints: np.ndarray, sets: Sequence[EvaluationSet]) -> list[Overlap]:
    """The pictures of the sets among fingerprints (N, 255), each with the closest one."""
    names = [f"{evaluation_set.name} {picture}" for evaluation_set in sets for picture in evaluation_set.pictures]
    if not names or not len(fingerprints):
        return []
    apart = distances(fingerprints, stack([bits for evaluation_set in sets for bits in evaluation_set.pictures.values()]))
    closest = apart.argmin(axis=1)
    return [Overlap(int(i), names[closest[i]], int(apart[i, closest[i]])) for i in np.flatnonzero(apart.min(axis=1) <= SAME)]


def refuse_overlap(paths: Sequence[Path], fingerprints: np.ndarray, sets: Sequence[EvaluationSet]) -> None:
    """Raises OverlapError with the first pictures of evaluation sets."""
    overlapping = overlaps(fingerprints, sets)
    if not overlapping:
        return
    named = ", ".join(f"{paths[overlap.index]} is {overlap.picture}" for overlap in overlapping[:NAMED])
    more = f" and {len(overlapping) - NAMED} more" if len(overlapping) > NAMED else ""
    raise OverlapError(
        f"{named}{more}: whoever trains on pictures codecs are judged by measures what was learned by heart; "
        "take them out, or train with --data.allow_overlap true"
    )


def _parsed(data: bytes, source: str) -> EvaluationSet:
    try:
        return EvaluationSet.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DlicError(f"{source} holds no fingerprints: {error or type(error).__name__}") from error
