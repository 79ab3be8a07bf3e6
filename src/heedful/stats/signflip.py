"""The sign-flip test that paired differences have mean 0.

If before and after were the same, each difference could as well have had the other sign. With clusters the
differences of a cluster change their signs together, which is the same test on their sums.

Fisher, "The Design of Experiments" (1935), section 21. Phipson and Smyth, "Permutation p-values should never be
zero", SAGMB 9 (2010): the one that is added where flips are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heedful.stats.clusters import cluster_sums
from heedful.stats.values import CHUNK, RESAMPLES, Clusters, Floats

EXACT_UP_TO = 18  # 2**18 sign patterns take 3 ms and 2 MB


def sign_flip_test(
    differences: Sequence[float] | Floats,
    *,
    clusters: Clusters | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, bool]:
    """The two-sided p-value, and whether it is exact.

    p is the share of sign patterns whose sum is at least as far from 0 as the one seen: of all patterns where at most
    18 differences (or clusters' sums) are not 0, else of `resamples` drawn ones and the one seen. No differences give
    p = 1.

    >>> sign_flip_test([1.0, 2.0, 3.0])
    (0.25, True)
    >>> sign_flip_test([1.0, 2.0, 3.0], clusters=["a", "a", "b"])
    (0.5, True)
    """
    d = np.asarray(differences, dtype=np.float64)
    if clusters is not None:
        scale = np.abs(d).sum()
        d, _ = cluster_sums(d, clusters)
        d[np.abs(d) <= scale * 1e-15] = 0.0  # what rounding leaves of a sum that is 0
    d = d[d != 0]
    if len(d) == 0:
        return 1.0, True
    seen = abs(d.sum()) - np.abs(d).sum() * 1e-12
    if len(d) <= EXACT_UP_TO:
        sums = np.zeros(1)
        for value in d:
            sums = np.concatenate([sums + value, sums - value])
        return float((np.abs(sums) >= seen).mean()), True
    rng = np.random.default_rng(seed)
    step = max(1, CHUNK // len(d))
    as_far = 0
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        signs = rng.integers(0, 2, (rows, len(d)), dtype=np.int8) * 2 - 1
        as_far += int((np.abs(signs @ d) >= seen).sum())
    return (as_far + 1) / (resamples + 1), False
