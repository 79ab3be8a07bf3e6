"""BIG-bench's metrics on generated text (bigbench 1.0.0, api/task_metrics.py and, for BLEU and ROUGE, t5 0.9.4).

Each takes the targets of every question and the text that was answered, and gives the owner's number to the last digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from heedful.errors import DataError

Targets = Sequence[Sequence[str]]
ROUGE_TYPES = ("rouge1", "rouge2", "rougeLsum")
ROUGE_DRAWS = 1000


def answer_in(text: str, output_regex: str | None, stop_string: str | None) -> str:
    r"""The part of a model's text that is scored: up to the stop string, and of that the first match.

    A stop string at the very beginning stops nothing, and without a match the answer is empty: the owner's rules
    (models/model_utils.py).

    >>> answer_in("\n 42. 7*7 = 49", r"\d+", "\n"), answer_in("Yes\nNo", None, "\n"), answer_in("?", "[a-z]+", None)
    ('42', 'Yes\n', '')
    """
    if stop_string and (place := text.find(stop_string)) > 0:
        text = text[: place + len(stop_string)]
    if output_regex:
        found = re.search(output_regex, text)
        text = (found[found.re.groups] or "") if found else ""
    return text


def exact_str_match(targets: Targets, answers: Sequence[str]) -> float:
    """The share of answers that are one of the targets."""
    return sum(a in t for t, a in zip(targets, answers, strict=True)) / len(targets)


def case_insensitive_str_match(targets: Targets, answers: Sequence[str]) -> float:
    """The same without capitals and without spaces at both ends."""
    pairs = zip(targets, answers, strict=True)
    return sum(a.strip().lower() in [x.strip().lower() for x in t] for t, a in pairs) / len(targets)


def sequence_f1(targets: Targets, answers: Sequence[str]) -> float:
    """In percent, the mean share of words that are right at their place; of several targets the first counts."""
    shares = []
    for of_question, answer in zip(targets, answers, strict=True):
        wanted = of_question[0].split(" ")
        words = answer.split(" ")[: len(wanted)]
        words += ["O"] * (len(wanted) - len(words))
        shares.append(100 * np.mean([w == g for w, g in zip(words, wanted, strict=True)]))
    return float(np.mean(np.array(shares)))


def numeric_match(targets: Targets, answers: Sequence[str], largest: float = 0.1) -> float:
    """The share of numbers that are at most a tenth off.

    The owner divides by the target without taking its sign away: below zero every number is right.
    """
    right = 0
    for of_question, answer in zip(targets, answers, strict=True):
        if len(of_question) != 1:
            raise DataError(
                f"numeric_match_with_0_1_relative_error takes one target a question, not {len(of_question)}"
            )
        wanted, found = _number(of_question[0]), _number(answer)
        if wanted is not None and found is not None:
            right += abs(found - wanted) / (wanted if wanted != 0 else 1) <= largest
    return right / len(targets)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def bleu(targets: Targets, answers: Sequence[str]) -> float:
    """sacrebleu's corpus BLEU with its international tokenizer; a question with fewer targets repeats its first one."""
    import sacrebleu

    most = max(map(len, targets))
    padded = [[*t, *[t[0]] * (most - len(t))] for t in targets]
    streams = [[of_question[i] for of_question in padded] for i in range(most)]
    return sacrebleu.corpus_bleu(list(answers), streams, smooth_method="exp", smooth_value=0.0, tokenize="intl").score


def rouge(targets: Targets, answers: Sequence[str], seed: int = 0) -> dict[str, float]:
    """rouge1, rouge2 and rougeLsum in percent, each with the best of the targets.

    The owner's figure is no mean: it is the median of the means of 1,000 random draws, from numpy's global generator,
    which it seeds nowhere. This is its number after ``numpy.random.seed(seed)``.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(ROUGE_TYPES)
    scored = [
        [scorer.score(target=_lines(target), prediction=_lines(answer)) for target in of_question]
        for of_question, answer in zip(targets, answers, strict=True)
    ]
    rng, found = np.random.RandomState(seed), {}
    for kind in ROUGE_TYPES:
        best = np.array([max(s[kind].fmeasure for s in of_question) for of_question in scored])
        # The owner asks for all three figures three times, each time with the best targets of one of them.
        for drawn in ROUGE_TYPES:
            means = _means(best, rng) if drawn == kind else _skip(len(best), rng)
            if means is not None:
                found[kind] = float(np.percentile(means, 50.0) * 100)
    return found


def _lines(text: str) -> str:
    return text.replace(" . ", " .\n")  # rougeLsum compares line by line


def _draws(number: int, rng: np.random.RandomState) -> Iterator[np.ndarray]:
    """The places of so many rows, 1,000 times, as blocks of (draws, N): the owner draws one time after the other."""
    block = max(1, 1_000_000 // number)
    for start in range(0, ROUGE_DRAWS, block):
        yield rng.randint(0, number, size=(min(block, ROUGE_DRAWS - start), number))


def _means(values: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """The mean of the values in each draw, summed from left to right as the owner does. (N,) -> (1000,)"""
    blocks = [np.mean(values[np.ascontiguousarray(rows.T)], axis=0) for rows in _draws(len(values), rng)]
    return np.concatenate(blocks)


def _skip(number: int, rng: np.random.RandomState) -> None:
    for _ in _draws(number, rng):
        pass


TEXT_FUNCTIONS: dict[str, Callable[[Targets, Sequence[str]], float]] = {
    "bleu": bleu,
    "exact_str_match": exact_str_match,
    "case_insensitive_str_match": case_insensitive_str_match,
    "sequence_f1": sequence_f1,
    "numeric_match_with_0_1_relative_error": numeric_match,
}
