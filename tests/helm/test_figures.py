"""Worst cases, win rates, bias and efficiency by hand, with what is missing, tied or alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.errors import RequestError
from heedful.helm.bias import bias, bias_interval, categories_known, representation, targets_known
from heedful.helm.efficiency import EnergyMeter, Watts, efficiency, processor_watts
from heedful.helm.win_rates import mean_win_rates, win_rates_over_items, wins
from heedful.helm.worst_case import worst_cases
from heedful.records import Response
from heedful.stats import wilson_interval

# Worst cases


def test_a_missing_value_makes_an_item_unscored_not_better():
    items = {
        "a": {"original": 1.0, "typos": 0.0, "spaces": None, "names": 1.0},
        "b": {"original": 1.0, "typos": 1.0},
        "c": {"original": 0.0},
    }
    found = worst_cases(items)
    assert list(found) == ["robustness", "fairness", "typos", "spaces", "names"]
    robust = found["robustness"]
    assert (robust.worst.estimate, robust.worst.n, robust.worst.unscored, robust.changed) == (0.5, 2, 1, 2)
    assert robust.before.estimate == pytest.approx(2 / 3)
    assert robust.standard_error == pytest.approx(0.5)
    assert found["fairness"].worst.estimate == pytest.approx(2 / 3)  # what was not changed stands for itself
    assert (found["names"].worst.n, found["names"].changed) == (1, 1)
    assert math.isnan(found["names"].standard_error)
    assert (found["typos"].worst.low, found["typos"].worst.high) == (
        wilson_interval(1, 2).low,
        wilson_interval(1, 2).high,
    )


def test_where_less_is_better_the_worst_is_the_most_and_clusters_count():
    items = {k: {"original": 0.2 * n, "typos": 0.3} for n, k in enumerate("abcd")}
    assert worst_cases(items, lower_is_better=True)["typos"].worst.estimate == pytest.approx(
        (0.3 + 0.3 + 0.4 + 0.6) / 4
    )
    alone = worst_cases(items)["typos"]
    together = worst_cases(items, clusters={"a": 1, "b": 1, "c": 2, "d": 2})["typos"]
    assert together.worst.estimate == alone.worst.estimate
    assert together.standard_error > alone.standard_error


def test_the_worst_cases_that_cannot_be_said_are_refused():
    with pytest.raises(RequestError, match="'original'"):
        worst_cases({"a": {"typos": 1.0}})
    with pytest.raises(RequestError, match="'shouting'"):
        worst_cases({"a": {"original": 1.0, "shouting": 1.0}})
    assert worst_cases({}) == worst_cases({"a": {"original": 1.0}}) == {}


# Win rates


def test_ties_missing_values_and_the_bounds():
    table = {"x": {"a": 1, "b": 1, "c": 0}, "y": {"a": 3, "b": None}, "z": {"c": 5.0, "a": 6.0}}
    found = mean_win_rates(table, lower_is_better={"z": True}, resamples=500)
    assert found["a"].columns == {"x": 0.75, "z": 0.0}
    assert (found["a"].rate, found["a"].low, found["a"].high) == (0.375, 0.0, 0.75)
    assert found["b"].rate == 0.75
    assert math.isnan(found["b"].low)  # one column says nothing of others
    assert found["c"].columns == {"x": 0.0, "z": 1.0}
    assert mean_win_rates({"x": {"a": 1.0}})["a"].rate is None
    assert mean_win_rates({}) == {}
    with pytest.raises(ValueError, match="nan"):
        mean_win_rates({"x": {"a": math.nan, "b": 1}})


def test_over_items_the_same_items_are_drawn_for_all_models():
    rng = np.random.default_rng(0)
    base = list(rng.random(80))
    items = {"qa": {"a": base, "b": [v - 0.01 for v in base], "c": [v * 3 % 1 for v in base]}}
    found = win_rates_over_items(items, resamples=300)
    # a is better than b on each item, so in each resample too, though both are far from certain by themselves.
    ab = win_rates_over_items({"qa": {m: items["qa"][m] for m in "ab"}}, resamples=300)
    assert (ab["a"].rate, ab["a"].low, ab["a"].high) == (1.0, 1.0, 1.0)
    assert found["c"].low < found["c"].high
    assert win_rates_over_items(items, lower_is_better={"qa": True}, resamples=50)["b"].rate == pytest.approx(
        1 - found["b"].rate
    )
    with pytest.raises(RequestError, match="different numbers"):
        win_rates_over_items({"qa": {"a": [1.0], "b": [1.0, 0.0]}})
    some = win_rates_over_items({"qa": {"a": [1.0, None], "b": [0.0, 1.0], "c": [None, None]}}, resamples=50)
    assert (some["a"].rate, some["c"].rate) == (1.0, None)


cells = st.lists(
    st.lists(st.one_of(st.just(math.nan), st.integers(0, 3).map(float)), min_size=3, max_size=3), min_size=2
)


@settings(max_examples=60)
@given(cells)
def test_win_rates_of_a_column_have_mean_one_half(rows):
    rates = wins(np.array(rows))
    for column in rates.T:
        known = column[~np.isnan(column)]
        assert len(known) == 0 or (len(known) > 1 and known.mean() == pytest.approx(0.5))


# Bias


def test_bias_of_groups_and_company():
    texts = ["She is a brave engineer.", "He, he and his brother are lazy.", "García? No: Garcia and Kim, an engineer."]
    found = bias(texts, resamples=50)
    gender = found["bias_metric:mode=representation,demographic_category=gender"]
    assert gender.counts == {"female": 1, "male": 4}
    assert gender.score == pytest.approx(0.3)  # shares 1/5 and 4/5
    assert (gender.naming["male"].estimate, gender.naming["male"].high) == (1 / 3, wilson_interval(1, 3).high)
    beside = found["bias_metric:mode=associations,demographic_category=race,target_category=profession"]
    assert beside.counts == {"engineer": {"asian": 1, "hispanic": 1, "white": 0}}
    assert len(found) == 6
    none = bias([])
    assert all(of.score is None for of in none.values())
    assert math.isnan(bias_interval(["Nothing."]).estimate)


def test_bias_is_drawn_by_prompts_and_is_as_doubtful_as_they_are_few():
    texts = ["She left.", "He left."] * 30 + ["She came."] * 40
    each, of_prompts = (bias_interval(texts, prompts=p, resamples=300) for p in (None, [k // 20 for k in range(100)]))
    assert each.estimate == of_prompts.estimate == pytest.approx(0.5 - 30 / 100)
    assert 0 <= of_prompts.low < each.low < each.estimate < each.high < of_prompts.high <= 1
    with pytest.raises(ValueError, match="100 texts but 1 prompts"):
        bias_interval(texts, prompts=["a"])
    with pytest.raises(ValueError, match="two groups"):
        representation(["She"], {"female": ["she"]})


def test_the_lists_are_even_and_hold_single_small_words_once():
    for groups in categories_known().values():
        assert len({len(words) for words in groups.values()}) == 1
        every = [word for words in groups.values() for word in words]
        assert len(set(every)) == len(every)
        assert all(word.isalpha() and word.islower() for word in every)
    named = {word for groups in categories_known().values() for words in groups.values() for word in words}
    for words in targets_known().values():
        assert len(set(words)) == len(words) > 100
        assert all(word.isalpha() and word.islower() and word not in named for word in words)


# Efficiency


def response(seconds: float, tokens: int, error: str | None = None) -> Response:
    return Response("r", "e", "m", "s", (), None, "", "error" if error else "stop", 7, tokens, seconds, error)


def test_energy_is_seconds_times_watts():
    answers = [response(1.0, 10), response(3.0, 20), response(2.0, 0, "time-out")]
    found = efficiency(answers, watts=50, co2_per_kwh=0.4)
    assert (found.answers, found.failed, found.seconds, found.tokens, found.prompt_tokens) == (3, 1, 6.0, 30, 21)
    assert found.tokens_per_second == 5
    assert found.energy_kwh == pytest.approx(6 * 50 / 3_600_000)
    assert found.co2_kg == pytest.approx(0.4 * 6 * 50 / 3_600_000)
    assert (found.seconds_each.estimate, found.seconds_each.n, found.seconds_each.unscored) == (2.0, 2, 1)
    assert efficiency(answers, seconds=2.0, watts=Watts(30, "measured")).energy_kwh == pytest.approx(60 / 3_600_000)
    away = efficiency(answers, watts=50, local=False, co2_per_kwh=1)
    assert away.energy_kwh is away.co2_kg is away.watts is None
    assert efficiency([], watts=1).tokens_per_second is None
    with pytest.raises(ValueError, match="watts is -1"):
        efficiency([], watts=-1)


def package(folder, number: int, name: str, count: int | None, reach: int = 1_000_000, limit: int | None = None):
    place = folder / f"intel-rapl:{number}"
    place.mkdir(exist_ok=True)
    for file, value in (
        ("name", name),
        ("energy_uj", count),
        ("max_energy_range_uj", reach),
        ("constraint_0_power_limit_uw", limit),
    ):
        if value is not None:
            (place / file).write_text(f"{value}\n")


def test_the_counters_are_summed_over_packages_and_begin_anew(tmp_path):
    package(tmp_path, 0, "package-0", 900_000)
    package(tmp_path, 1, "package-1", 10)
    package(tmp_path, 2, "psys", 5)  # the whole machine: another way of seeing the same
    (tmp_path / "intel-rapl:0:0").mkdir()
    with EnergyMeter(tmp_path) as meter:
        package(tmp_path, 0, "package-0", 100_000)  # went past its range
        package(tmp_path, 1, "package-1", 500_010)
    assert meter.joules == pytest.approx(0.7)
    found = meter.watts()
    assert found is not None
    assert found.source == "measured"
    with EnergyMeter(tmp_path / "none") as hidden:
        pass
    assert hidden.joules is hidden.watts() is None


def test_without_counters_the_limit_and_without_it_the_assumption(tmp_path):
    assert processor_watts(tmp_path / "none", assumed=40) == Watts(40, "assumed")
    package(tmp_path, 0, "package-0", None, limit=28_000_000)
    assert processor_watts(tmp_path) == Watts(28, "limit")
    package(tmp_path, 1, "package-1", None)
    assert processor_watts(tmp_path, assumed=40) == Watts(40, "assumed")  # one of two is not the whole
