"""What deployed networks share: the thread beside the main one."""

import multiprocessing
from threading import Thread

import numpy as np
import pytest
import torch

from dlic.learned.codec import load_codec
from dlic.runtime.torch.arrays_and_threads import beside
from tests.golden.rewrite import TINY_LIGHT


def threads_of_a_new_thread() -> int:
    found = []
    thread = Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_the_thread_beside_has_one_core_and_others_keep_theirs():
    before = torch.get_num_threads(), threads_of_a_new_thread()
    assert beside().submit(torch.get_num_threads).result() == 1
    assert (torch.get_num_threads(), threads_of_a_new_thread()) == before


def _decoded(data: bytes, pictures) -> None:
    torch.set_num_threads(1)  # OpenMP's threads are not inherited either
    pictures.put(load_codec(TINY_LIGHT).decompress(data))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
def test_a_forked_process_decodes(photograph):
    """Threads are not inherited by a fork; waiting for one would take for ever."""
    codec = load_codec(TINY_LIGHT)
    data = codec.compress(photograph[:40, :50], 20)
    expected = codec.decompress(data)
    forking = multiprocessing.get_context("fork")
    pictures = forking.SimpleQueue()
    process = forking.Process(target=_decoded, args=(data, pictures))
    process.start()
    process.join(60)
    alive = process.is_alive()
    process.kill()
    assert not alive and process.exitcode == 0
    assert np.abs(pictures.get().astype(int) - expected).max() <= 1
