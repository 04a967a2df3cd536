"""A large area in parts is the same as in one piece."""

from dataclasses import replace

import numpy as np
import pytest

from dlic.learned.sequence.parts import HALO, InParts
from tests.learned.sequence.clips import codec, photograph

NETWORK = codec().residual.network.network
X, P = photograph()[:320, :704], photograph()[1:321, 2:706]  # 5 × 11 superblocks


@pytest.mark.parametrize("largest", [30, 14, 1])
def test_parts_have_the_latents_and_pixels_of_the_whole(largest):
    whole, parts = NETWORK.given(P), InParts(NETWORK, largest).given(P)
    latents = whole.encoder.analyse(X)
    assert np.allclose(parts.encoder.analyse(X), latents, atol=1e-3)
    y = np.round(whole.encoder.at_level(latents, 30))
    first, second = (model.decoder.synthesise(y, 30) for model in (whole, parts))
    assert np.abs(first.astype(int) - second).max() <= 1 and (first != second).mean() < 1e-3


def test_without_surroundings_a_seam_shows(monkeypatch):
    monkeypatch.setattr("dlic.learned.sequence.parts.HALO", 0)
    whole, parts = NETWORK.given(P), InParts(NETWORK, 30).given(P)
    assert HALO and np.abs(parts.encoder.analyse(X) - whole.encoder.analyse(X)).max() > 0.01


def test_a_frame_is_coded_in_parts_as_in_one_piece():
    coded = np.ones((5, 11), bool)
    one = codec().residual
    several = replace(one, network=InParts(NETWORK, 14))
    shown = []
    for residual in (one, several):
        made = residual.encode(X, P, 30, coded)
        shown.append(residual.reconstruct(made.symbols, P, 30, coded))
        symbols, crc = one.parse(made.stream, one.coder.number, X.shape[:2], 30, coded)
        assert crc == made.crc and np.abs(one.reconstruct(symbols, P, 30, coded).astype(int) - shown[-1]).max() <= 1
    error = [np.square(X.astype(float) - pixels).mean() for pixels in shown]
    assert abs(error[0] - error[1]) < 0.001 * error[0]
