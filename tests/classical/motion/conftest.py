"""What predicts frames, and reads their motion: compiled code and NumPy."""

from collections.abc import Iterator

import pytest

from dlic.classical.motion import compiled
from dlic.runtime import wasm


@pytest.fixture(scope="module", params=["compiled", "numpy"])
def code(request) -> Iterator[str]:
    """The code that the tests of a module run with, each in turn."""
    if request.param == "compiled" and not wasm.available(compiled.PATH):
        pytest.skip("Wasmtime is missing")
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "numpy":
            patched.setattr(compiled, "serves", lambda height, width: False)
        yield request.param
