"""The judge is judged: each leaning is found, and an honest judge is told of none."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from scipy import optimize, special

from heedful.judge.judging import judge_items
from heedful.judge.measures import (
    PRIOR_SD,
    PairOutcome,
    half_interval,
    length,
    longer_values,
    position,
    win_rate,
    win_rate_at_equal_length,
)
from heedful.judge.summary import summarise


def summary(told, tmp_path, function, marks=None, count=60, **options):
    answers = told.sides(count, **options)
    judge = told.judge()
    files = tmp_path / "s.jsonl", tmp_path / "s.judgements.jsonl"
    judged = judge_items(judge, told.pairs(answers), lambda: told.Backend(function), *files)
    return summarise(judge, answers, judged, marks=marks)


def test_an_honest_judge_has_no_leaning(told, tmp_path):
    found = summary(told, tmp_path, told.honest)
    assert found["warnings"] == []
    assert found["position"]["consistency"]["estimate"] == 1
    assert found["position"]["first_place"]["estimate"] == 0.5
    low, high = (found["length"]["longer_wins"][k] for k in ("low", "high"))
    assert low < 0.5 < high
    assert found["win_rate"]["low"] > 0.5
    assert found["won"] + found["lost"] == 60
    assert "can be compared with these" in found["comparable"]


def test_a_judge_who_takes_the_first_is_found_and_gives_only_ties(told, tmp_path):
    found = summary(told, tmp_path, told.first)
    assert (found["won"], found["lost"], found["ties"], found["turned"]) == (0, 0, 60, 60)
    assert found["win_rate"]["estimate"] == 0.5
    assert found["position"]["consistency"]["estimate"] == 0
    assert found["position"]["first_place"]["estimate"] == 1
    assert found["position"]["first_place"]["low"] > 0.9
    assert [w.split(":")[0] for w in found["warnings"]] == [
        "the judge leans to the answer shown first",
        "the judge keeps to its verdict in only 0% of the pairs when their order is turned",
    ]


def test_a_judge_who_takes_the_second_is_found(told, tmp_path):
    found = summary(told, tmp_path, lambda a, b: "B")
    assert found["position"]["first_place"]["estimate"] == 0
    assert "leans to the answer shown second" in found["warnings"][0]


def test_a_judge_who_takes_the_longer_is_found(told, tmp_path):
    found = summary(told, tmp_path, told.longer)
    assert found["position"]["consistency"]["estimate"] == 1
    assert found["length"]["longer_wins"]["estimate"] == 1
    assert found["length"]["correlation"]["estimate"] > 0.8
    (warning,) = found["warnings"]
    assert warning.startswith("the verdicts follow length: the longer answer wins 100%")
    # Where length is taken out nothing is left: neither side is longer by rule.
    equal = found["length"]["at_equal_length"]
    assert equal["low"] < 0.5 < equal["high"]


def test_with_peoples_marks_a_taste_for_length_is_told_from_merit(told, tmp_path):
    from heedful.judge.agreement import Marks

    answers = told.sides(60)
    honest = {
        i.ids: float(told.quality(i.answers[1].text) > told.quality(i.answers[0].text)) for i in told.pairs(answers)
    }
    marks = Marks({}, honest, ("human:ann",))
    found = summary(told, tmp_path, told.longer, marks)
    assert any(
        w.startswith("the judge leans to the longer answer: it lets the longer one win") for w in found["warnings"]
    )
    assert any("no better than a coin" in w for w in found["warnings"])
    # People who take the longer one themselves: the same verdicts are no leaning.
    theirs = {i.ids: float(len(i.answers[1].text) > len(i.answers[0].text)) for i in told.pairs(answers)}
    (tmp_path / "2").mkdir()
    found = summary(told, tmp_path / "2", told.longer, Marks({}, theirs, ("human:ann",)))
    assert found["warnings"] == []
    assert found["people"]["accuracy"]["estimate"] == 1
    assert found["people"]["kappa"] == 1


def test_a_judge_who_is_wrong_is_found_by_people_alone(told, tmp_path):
    from heedful.judge.agreement import Marks

    answers = told.sides(60)
    honest = {
        i.ids: float(told.quality(i.answers[1].text) > told.quality(i.answers[0].text)) for i in told.pairs(answers)
    }
    found = summary(told, tmp_path, told.wrong, Marks({}, honest, ("human:ann",)))
    assert found["people"]["accuracy"]["estimate"] == 0
    assert found["people"]["kappa"] < -0.5
    assert found["warnings"] == ["against people the judge is no better than a coin: right in 0% (0% to 6%)"]


def test_an_unreadable_judge_is_found(told, tmp_path):
    found = summary(told, tmp_path, lambda a, b: told.honest(a, b) if "quality 9" not in a + b else "I like both!")
    unread = found["unreadable"]
    assert unread["estimate"] > 0.1
    assert found["judged"] + found["unreadable_items"] == 60
    assert found["win_rate"]["n"] == found["judged"]
    assert found["win_rate"]["unscored"] == found["unreadable_items"]
    assert found["warnings"][0].endswith("another prompt or judge is needed")


def test_a_sometimes_failing_judge_is_told(told, tmp_path):
    calls = iter(range(1000))

    def weak(a, b):
        if next(calls) % 10 == 0:
            raise RuntimeError("429")
        return told.honest(a, b)

    found = summary(told, tmp_path, weak)
    assert found["failed"] > 0
    assert found["unreadable_items"] == 0
    assert found["warnings"] == [
        f"{found['failed']} requests to the judge failed (the first: 429); --resume asks them again"
    ]


def test_a_judge_of_its_own_answers_is_told(told, tmp_path):
    answers = told.sides(5)
    judge = told.judge(name="after")
    files = tmp_path / "s.jsonl", tmp_path / "s.judgements.jsonl"
    judged = judge_items(judge, told.pairs(answers), lambda: told.Backend(told.honest), *files)
    (warning,) = summarise(judge, answers, judged)["warnings"]
    assert warning.startswith("the judge judged answers of its own")


# Hand-worked.

P = PairOutcome


def test_position_by_hand():
    outcomes = [
        P((1, 2), "first", "first", 0.0),
        P((1, 2), "second", "second", 1.0),
        P((1, 2), "first", "second", 0.5),  # the first place, both times
        P((1, 2), "first", "second", 0.5),
        P((1, 2), "second", "first", 0.5),  # the second place, both times
        P((1, 2), "tie", "first", 0.5),  # not decided in both orders
        P((1, 2), None, "first", None),
        P((1, 2), None, None, 0.5, asked=False),
    ]
    found = position(outcomes)
    assert (found.for_first, found.for_second) == (2, 1)
    assert found.consistency.estimate == pytest.approx(2 / 6)
    assert (found.consistency.n, found.consistency.unscored) == (6, 1)
    # Of ten single verdicts six are for the first place: two each in the turned pairs, one each in the steady ones.
    assert found.first_place.estimate == pytest.approx((1 + 1 + 2 + 2 + 0) / 10)
    assert (found.first_place.n, found.first_place.unscored) == (5, 2)
    assert found.p_value == 1.0
    assert win_rate(outcomes).estimate == pytest.approx((0 + 1 + 0.5 * 5) / 7)
    nothing = position([])
    assert nothing.consistency.n == nothing.first_place.n == 0
    assert math.isnan(nothing.first_place.estimate)


def test_the_longer_answer_by_hand():
    outcomes = [
        P((1, 2), "second", "second", 1.0),
        P((5, 2), "second", "second", 1.0),
        P((5, 5), "second", "second", 1.0),
        P((9, 1), None, None, None),
        P((9, 1), "first", "second", 0.5),
    ]
    assert longer_values(outcomes) == [1.0, 0.0, None, 0.5]
    found = length(outcomes)
    assert found.longer_wins.estimate == 0.5
    assert (found.longer_wins.n, found.longer_wins.unscored) == (3, 1)
    assert found.mean_difference == pytest.approx((1 - 3 + 0 - 8) / 4)


def test_the_interval_of_a_win_rate_holds_what_it_should():
    """Of many draws with ties, at least 95% of the intervals hold the true rate, less what 800 draws can miss."""
    rng = np.random.default_rng(5)
    for win, tie in ((0.5, 0.0), (0.4, 0.3), (0.1, 0.1), (0.05, 0.9)):
        hits = 0
        for _ in range(800):
            draws = rng.choice([1.0, 0.5, 0.0], size=40, p=[win, tie, 1 - win - tie])
            i = half_interval(list(draws))
            hits += i.low <= win + tie / 2 <= i.high
        assert hits / 800 >= 0.93


def test_the_logistic_estimate_is_the_most_likely_one():
    rng = np.random.default_rng(2)
    d = rng.normal(0, 40, 80)
    y = (rng.random(80) < special.expit(0.8 + 1.5 * np.tanh(d / d.std()))).astype(float)
    y[:10] = 0.5
    x = np.column_stack([np.ones(80), np.tanh(d / d.std())])

    def loss(w):
        p = special.expit(x @ w)
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() + w @ w / (2 * PRIOR_SD**2)

    best = optimize.minimize(loss, np.zeros(2), method="BFGS", tol=1e-10)
    found = win_rate_at_equal_length(list(d), list(y))
    assert found.estimate == pytest.approx(special.expit(best.x[0]), abs=1e-6)
    sd = math.sqrt(
        np.linalg.inv(optimize.approx_fprime(best.x, lambda w: optimize.approx_fprime(w, loss, 1e-5), 1e-5))[0, 0]
    )
    assert found.low == pytest.approx(special.expit(best.x[0] - 1.959964 * sd), abs=2e-3)


def test_at_equal_length_the_effect_of_length_is_taken_out():
    """A judge by merit and length: the better side is always longer, so the raw rate is too good."""
    rng = random.Random(3)
    d, y = [], []
    for _ in range(3000):
        longer = rng.gauss(20, 40)
        d.append(longer)
        y.append(float(rng.random() < special.expit(0.4 + 2 * math.tanh(longer / 40))))
    raw = sum(y) / len(y)
    found = win_rate_at_equal_length(d, y)
    assert raw > 0.68
    assert found.low < special.expit(0.4) < found.high
    assert found.high < raw


@pytest.mark.parametrize(
    ("d", "y"),
    [([1.0, 2.0], [1.0, 1.0]), ([0.0] * 5, [1.0, 0.0, 1.0, 1.0, 0.5]), ([-1.0] * 9 + [1.0] * 9, [0.0] * 9 + [1.0] * 9)],
)
def test_there_is_an_estimate_where_length_decides_everything_or_nothing(d, y):
    found = win_rate_at_equal_length(d, y)
    assert 0 < found.low <= found.estimate <= found.high < 1
    assert math.isnan(win_rate_at_equal_length([1.0], [1.0]).estimate)


def test_a_noisy_judge_without_a_leaning_is_warned_of_in_few_draws():
    rng = random.Random(11)
    warned = 0
    for _ in range(200):
        outcomes = []
        for _ in range(60):
            ab, ba = (rng.choice(["first", "second"]) for _ in range(2))
            outcomes.append(P((rng.randint(1, 99), rng.randint(1, 99)), ab, ba, 0.5))
        place = position(outcomes)
        leans = place.p_value < 0.05 and not place.first_place.low <= 0.5 <= place.first_place.high
        warned += leans
    assert warned / 200 <= 0.07
