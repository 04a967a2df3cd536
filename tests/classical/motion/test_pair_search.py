"""Two vectors whose mean predicts are refined together."""

import numpy as np

from dlic.classical.motion.block_search import BlockSearch
from dlic.classical.motion.pair_search import PairSearch, mean
from dlic.classical.motion.planes import CurrentBlocks, Planes, luma

PRICE = 6.0


def test_pairs_never_become_worse_and_cost_what_they_say(photograph):
    rng = np.random.default_rng(0)
    x = photograph[100:180, 200:312]
    moved = (photograph[101:181, 202:314], photograph[98:178, 197:309])
    noisy = [np.clip(frame + rng.normal(0, 10, frame.shape), 0, 255).astype(np.uint8) for frame in moved]
    current, planes = CurrentBlocks(luma(x)), [Planes(luma(frame)) for frame in noisy]
    found = [BlockSearch(current, of, PRICE).run([]) for of in planes]
    pairs = PairSearch(current, planes, found, PRICE)
    begun = pairs.costs.copy()
    pairs.run()
    assert (pairs.costs <= begun).all() and (pairs.costs < begun).any()
    places = [current.places + vectors.reshape(-1, 2) for vectors in pairs.vectors]
    blocks = mean(*(of.blocks(at) for of, at in zip(planes, places, strict=True)))
    sums = np.abs(current.blocks.astype(int) - blocks).sum(axis=(1, 2)).reshape(current.size)
    bits = sum(one.bits(vectors) for one, vectors in zip(found, pairs.vectors, strict=True))
    assert np.allclose(pairs.costs, sums + PRICE * bits)


def test_means_are_rounded_up():
    first, second = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    assert np.array_equal(mean(first, second), (first.astype(int) + second + 1) // 2)
