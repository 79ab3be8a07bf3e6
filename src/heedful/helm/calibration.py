"""Does a model know what it knows? How its confidence goes with its being right.

Liang et al. 2022, section 4.4. crfm-helm computes it by the package uncertainty-calibration (Kumar, Liang, Ma,
"Verified uncertainty calibration", 2019, https://arxiv.org/abs/1909.10155).
"""

from __future__ import annotations

from collections.abc import Sequence

from heedful.stats import LEVEL, RESAMPLES, Interval

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
    """crfm-helm's figures by its names (KEYS), of the probability that the model gave its answer and whether it was right.

    An item without a probability or verdict (None) is left out. A figure that is not defined is None.
    """
    raise NotImplementedError


def ece_interval(
    probabilities: Sequence[float | None],
    correct: Sequence[float | None],
    *,
    bins: int = 10,
    level: float = LEVEL,
    resamples: int = RESAMPLES // 10,
    seed: int = 0,
) -> Interval:
    """The expected calibration error with equal-mass bins, and its bootstrap interval over items."""
    raise NotImplementedError
