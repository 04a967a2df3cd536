"""The threads of NumPy's BLAS."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dlic.runtime import blas


def test_blocks_nest_in_many_threads_and_give_the_threads_back():
    found = blas._openblas()
    if found is None:
        pytest.skip("NumPy has another BLAS here")
    get, before = found[0], found[0]()

    def inside(number: int) -> int:
        with blas.single_threaded(), blas.single_threaded():
            np.ones((50, 50)) @ np.ones((50, 50))
            return get()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(inside, range(100))) == {1}
    with pytest.raises(ValueError, match="here"), blas.single_threaded():
        raise ValueError("here")
    assert get() == before
