"""The length-controlled win rate: what the win rate would be if the model's answers were as long as the baseline's.

A logistic regression explains each preference by three things, without an intercept:

    tanh(difference of lengths / its standard deviation)      length
    how difficult the instruction is                          where the model is strong or weak
    1 (0 in rows of the gamed baseline)                       skill

Then the first is set to 0 and the preference of every row is predicted; their mean is the length-controlled win rate.
The rows of the gamed baseline (see `tables`) take part in the fit with a weight of 0.1. The regression has an L1
penalty whose strength is chosen by cross-validation over five parts; a preference between 0 and 1 counts as a win with
that weight and as a loss with the rest.

Source: Dubois et al., "Length-Controlled AlpacaEval", COLM 2024; https://github.com/tatsu-lab/alpaca_eval,
``metrics/glm_winrate.py`` (`length_controlled_v1`), version 0.6.6, which fits with scikit-learn's
``LogisticRegressionCV``. Here the same grid is gone through with ``LogisticRegression``, which changes no
global setting of scikit-learn's.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heedful.scorers.alpaca_eval.annotations import Annotation
from heedful.scorers.alpaca_eval.figures import DRAW, mean_percent, standard_error_percent
from heedful.scorers.alpaca_eval.tables import GamedTable

GAMED_WEIGHT = 0.2 / 2  # the published strength, shared by the two gamed baselines
PARTS = 5
STRENGTHS = np.logspace(-4, 4, 10)  # scikit-learn's own grid of C
SEED = 123


@dataclass(frozen=True)
class LengthControlled:
    """A win rate and its standard error in percent, or the `reason` why there is none.

    `note` says what a reader should know although there is a figure.
    """

    win_rate: float | None
    standard_error: float | None
    reason: str | None = None
    note: str | None = None


def length_controlled(annotations: Sequence[Annotation], table: GamedTable) -> LengthControlled:
    """The published figure, from all three terms and the rows of the gamed baseline.

    Where the rows allow no fit, the reason is told, not raised: the win rate can be had without it.
    """
    reason = cannot_be_fitted(annotations)
    if reason:
        return LengthControlled(None, None, reason)
    if _is_baseline(annotations):
        return _baseline(annotations)
    places = _places(annotations)
    missing = next((p for p in places if p not in table.difficulty_of), None)
    if missing is not None:
        return LengthControlled(None, None, f"the table knows no difficulty of instruction number {missing}")
    length, preference = _lengths(annotations), _preferences(annotations)
    difficulty = np.array([table.difficulty_of[p] for p in places])
    own = np.column_stack([np.tanh(length), difficulty, np.ones(len(length))])  # (n, 3)
    gamed = np.column_stack([np.tanh(table.std_delta_len), table.difficulty, table.not_gamed.astype(float)])
    weights = np.where(np.concatenate([table.not_gamed, np.ones(len(length), bool)]), 1.0, GAMED_WEIGHT)
    fitted = _fit(np.vstack([gamed, own]), np.concatenate([table.preference, preference]), weights)
    if isinstance(fitted, str):
        return LengthControlled(None, None, fitted)
    note = None
    if "index" not in annotations[0].row and len(annotations) != len(table.difficulty_of):
        note = (
            f"{len(annotations)} annotations but {len(table.difficulty_of)} instructions in the table: the difficulty "
            "is taken by place in the file, as alpaca_eval does, so it is right only if the first are the same"
        )
    return _predicted(fitted, np.column_stack([np.zeros(len(length)), difficulty, np.ones(len(length))]), note)


def cannot_be_fitted(annotations: Sequence[Annotation]) -> str | None:
    """Why no length-controlled figure can be had from these rows, whatever the table; None where it can."""
    for name in ("generator_1", "generator_2"):
        names = {a.text(name) for a in annotations}
        if None in names:
            where = next(a.where for a in annotations if a.text(name) is None)
            return f"{where} has no {name}"
        if len(names) > 1 and name == "generator_2":
            return f"there are {len(names)} models in {name}; keep one model a file"
    for a in annotations:
        p = a.preference
        if p is not None and p != 0 and not 1 <= p <= 2:
            return f"{a.where} has the preference {p:g}, outside of 1 to 2"
    if _is_baseline(annotations):
        return None
    for a in annotations:
        for name in ("output_1", "output_2"):
            if a.text(name) is None:
                return f"{a.where} has no {name}"
    difference = _differences(annotations)
    if len(difference) < 2 or not difference.std(ddof=1) > 0:
        return "the answers' lengths differ by the same everywhere"
    return None


def _is_baseline(annotations: Sequence[Annotation]) -> bool:
    return annotations[0].text("generator_1") == annotations[0].text("generator_2")


def _baseline(annotations: Sequence[Annotation]) -> LengthControlled:
    """The baseline against itself: one half by construction, with no row left to err."""
    half = np.full(sum(a.preference is not None for a in annotations), 0.5)
    return LengthControlled(mean_percent(half), standard_error_percent(half))


def _places(annotations: Sequence[Annotation]) -> list[int]:
    """The number of each row's instruction: its own `index` where the file has one, else its place in the file."""
    if not any("index" in a.row for a in annotations):
        return list(range(len(annotations)))
    given = [a.row.get("index") for a in annotations]
    return [int(i) if isinstance(i, int | float) and not isinstance(i, bool) and i == int(i) else -1 for i in given]


def _differences(annotations: Sequence[Annotation]) -> np.ndarray:
    """Length of the baseline's answer less that of the model's, in characters, (n,)."""
    lengths = [(len(a.text("output_1") or ""), len(a.text("output_2") or "")) for a in annotations]
    return np.array([first - second for first, second in lengths], dtype=np.float64)


def _lengths(annotations: Sequence[Annotation]) -> np.ndarray:
    difference = _differences(annotations)
    return difference / difference.std(ddof=1)


def _preferences(annotations: Sequence[Annotation]) -> np.ndarray:
    """From 0 to 1, NaN where there is none, (n,)."""
    known = [np.nan if a.preference is None else DRAW if a.preference == 0 else a.preference for a in annotations]
    return np.array(known) - 1


def _predicted(coefficients: np.ndarray, features: np.ndarray, note: str | None) -> LengthControlled:
    """Every row counts here, also one without a preference: it is predicted."""
    shares = 1 / (1 + np.exp(-(features @ coefficients)))
    return LengthControlled(mean_percent(shares), standard_error_percent(shares), note=note)


def _fit(features: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray | str:
    """The coefficients, (k,), of a fit to features (n, k) and targets from 0 to 1 (n,); or why there is none.

    Rows whose target is NaN are left out. Each other one stands twice: as a win weighted by its target, as a loss by
    the rest.
    """
    from sklearn.model_selection import GroupKFold

    kept = ~np.isnan(targets)
    features, targets, weights = features[kept], targets[kept], weights[kept]
    n = len(targets)
    if n < PARTS:
        return f"there are {n} rows with a preference, and the fit needs {PARTS}"
    twice, wins = np.vstack([features, features]), np.repeat([1, 0], n)
    both, pair = np.concatenate([targets, targets]), np.concatenate([weights, weights])
    odds = np.where(wins == 1, both, 1 - both) * pair
    sums = np.zeros(len(STRENGTHS))
    for train, held in GroupKFold(PARTS).split(twice, wins, np.tile(np.arange(n), 2)):
        for k, strength in enumerate(STRENGTHS):
            found = _regression(twice[train], wins[train], odds[train], strength)
            sums[k] -= _log_loss(both[held], 1 / (1 + np.exp(-(twice[held] @ found))), pair[held])
    return _regression(twice, wins, odds, STRENGTHS[int(np.argmax(sums))])


def _regression(features: np.ndarray, wins: np.ndarray, weights: np.ndarray, strength: float) -> np.ndarray:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, l1_ratio=1, solver="liblinear", fit_intercept=False, random_state=SEED)
    with warnings.catch_warnings():
        # liblinear stops after 100 rounds, here as there; a fit of the grid that has not ended is seldom the best.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, wins, sample_weight=weights).coef_[0]


def _log_loss(targets: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    predicted = np.clip(predicted, 1e-15, 1 - 1e-15)
    return -float(np.mean(weights * (targets * np.log(predicted) + (1 - targets) * np.log(1 - predicted))))
