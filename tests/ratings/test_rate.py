"""Ratings worked by hand, what does not change them, and the answer to every hard case."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.errors import RequestError
from heedful.ratings import Options, Vote, rate, ratings_json, tally

MIRRORED = {"model_a": "model_b", "model_b": "model_a", "tie": "tie", "tie (bothbad)": "tie (bothbad)"}
BOTH_WAYS = "abacbccbdabdca"  # each two letters: the first beat the second; all reach all


def beat(pairs, **more):
    return [Vote(a, b, "model_a", **more) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]


def by_model(found, key="rating"):
    return {m.model: getattr(m, key) for m in found.models}


def test_two_models_by_hand():
    """3 wins of 4: odds of 3 to 1 are 400 log10(3) points, half to each side of 1000."""
    found = rate(beat("ababab") + beat("ba"))
    half = 200 * math.log10(3)
    assert by_model(found) == pytest.approx({"a": 1000 + half, "b": 1000 - half})
    # H = 4 p (1 - p) = 3/4, G = 3 (1/4)^2 + (3/4)^2 = 3/4: the difference has a standard error of sqrt(4/3).
    error = 400 / math.log(10) * math.sqrt(4 / 3) / 2
    assert found.models[0].upper == pytest.approx(1000 + half + 1.959964 * error)


def test_ties_are_halves():
    ties = [Vote("a", "b", "tie"), Vote("b", "a", "tie (bothbad)")]
    assert by_model(rate(beat("abab") + ties)) == pytest.approx(by_model(rate(beat("ababab") + beat("ba"))))
    assert (found := rate(beat("ab") + ties)).tally.both_bad == 1
    assert found.tally.ties == 2


VOTES = st.lists(
    st.builds(Vote, st.sampled_from("abcd"), st.sampled_from("abcde"), st.sampled_from(sorted(MIRRORED))), max_size=25
)
PROFILES = st.sampled_from(["heedful", "fastchat", "arena-rank"])


@settings(max_examples=40, deadline=None)
@given(VOTES, st.randoms(use_true_random=False), PROFILES)
def test_neither_order_nor_names_nor_sides_matter(votes, rng, profile):
    """Shuffled, renamed against the alphabet, and seen from the other side, ratings and ranks are the same."""
    votes = [*votes, *beat("aedeea")]
    options = Options(profile=profile, interval="sandwich")
    before = rate(votes, options)
    rename = dict(zip("abcde", "zyxwv", strict=True))
    other = [Vote(rename[v.model_b], rename[v.model_a], MIRRORED[v.winner]) for v in votes]
    rng.shuffle(other)
    after = {m.model: m for m in rate(other, options).models}
    for m in before.models:
        there = after[rename[m.model]]
        assert (there.n, there.wins, there.losses, there.ties) == (m.n, m.wins, m.losses, m.ties)
        assert (there.standing, there.rank) == (m.standing, m.rank)
        for key in ("rating", "lower", "upper"):
            assert getattr(there, key) == pytest.approx(getattr(m, key), abs=0.05 if profile == "fastchat" else 1e-6)


@settings(max_examples=30, deadline=None)
@given(VOTES)
def test_the_maximum_explains_the_wins(votes):
    """At the maximum each model wins as often as its rating expects; the mean of the block is 1000."""
    found = rate([*votes, *beat(BOTH_WAYS)])
    rated = [m for m in found.models if m.standing == "rated"]
    assert np.mean([m.rating for m in rated]) == pytest.approx(1000)
    place = {m.model: k for k, m in enumerate(found.models)}
    for m in rated:
        others = [o for o in rated if o is not m]
        met = [found.votes[place[m.model], place[o.model]] for o in others]
        won = sum(found.wins[place[m.model], place[o.model]] for o in others)
        expected = sum(n / (1 + 10 ** ((o.rating - m.rating) / 400)) for n, o in zip(met, others, strict=True))
        assert won == pytest.approx(expected, abs=1e-6)


def test_an_anchor_shifts_all():
    votes = beat(BOTH_WAYS)
    plain, held = rate(votes), rate(votes, Options(anchors=(("c", 0.0),)))
    shift = by_model(plain)["c"]
    for key in ("rating", "lower", "upper"):
        assert by_model(held, key) == pytest.approx({m: v - shift for m, v in by_model(plain, key).items()})


def test_a_model_that_never_lost():
    votes = beat(BOTH_WAYS) + beat("xa") * 5
    found = rate(votes)
    top = found.models[0]
    assert (top.model, top.standing, top.rating, top.upper) == ("x", "above", None, None)
    assert by_model(found)["a"] == pytest.approx(by_model(rate(beat(BOTH_WAYS)))["a"])  # the others are as without it
    # Clopper and Pearson: five wins of five have p of at least 0.025^(1/5).
    p = 0.025 ** (1 / 5)
    assert top.lower == pytest.approx(by_model(found)["a"] + 400 * math.log10(p / (1 - p)))
    assert "x only won and never lost" in found.notes[0]
    below = rate(beat(BOTH_WAYS) + beat("ax") * 5).models[-1]
    assert (below.model, below.standing, below.lower) == ("x", "below", None)
    assert below.upper == pytest.approx(2 * by_model(found)["a"] - top.lower)
    assert all(v is not None for v in by_model(rate(votes, Options(profile="fastchat", rounds=20))).values())


def test_groups_that_never_met():
    found = rate(beat(BOTH_WAYS) + beat("xyyx"))
    assert by_model(found, "group") == {"a": 1, "b": 1, "c": 1, "d": 1, "x": 2, "y": 2}
    assert by_model(found)["x"] == pytest.approx(1000)
    assert "2 groups that were never compared with each other (a, b, c and d; x and y)" in found.notes[0]
    held = rate(beat(BOTH_WAYS) + beat("xyyx"), Options(anchors=(("a", 0.0), ("x", 500.0))))
    assert by_model(held)["y"] == pytest.approx(500)
    with pytest.raises(RequestError, match="a holds this scale already"):
        rate(beat(BOTH_WAYS), Options(anchors=(("a", 0.0), ("b", 0.0))))


def test_apart():
    """x and a were only ever compared over t, which beat both: nothing says who of them is better."""
    found = rate(beat("abba") + beat("ta") + beat("tx"))
    assert by_model(found, "standing") == {"a": "rated", "b": "rated", "t": "above", "x": "apart"}


@pytest.mark.parametrize("pairs", ["ab", "abbc", "abcbad"])
def test_nobody_both_won_and_lost(pairs):
    found = rate(beat(pairs))
    assert {m.rating for m in found.models} == {m.lower for m in found.models} == {None}
    assert {m.rank for m in found.models} == {1}
    assert "no ratings yet" in found.notes[0]


@pytest.mark.parametrize("interval", ["sandwich", "bootstrap"])
def test_only_ties(interval):
    found = rate([Vote("a", "b", "tie"), Vote("b", "c", "tie")], Options(interval=interval, rounds=20))
    assert by_model(found) == pytest.approx({"a": 1000, "b": 1000, "c": 1000})
    assert {m.lower for m in found.models} == {None}
    assert "only ties among a, b and c" in found.notes[0]


def test_repeated_votes():
    again = [*beat("ab", judge="j", tstamp=1.0), *beat("ab", judge="j", tstamp=1.0), *beat("ba", judge="k", tstamp=1.0)]
    again.append(Vote("b", "a", "tie", judge="j", tstamp=1.0))  # the other way round, and another opinion
    found = rate(again)
    assert (found.tally.used, found.tally.repeated) == (2, 2)
    assert any("2 votes repeated" in n and "the first one counts" in n for n in found.notes)
    theirs = rate(again, Options(profile="arena-rank"))
    assert (theirs.tally.used, theirs.tally.repeated) == (4, 2)
    assert any("counted as arena-rank does" in n for n in theirs.notes)
    other = [*beat("ab", judge="j", question_id="1", tstamp=1.0), *beat("ab", judge="j", question_id="2", tstamp=1.0)]
    assert tally([*other, *beat("abab")]).repeated == 0  # other questions, and votes without a judge


def test_what_is_left_out_is_told():
    votes = [*beat(BOTH_WAYS), *beat("aa"), *beat("ab", anony=False)]
    found = rate(votes)
    figures = ratings_json(found)["votes"]
    assert (figures["read"], figures["used"], figures["against_itself"], figures["names_shown"]) == (9, 7, 1, 1)
    assert any("1 vote of a model against itself left out" in n for n in found.notes)
    assert any("1 vote with the models' names shown left out" in n for n in found.notes)
    with pytest.raises(RequestError, match="no vote is left of 1: 1 showed the models' names"):
        rate(beat("ab", anony=False))


def test_elo_goes_by_time():
    late, early = Vote("a", "b", "model_a", tstamp=2.0), Vote("b", "c", "model_a", tstamp=1.0)
    found = by_model(rate([late, early], Options(profile="elo", rounds=20)))
    assert found["c"] == 998
    assert found["a"] == pytest.approx(1000 + 4 * (1 - 1 / (1 + 10 ** (2 / 400))))


def test_the_bootstrap_is_the_sandwich_for_many_votes():
    rng = np.random.default_rng(3)
    votes = [
        Vote(*(("a", "b", "c", "d")[k] for k in rng.permutation(4)[:2]), ("model_a", "model_b", "tie")[rng.integers(3)])
        for _ in range(3000)
    ]
    wide, same = rate(votes), rate(votes, Options(interval="bootstrap", rounds=400))
    for m, b in zip(wide.models, same.models, strict=True):
        assert b.upper - b.lower == pytest.approx(m.upper - m.lower, rel=0.2)
    assert rate(votes, Options(interval="bootstrap", rounds=400)).models == same.models  # by seed


def test_style_is_taken_out():
    """a wins where its answer is longer, at the same strength; with style held equal the lead is gone."""
    rng = np.random.default_rng(0)
    votes = []
    for _ in range(800):
        long_a, long_b = 200 + 400 * rng.random(), 100 + 400 * rng.random()
        lead = 3 * (long_a - long_b) / (long_a + long_b)
        winner = "model_a" if rng.random() < 1 / (1 + math.exp(-lead)) else "model_b"
        said = [_said("word " * int(n)) for n in (long_a, long_b)]
        if rng.random() < 0.5:  # sides by chance: the features are held against their mean
            votes.append(Vote("a", "b", winner, conversation_a=said[0], conversation_b=said[1]))
        else:
            votes.append(Vote("b", "a", MIRRORED[winner], conversation_a=said[1], conversation_b=said[0]))
    plain, styled = rate(votes), rate(votes, Options(style=True))
    assert plain.models[0].lower > plain.models[1].upper
    gap = by_model(styled)["a"] - by_model(styled)["b"]
    assert abs(gap) < 40
    assert styled.coefficients is not None
    assert styled.coefficients[0] > 0.5
    assert styled.coefficients[1:] == (0, 0, 0)


def _said(text):
    return [{"role": "user", "content": "# ?"}, {"role": "assistant", "content": text}]


@pytest.mark.slow
@pytest.mark.parametrize("interval", ["sandwich", "bootstrap"])
def test_intervals_hold_the_truth(interval):
    """Of 95% intervals of 6 models over 100 sets of 600 votes with ties, about 95 in 100 hold the true rating."""
    rng = np.random.default_rng(11)
    held = []
    for _ in range(100):
        strength = rng.normal(0, 0.5, 6)
        truth = 1000 + 400 / math.log(10) * (strength - strength.mean())
        votes = []
        for _ in range(600):
            a, b = rng.choice(6, 2, replace=False)
            p = 1 / (1 + math.exp(strength[b] - strength[a]))
            tie, u = 0.5 * min(p, 1 - p), rng.random()
            winner = "model_a" if u < p - tie / 2 else "tie" if u < p + tie / 2 else "model_b"
            votes.append(Vote(f"m{a}", f"m{b}", winner))
        for m in rate(votes, Options(interval=interval, rounds=200)).models:
            held.append(m.lower <= truth[int(m.model[1])] <= m.upper)
    assert 0.92 < np.mean(held) < 0.975
