"""Which superblocks are tried and kept."""

import numpy as np

from dlic.learned.sequence.skipping import WORTHLESS, squared_errors, worth_coding


def test_errors_are_summed_by_blocks():
    rng = np.random.default_rng(0)
    x, p = rng.integers(0, 256, (2, 70, 133, 3), dtype=np.uint8)
    squares = np.square(x.astype(float) - p).mean(axis=2)
    for side in (8, 64):
        errors = squared_errors(x, p, side)
        assert errors.shape == (-(-70 // side), -(-133 // side))
        assert np.isclose(errors[0, 0], squares[:side, :side].sum(), rtol=1e-5)
        assert np.isclose(errors[-1, -1], squares[70 // side * side :, 133 // side * side :].sum(), rtol=1e-5)


def test_errors_in_one_place_are_tried_and_noise_all_over_is_not():
    p = np.full((130, 191, 3), 100, np.uint8)
    x = p.copy()
    x[:64, :64] += np.indices((64, 64)).sum(axis=0).astype(np.uint8)[..., None] % 2 * 2  # 8192 in all; means are off by 1
    x[64:72, 128:136] += 11  # 7744 in one part
    lmbda = WORTHLESS / 1000
    assert np.argwhere(worth_coding(x, p, lmbda)).tolist() == [[1, 2]]
    assert worth_coding(x, p, 4 * lmbda)[0, 0] and not worth_coding(x, x, 1e6).any()
