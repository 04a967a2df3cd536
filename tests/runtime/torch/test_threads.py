"""Torch's number of threads follows dlic's, and whoever uses torch beside dlic finds it as it was."""

import dataclasses
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import numpy as np
import pytest
import torch

from dlic.container.format import read
from dlic.learned.codec import load_codec
from dlic.learned.tiles.plan import Tiling
from dlic.runtime import threads
from dlic.runtime.torch.threads import flushes_denormals, inference
from tests.golden.rewrite import TINY_LIGHT

CODEC = load_codec(TINY_LIGHT)
IN_TILES = dataclasses.replace(CODEC, tiling=Tiling(side=64, above=0))


@pytest.fixture
def three_threads() -> Iterator[None]:
    """However many the tests are run with, so that one is not what there is anyway."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def threads_of_a_new_thread() -> int:
    found: list[int] = []
    thread = Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


@inference
def threads_of_torch() -> int:
    return torch.get_num_threads()


def test_threads_of_pools_compute_on_one_core_and_others_keep_theirs(three_threads):
    assert threads.side().submit(threads_of_torch).result() == 1
    with threads.pool(2) as executor:
        assert set(executor.map(lambda _: threads_of_torch(), range(8))) == {1}
    assert (torch.get_num_threads(), threads_of_a_new_thread()) == (3, 3)


@pytest.fixture
def hasty_switches() -> Iterator[None]:
    """Python goes from thread to thread as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_many_callers_at_once_leave_the_number_of_threads_as_it_was(three_threads, hasty_switches, photograph):
    """It is one number of the process, which limiting a thread of a pool changes for a moment."""
    images = [photograph[i : i + 70, i : i + 90] for i in range(8)]

    def there_and_back(number: int) -> int:
        for codec in (CODEC, IN_TILES):
            assert codec.decompress(codec.compress(images[number], 20)).shape == images[number].shape
        return torch.get_num_threads()

    with ThreadPoolExecutor(len(images)) as callers:
        assert set(callers.map(there_and_back, range(len(images)))) == {3}
        assert set(callers.map(lambda _: torch.get_num_threads(), images)) == {3}
    assert (torch.get_num_threads(), threads_of_a_new_thread()) == (3, 3)


def test_threads_whose_first_use_of_torch_is_a_pool_keep_the_number_of_the_process(three_threads, hasty_switches, photograph):
    """A new thread takes the number of the process when it first computes, which is when others limit theirs."""
    picture, found = read(IN_TILES.compress(photograph[:70, :70], 20)), []

    def caller() -> None:
        IN_TILES.crcs(picture)
        found.append(torch.get_num_threads())

    for _ in range(3):
        callers = [Thread(target=caller) for _ in range(64)]
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join()
    assert set(found) == {3}
    assert (torch.get_num_threads(), threads_of_a_new_thread()) == (3, 3)


def test_a_thread_that_set_its_own_number_keeps_it(three_threads, photograph):
    found: list[int] = []

    def caller() -> None:
        torch.get_num_threads()
        torch.set_num_threads(2)  # and that of later threads
        IN_TILES.compress(photograph[:70, :90], 20)
        found.extend([torch.get_num_threads(), threads_of_a_new_thread()])

    thread = Thread(target=caller)
    thread.start()
    thread.join()
    assert found == [2, 2]


def test_a_limit_of_a_call_ends_with_it(three_threads, photograph):
    for cores in (1, 2):
        with threads.limited(cores):
            assert threads_of_torch() == cores
            CODEC.compress(photograph[:70, :90], 20)
        assert threads_of_torch() == threads_of_a_new_thread() == 3


def test_cores_are_those_that_torch_was_told(three_threads):
    assert threads.cores() == 3


def _decoded(data: bytes, pictures) -> None:
    pictures.put((CODEC.decompress(data), IN_TILES.decompress(IN_TILES.compress(CODEC.decompress(data), 40))))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
def test_a_forked_process_decodes(three_threads, photograph):
    """Threads are not inherited by a fork, neither dlic's nor OpenMP's; waiting for one would take for ever."""
    data = CODEC.compress(photograph[:90, :80], 20)
    expected = CODEC.decompress(data)
    forking = multiprocessing.get_context("fork")
    pictures = forking.SimpleQueue()
    process = forking.Process(target=_decoded, args=(data, pictures))
    process.start()
    process.join(120)
    alive = process.is_alive()
    process.kill()
    assert not alive and process.exitcode == 0
    whole, in_tiles = pictures.get()
    assert np.abs(whole.astype(int) - expected).max() <= 1 and in_tiles.shape == expected.shape
    assert (torch.get_num_threads(), threads_of_a_new_thread()) == (3, 3)


@pytest.mark.parametrize("flushed", [False, True])
def test_torch_is_asked_whether_it_flushes_denormal_numbers(flushed):
    before = flushes_denormals()
    try:
        if torch.set_flush_denormal(flushed):  # False where the processor cannot
            assert flushes_denormals() == flushed
    finally:
        torch.set_flush_denormal(before)
