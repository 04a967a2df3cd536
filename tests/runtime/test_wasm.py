"""Modules of WebAssembly: their memory, their sentences, threads, and life without Wasmtime."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dlic.classical.motion.compiled import PATH
from dlic.errors import DlicError
from dlic.runtime import wasm

needs_wasmtime = pytest.mark.skipif(not wasm.available(PATH), reason="Wasmtime is missing")


@needs_wasmtime
def test_arrays_come_back():
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 255, (7, 5), dtype=np.uint8), rng.integers(-9, 9, (3, 2, 4)).astype(np.int16), np.zeros(0, np.int32)]
    with wasm.instance(PATH) as module:
        for array, place in zip(arrays, module.put(*arrays), strict=True):
            assert np.array_equal(module.array_at(place, array.dtype, array.shape), array)


@needs_wasmtime
def test_memory_is_given_back_and_much_of_it_to_the_system():
    with wasm.instance(PATH) as module:
        first = module.put(np.zeros(1000, np.uint8))
    with wasm.instance(PATH) as again:
        assert again is module and again.put(np.zeros(1000, np.uint8)) == first
        again.put(np.zeros(wasm.KEPT, np.uint8))
    with wasm.instance(PATH) as other:
        assert other is not module and other.size < wasm.KEPT


@needs_wasmtime
def test_failures_are_sentences():
    with wasm.instance(PATH) as module:
        with pytest.raises(DlicError, match="too little memory"):
            module.put(np.empty(1 << 30, np.uint8))
        stream = module.put(np.array([1, 0], np.uint8))[0]
        with pytest.raises(DlicError, match="a frame is damaged: its motion ends in an empty byte"):
            module.run("motion_side", stream, 2, 1, 64, 64, 1, 1, 0, 0)
        assert module.run("motion_side", *module.put(np.array([1, 2], np.uint8)), 0, 0, 64, 64, 1, 1, 0, 0)  # forgotten


@needs_wasmtime
def test_what_reaches_beyond_its_memory_is_stopped():
    with wasm.instance(PATH) as module, pytest.raises(DlicError, match="motion_predict of compiled code was stopped"):
        module.run("motion_predict", -1000, 0, 640, 360, 0, 0, 0, 0)
    with wasm.instance(PATH) as module:
        assert module.put(np.zeros(10, np.uint8))


@needs_wasmtime
def test_every_thread_has_its_own():
    def found(_):
        with wasm.instance(PATH) as module:
            return id(module)

    with ThreadPoolExecutor(1) as other, wasm.instance(PATH) as module:
        assert other.submit(found, 0).result() != id(module)


@needs_wasmtime
def test_nothing_is_said_at_the_end():
    code = "from dlic.classical.motion import compiled\nwith compiled.module() as code: print(code.size)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0 and not done.stderr


@needs_wasmtime
@pytest.mark.skipif(sys.platform != "linux", reason="limits of addresses are Linux's")
def test_it_needs_few_addresses():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "from dlic.classical.motion import compiled\nprint(compiled.serves(360, 640))"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n" and not done.stderr


@needs_wasmtime
def test_what_reaches_beyond_its_memory_ends_no_process():
    """Also where somebody else handles faults after Wasmtime was loaded."""
    code = (
        "import faulthandler\nfrom dlic.classical.motion.compiled import module\nwith module() as code: pass\n"
        "faulthandler.enable()\nwith module() as code: code.run('motion_predict', -1000, 0, 640, 360, 0, 0, 0, 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "DlicError: motion_predict of compiled code was stopped" in done.stderr


def test_a_module_that_does_not_run_is_not_available(tmp_path):
    (tmp_path / "broken.wasm").write_bytes(PATH.read_bytes()[:1000])
    assert not wasm.available(tmp_path / "broken.wasm") and not wasm.available(tmp_path / "none.wasm")


def test_without_wasmtime_numpy_serves(monkeypatch):
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    wasm.available.cache_clear()
    try:
        assert not wasm.available(PATH)
    finally:
        wasm.available.cache_clear()
