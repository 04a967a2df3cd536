"""ICC profiles made of primaries and a transfer function (ICC.1:2022), for statements that other formats have no place for."""

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dlic.images.colours.code_points import PARAMETRIC, PRIMARIES, SAMPLED, Chromaticity, CodePoints, Floats, Primaries

D50 = np.array([0.9642, 1.0, 0.8249])  # white of the connection space
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
HEADER, VERSION = 128, 0x04400000
CURVE_POINTS = 4096  # of a sampled curve: PQ is steep


def space_of(profile: bytes) -> bytes:
    """The colour space of a profile: b"RGB ", b"GRAY", b"CMYK" …; empty where there is none."""
    return profile[16:20]


def of_code_points(points: CodePoints, gray: bool) -> bytes:
    """The profile of known code points. Light above diffuse white is clipped; a tag `cicp` tells those who know it the rest."""
    primaries = PRIMARIES[points.primaries]
    exact = PARAMETRIC.get(points.transfer)
    curve = _sampled(SAMPLED[points.transfer]) if exact is None else _parametric(exact)
    numbers = bytes([points.primaries, points.transfer, 0, 1])
    return _profile(str(points), primaries, curve, gray, ((b"cicp", b"cicp" + bytes(4) + numbers),))


def of_gamma(gamma: float, primaries: Primaries, gray: bool) -> bytes:
    """The profile of light = code^gamma."""
    return _profile(f"gamma {gamma:.3g}", primaries, _parametric((gamma,)), gray)


def of_curve(transfer: Callable[[Floats], Floats], primaries: Primaries, gray: bool) -> bytes:
    """The profile of light = transfer(code)."""
    return _profile("primaries of the file", primaries, _sampled(transfer), gray)


def _profile(name: str, primaries: Primaries, curve: bytes, gray: bool, more: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    adaptation = _adaptation(primaries.white)
    tags = [(b"desc", _text(name)), (b"cprt", _text("no copyright")), (b"wtpt", _xyz(D50)), (b"chad", _matrix(adaptation))]
    if gray:
        tags.append((b"kTRC", curve))
    else:
        columns = adaptation @ _to_xyz(primaries)
        tags += [(name, _xyz(column)) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True)]
        tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    tags += [] if gray else more
    directory, body, places = struct.pack(">I", len(tags)), b"", dict[bytes, int]()
    start = HEADER + 4 + 12 * len(tags)
    for tag, data in tags:
        if data not in places:  # the three curves are one
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        directory += tag + struct.pack(">II", places[data], len(data))
    head = struct.pack(">I4xI", start + len(body), VERSION) + b"mntr" + (b"GRAY" if gray else b"RGB ") + b"XYZ "
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(24) + struct.pack(">I", 1)  # relative colorimetric
    return (head + struct.pack(">3i", *_fixed(D50))).ljust(HEADER, b"\0") + directory + body


def _to_xyz(primaries: Primaries) -> NDArray[np.float64]:
    """RGB → XYZ, white being (1, 1, 1)."""
    columns: NDArray[np.float64] = np.array([_light(primaries.red), _light(primaries.green), _light(primaries.blue)]).T
    gains: NDArray[np.float64] = np.linalg.solve(columns, _white(primaries.white))
    return np.multiply(columns, gains)


def _light(colour: Chromaticity) -> tuple[float, float, float]:
    return colour[0], colour[1], 1 - colour[0] - colour[1]


def _white(white: Chromaticity) -> NDArray[np.float64]:
    return np.array(_light(white)) / white[1]


def _adaptation(white: Chromaticity) -> NDArray[np.float64]:
    """XYZ under a white → XYZ under D50."""
    gains = (BRADFORD @ D50) / (BRADFORD @ _white(white))
    matrix: NDArray[np.float64] = np.linalg.inv(BRADFORD) @ np.diag(gains) @ BRADFORD
    return matrix


def _fixed(numbers: NDArray[np.float64]) -> list[int]:
    """s15Fixed16Number"""
    return [round(float(number) * 65536) for number in numbers.flat]


def _xyz(colour: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *_fixed(colour))


def _matrix(matrix: NDArray[np.float64]) -> bytes:
    return b"sf32" + bytes(4) + struct.pack(">9i", *_fixed(matrix))


def _text(text: str) -> bytes:
    coded = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(coded), 28) + coded


def _parametric(parameters: tuple[float, ...]) -> bytes:
    """A curve of one parameter, gamma, or of five."""
    kind = {1: 0, 5: 3}[len(parameters)]
    return b"para" + bytes(4) + struct.pack(f">HH{len(parameters)}i", kind, 0, *_fixed(np.array(parameters)))


def _sampled(transfer: Callable[[Floats], Floats]) -> bytes:
    light = np.clip(transfer(np.linspace(0, 1, CURVE_POINTS)), 0, 1)
    points: bytes = np.rint(light * 65535).astype(">u2").tobytes()
    return b"curv" + bytes(4) + struct.pack(">I", CURVE_POINTS) + points
