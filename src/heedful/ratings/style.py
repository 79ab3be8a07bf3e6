"""How an answer looks, and ratings with that held equal.

Chatbot Arena's style control ("Does style matter?", https://lmsys.org/blog/2024-08-28-style-control/): four counts of
each answer, length in tokens, markdown headers, list items and bold words. Of each, the difference of the two sides is
divided by their sum, standardised over all votes, and put into the Bradley-Terry model beside the strengths:

    log odds that a wins = theta_a - theta_b + sum_k coefficient_k * feature_k
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from heedful.errors import DataError, HeedfulError
from heedful.ratings.cells import Floats, Ints, pair_matrix, sums

FEATURES = ("length", "headers", "lists", "bold")
_COUNTED = ("sum_assistant_{}_tokens", "header_count_{}", "list_count_{}", "bold_count_{}")
_CODE = re.compile("```([^`]*)```")
_HEADER = re.compile(r"^#{1,6}\s", re.MULTILINE)
_LIST = re.compile(r"^\s*(?:\d+\.|[-*+])\s", re.MULTILINE)
_BOLD = (re.compile(r"\*\*[^*\n]+\*\*"), re.compile(r"__[^_\n]+__"))
_TOKEN = re.compile(r"\w+|[^\w\s]")


def counts_of(row: Mapping[str, Any], where: str = "the vote") -> tuple[float, ...] | None:
    """The four counts of answer a, then of b; None where the vote has neither conv_metadata nor conversations.

    Counts that the file brings (`conv_metadata`) go before counts made here from the conversations.
    """
    given = row.get("conv_metadata")
    if given:
        return tuple(_given(given, name.format(side), where) for side in "ab" for name in _COUNTED)
    texts = [_answers(row.get(f"conversation_{side}"), where) for side in "ab"]
    if None in texts:
        return None
    return tuple(value for text in texts for value in looks(text or ""))


def _given(counts: Any, name: str, where: str) -> float:
    value = counts.get(name) if isinstance(counts, Mapping) else None
    if isinstance(value, Mapping):  # headers by level, lists by kind, bold by mark
        value = sum(v for v in value.values() if isinstance(v, int | float))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise DataError(f"{where}: conv_metadata has no count {name}; style control needs all four of both")
    return float(value)


def _answers(conversation: Any, where: str) -> str | None:
    """What the model said in all its turns."""
    if not conversation:
        return None
    if not isinstance(conversation, list | tuple) or not all(isinstance(m, Mapping) for m in conversation):
        raise DataError(f"{where}: a conversation is no list of messages with role and content; write it as one")
    return "\n".join(str(m.get("content", "")) for m in conversation if m.get("role") == "assistant")


def looks(text: str) -> tuple[int, int, int, int]:
    """Tokens, headers, list items and bold words of an answer; markdown inside fenced code does not count.

    Markdown is counted as FastChat's `add_markdown_info.py` counts it: the text of a code block is taken out wherever
    it stands. Tokens here are words and marks, since no tokenizer is common to all models.

    >>> looks("# Plan\\n1. **Go**\\n2. Rest")
    (11, 1, 2, 1)
    """
    tokens = len(_TOKEN.findall(text))
    for block in _CODE.findall(text):
        text = text.replace(block, "")
    bold = sum(len(mark.findall(text)) for mark in _BOLD)
    return tokens, len(_HEADER.findall(text)), len(_LIST.findall(text)), bold


@dataclass(frozen=True, slots=True)
class StyledVotes:
    """Votes one by one, since their features differ. Shapes: `a`, `b`, `outcome`, `weight` (V,), `features` (V, 4)."""

    models: int
    a: Ints
    b: Ints
    outcome: Floats
    weight: Floats
    features: Floats


def features_of(counts: Floats, add_one: bool) -> Floats:
    """(V, 4) from (V, 8) counts: (a - b) / (a + b), standardised. A column without differences is 0.

    `add_one` puts 1 into the sum, as FastChat does; without it an empty sum is 1, as in arena-rank's example.
    """
    difference, total = counts[:, :4] - counts[:, 4:], counts[:, :4] + counts[:, 4:]
    ratio = difference / (total + 1 if add_one else np.where(total == 0, 1, total))
    spread = ratio.std(axis=0)
    return (ratio - ratio.mean(axis=0)) / np.where(spread > 0, spread, 1)


def pair_weights(a: Ints, b: Ints, models: int) -> Floats:
    """arena-rank's weights: a vote counts 1 / max(votes of its pair, 50), so that often shown pairs do not rule; the
    mean is 1."""
    number = np.minimum(a, b) * models + np.maximum(a, b)
    weight = 1 / np.maximum(np.bincount(number, minlength=models * models)[number], 50)
    return weight / weight.mean()


def fit_styled(votes: StyledVotes, ridge: Floats, start: Floats | None = None) -> tuple[Floats, Floats]:
    """(M,) strengths and (4,) coefficients: the highest weighted likelihood less half of ridge times the squares.

    `ridge`: (M + 4,). By Newton's method, from `start` or 0; the strengths' mean is 0. HeedfulError where there is
    no finite maximum.
    """
    m = votes.models
    x = np.zeros(m + votes.features.shape[1]) if start is None else start
    value = _objective(x, votes, ridge)
    for _ in range(100):
        slope, bend = _derivatives(x, votes, ridge)
        bend[:m, :m] += np.trace(bend) / m**2
        empty = np.diag(bend) == 0  # a feature that never differs
        bend[empty, empty] = 1
        step = _solved(bend, slope)
        if np.abs(step).max() < 1e-9:
            x += step
            return x[:m] - x[:m].mean(), x[m:]
        length = 1.0
        while (new := _objective(x + length * step, votes, ridge)) < value - 1e-9 * abs(value) and length > 1e-6:
            length /= 2
        x, value = x + length * step, new
    raise HeedfulError(
        "with style held equal no ratings are finite: the features tell every vote; leave out --style-control"
    )


def _solved(bend: Floats, right: Floats) -> Floats:
    """The solution; HeedfulError where there is no one, since style and models cannot be told apart."""
    try:
        return np.linalg.solve(bend, right).astype(np.float64)
    except np.linalg.LinAlgError:
        raise HeedfulError(
            "with style held equal no ratings are told: the features go with the models or with each other, as where "
            "each model looks the same in all votes; leave out --style-control"
        ) from None


def _logits(x: Floats, votes: StyledVotes) -> Floats:
    return x[votes.a] - x[votes.b] + votes.features @ x[votes.models :]


def _objective(x: Floats, votes: StyledVotes, ridge: Floats) -> float:
    d = _logits(x, votes)
    each = votes.outcome * log_expit(d) + (1 - votes.outcome) * log_expit(-d)
    return float(votes.weight @ each - 0.5 * ridge @ x**2)


def _derivatives(x: Floats, votes: StyledVotes, ridge: Floats) -> tuple[Floats, Floats]:
    p = expit(_logits(x, votes))
    residual = votes.weight * (votes.outcome - p)
    slope = _spread(votes, residual)[0] - ridge * x
    bend = joint_matrix(votes, votes.weight * p * (1 - p))
    bend[np.diag_indices(len(x))] += ridge
    return slope, bend


def _spread(votes: StyledVotes, values: Floats) -> tuple[Floats, Floats]:
    """Sums over votes of value * (e_a - e_b, features), and of value * features for each model, (M, 4)."""
    plain = sums(votes.a, values, votes.models) - sums(votes.b, values, votes.models)
    weighted = values[:, None] * votes.features
    cross = np.stack([sums(votes.a, w, votes.models) - sums(votes.b, w, votes.models) for w in weighted.T], axis=1)
    return np.concatenate([plain, weighted.sum(axis=0)]), cross


def joint_matrix(votes: StyledVotes, values: Floats) -> Floats:
    """(M + 4, M + 4): the sum over votes of value * z z^T, z = (e_a - e_b, features)."""
    cross = _spread(votes, values)[1]
    own = votes.features.T @ (values[:, None] * votes.features)
    return np.block([[pair_matrix(votes.models, votes.a, votes.b, values), cross], [cross.T, own]])


def styled_sandwich(
    theta: Floats, coefficients: Floats, votes: StyledVotes, bend_ridge: float | None, coefficient_ridge: float = 0.0
) -> Floats:
    """(M + 4,) standard errors by H^-1 G H^-1, as `bradley_terry.sandwich`.

    arena-rank adds `bend_ridge` to the diagonal of the mean H, leaves its penalty out of H and takes its square out of
    G; None is the pseudo-inverse, about the mean of the strengths.
    """
    count, m = len(votes.a), votes.models
    p = expit(_logits(np.concatenate([theta, coefficients]), votes))
    bend = joint_matrix(votes, votes.weight * p * (1 - p) / count)
    squares = joint_matrix(votes, (votes.weight * (votes.outcome - p)) ** 2 / count)
    if bend_ridge is None:
        empty = np.diag(bend) == 0
        bend[empty, empty] = 1
        bend[:m, :m] += 1 / m
        inverse = _solved(bend, np.eye(len(bend)))
        inverse[:m, :m] -= 1 / m
    else:
        penalty = np.concatenate([np.zeros(m), coefficient_ridge * coefficients])
        squares -= np.outer(penalty, penalty) / count
        inverse = np.linalg.inv(bend + bend_ridge * np.eye(len(bend)))
    return np.sqrt(np.maximum(np.diag(inverse @ squares @ inverse) / count, 0))


def fastchat_styled(votes: StyledVotes, log_base: float) -> tuple[Floats, Floats]:
    """FastChat's `compute_style_control`: a ridge of 0.5 on all, where scipy's L-BFGS-B stops at its tolerance."""

    def loss(x: Floats) -> tuple[float, Floats]:
        scaled = np.concatenate([log_base * x[: votes.models], x[votes.models :]])
        d = _logits(scaled, votes)
        value = -np.sum(votes.outcome * log_expit(d) + (1 - votes.outcome) * log_expit(-d)) + 0.25 * x @ x
        slope = -_spread(votes, votes.outcome - expit(d))[0]
        slope[: votes.models] *= log_base
        return float(value), slope + 0.5 * x

    start = np.zeros(votes.models + votes.features.shape[1])
    x = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100, "gtol": 1e-6})["x"]
    return log_base * x[: votes.models], x[votes.models :]
