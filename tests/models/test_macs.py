"""Multiply–accumulates a pixel, against arithmetic by hand."""

import pytest
import torch

from dlic.models.factorized import Factorized
from dlic.models.light import Light
from dlic.models.macs import macs_per_pixel


def test_the_textbook_network_costs_what_its_kernels_say():
    n, m = 8, 12
    shares = [1 / 4, 1 / 16, 1 / 64, 1 / 256]  # of the pixels, after each stage
    kernels = [25 * 3 * n, 25 * n * n, 25 * n * n, 25 * n * m]
    gdn = n * n * sum(shares[:3])
    by_hand = sum(kernel * share for kernel, share in zip(kernels, shares, strict=True)) + gdn
    counted = macs_per_pixel(Factorized(stage="gdn", channels=n, latents=m))
    assert counted.encoder == pytest.approx(by_hand) and counted.decoder == pytest.approx(by_hand)  # mirror images


def test_counting_leaves_everything_as_it_was():
    network = Light(channels=16, latents=24, hyper=8, hidden=8, fine_inner=8, coarse_inner=8).train()
    before, state = {name: value.clone() for name, value in network.state_dict().items()}, torch.get_rng_state()
    macs = macs_per_pixel(network)
    assert network.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert macs.encoder > macs.decoder > 0  # which runs h_a beside what both sides run
