"""Does a model know what it knows? How its confidence goes with its being right.

Liang et al. 2022, section 4.4. crfm-helm computes it by the package uncertainty-calibration (Kumar, Liang, Ma,
"Verified uncertainty calibration", 2019, https://arxiv.org/abs/1909.10155). The figures are the same to rounding, but
for two things: of items with the same probability crfm-helm takes the order that a sort leaves them in, here it is the
mean over all orders; and Platt's curve is here at the maximum of its likelihood, there near to it (see `platt`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from heedful.helm.distances import interval_of_distance
from heedful.helm.platt import platt
from heedful.stats import LEVEL, Interval
from heedful.stats.values import Floats, pairs

KEYS = (
    "max_prob",
    "ece_1_bin",
    "ece_10_bin",
    "selective_cov_acc_area",
    "selective_acc@10",
    "platt_coef",
    "platt_intercept",
    "platt_ece_1_bin",
    "platt_ece_10_bin",
)


def calibration(probabilities: Sequence[float | None], correct: Sequence[float | None]) -> dict[str, float | None]:
    """crfm-helm's figures by its names (KEYS): of the probability that the model gave its answer, and if it was right.

    An item without a probability or without a verdict (None) is left out; without any item all figures are None. A
    verdict between 0 and 1 (several answers were equally likely, and some of them right) counts as wrong, as there.
    `platt_coef` and `platt_intercept` are None where no curve fits best: all answers right, all wrong, or parted by a
    probability; the error after Platt's scaling is then 0.

    >>> found = calibration([0.9, 0.6], [1, 0])
    >>> round(found["ece_1_bin"], 9), round(found["ece_10_bin"], 9), found["selective_acc@10"], found["platt_coef"]
    (0.25, 0.35, 1.0, None)
    """
    p, right = _checked(probabilities, correct)
    if len(p) == 0:
        return dict.fromkeys(KEYS)
    area, most_certain = selective(p, right)
    found: dict[str, float | None] = {
        "max_prob": float(p.mean()),
        "ece_1_bin": ece(p, right, 1),
        "ece_10_bin": ece(p, right, 10),
        "selective_cov_acc_area": area,
        "selective_acc@10": most_certain,
    }
    curve = platt(p, right)
    if curve is None:
        return found | {"platt_coef": None, "platt_intercept": None, "platt_ece_1_bin": 0.0, "platt_ece_10_bin": 0.0}
    scaled = curve(p)
    return found | {
        "platt_coef": curve.coef,
        "platt_intercept": curve.intercept,
        "platt_ece_1_bin": ece(scaled, right, 1),
        "platt_ece_10_bin": ece(scaled, right, 10),
    }


def _checked(probabilities: Sequence[float | None], correct: Sequence[float | None]) -> tuple[Floats, Floats]:
    if len(probabilities) != len(correct):
        raise ValueError(f"{len(probabilities)} probabilities but {len(correct)} verdicts; there must be one for each")
    p, right, _, _ = pairs(probabilities, correct)
    for name, values in (("probability", p), ("verdict", right)):
        outside = values[(values < 0) | (values > 1)]
        if len(outside):
            raise ValueError(f"a {name} is {outside[0]}; it must be from 0 to 1")
    return p, np.floor(right)


def ece(p: Floats, right: Floats, bins: int) -> float:
    """The expected calibration error (Guo et al. 2017) with bins of equal mass: the mean distance of confidence from
    accuracy, bins weighted by size.

    The sorted probabilities are cut into parts as equal as can be, as many as there are items where those are fewer
    than `bins`. A bin ends half-way between two parts, and equal probabilities are in one bin.
    """
    edges = _equal_mass(p, bins)
    at = np.searchsorted(edges, p)  # (n,) which bin; a probability on an edge belongs below it
    size, confidence, hits = (np.bincount(at, weights=w, minlength=len(edges)) for w in (np.ones(len(p)), p, right))
    return float(np.abs(confidence - hits).sum() / size.sum())


def _equal_mass(p: Floats, bins: int) -> Floats:
    parts = np.array_split(np.sort(p), min(bins, len(p)))
    inner = [(below[-1] + above[0]) / 2 for below, above in itertools.pairwise(parts)]
    return np.unique([*inner, 1.0])


def selective(p: Floats, right: Floats) -> tuple[float, float]:
    """Accuracy among the answers that the model is surest of: its mean over all coverages, and that at a tenth.

    The tenth has one item more than a tenth of all, rounded down, as in crfm-helm. Of equal probabilities each item
    counts as right as they are on average, which is the mean over their orders.
    """
    _, group, size = np.unique(-p, return_inverse=True, return_counts=True)
    share = np.bincount(group, weights=right) / size  # of each probability, from the highest on
    accuracy = np.cumsum(np.repeat(share, size)) / np.arange(1, len(p) + 1)
    return float(accuracy.mean()), float(accuracy[int(0.1 * len(p))])


def ece_interval(
    probabilities: Sequence[float | None],
    correct: Sequence[float | None],
    *,
    bins: int = 10,
    level: float = LEVEL,
    resamples: int = 999,
    seed: int = 0,
) -> Interval:
    """The expected calibration error with equal-mass bins and its interval over items (see `distances`).

    What chance makes of it is drawn as Bröcker and Smith do ("Increasing the reliability of reliability diagrams",
    2007): verdicts of a model that is right as often as it says.
    """
    p, right = _checked(probabilities, correct)
    n, unscored = len(p), len(probabilities) - len(p)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0, unscored)
    rng = np.random.default_rng(seed)
    drawn = [ece(p[rows], right[rows], bins) for rows in (rng.integers(0, n, n) for _ in range(resamples))]
    calibrated = [ece(p, (rng.random(n) < p).astype(float), bins) for _ in range(resamples)]
    return interval_of_distance(ece(p, right, bins), np.array(drawn), np.array(calibrated), n, level, 1.0, unscored)
