"""Whatever a caller has set in torch, dlic gives the same bytes and pixels, and leaves the caller's state as it was."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import torch

from dlic.learned.codec import load_codec
from dlic.runtime.torch.state import own_state
from tests.golden.rewrite import TINY, TINY_LIGHT

CODECS = {"light": load_codec(TINY_LIGHT), "factorized": load_codec(TINY)}
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)


@contextmanager
def set_for_a_while(setter: Callable[[object], object], value: object, usual: object) -> Iterator[None]:
    setter(value)
    try:
        yield
    finally:
        setter(usual)


STATES = {
    "autocast": partial(torch.autocast, "cpu", dtype=torch.bfloat16),
    "default device": partial(torch.device, "meta"),
    "default device of the thread": partial(set_for_a_while, torch.set_default_device, "meta", None),
    "float64": partial(set_for_a_while, torch.set_default_dtype, torch.float64, torch.float32),
    "bfloat16": partial(set_for_a_while, torch.set_default_dtype, torch.bfloat16, torch.float32),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "deterministic": partial(set_for_a_while, torch.use_deterministic_algorithms, True, False),
    "anomalies": partial(torch.autograd.set_detect_anomaly, True),
    "NumPy's errors": partial(np.errstate, all="raise"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("name", "effort"), [("light", 0), ("light", 1), ("factorized", 0)])
def test_same_bytes_and_pixels_in_any_state(state, name, effort):
    codec = CODECS[name]
    expected = codec.compress(IMAGE, effort=effort)
    with STATES[state]():
        before = torch.get_default_dtype(), torch.get_default_device(), torch.is_autocast_enabled("cpu")
        data = codec.compress(IMAGE, effort=effort)
        pixels = codec.decompress(data)
        assert (torch.get_default_dtype(), torch.get_default_device(), torch.is_autocast_enabled("cpu")) == before
    assert data == expected and np.array_equal(pixels, codec.decompress(data))


@pytest.mark.parametrize("state", ["float64", "default device"])
def test_a_checkpoint_that_is_loaded_in_a_state_is_as_any_other(state):
    with STATES[state]():
        codec = load_codec(TINY_LIGHT)
    assert codec.compress(IMAGE) == CODECS["light"].compress(IMAGE)


def test_loading_takes_nothing_from_the_caller_s_random_numbers():
    code = (
        "import sys, torch; from pathlib import Path; from dlic.learned.codec import load_codec; torch.manual_seed(3); "
        "before = torch.random.get_rng_state(); load_codec(Path(sys.argv[1])); "
        "assert torch.equal(before, torch.random.get_rng_state())"
    )
    subprocess.run([sys.executable, "-c", code, str(TINY_LIGHT)], check=True)


def test_threads_share_the_default_type_and_the_last_one_restores_it():
    def inside(_: int) -> torch.dtype:
        with own_state():
            return torch.zeros(1).dtype

    with STATES["float64"](), ThreadPoolExecutor(8) as executor:
        assert set(executor.map(inside, range(200))) == {torch.float32}
        assert torch.get_default_dtype() == torch.float64
