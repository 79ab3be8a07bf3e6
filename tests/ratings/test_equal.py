"""The numbers of FastChat and arena-rank on the same votes, as tests/oracles/ratings_record.py recorded them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from heedful.ratings import Options, rate, ratings_json, tally, vote_of

ORACLES = Path(__file__).parents[1] / "oracles"
INPUTS = runpy.run_path(str(ORACLES / "ratings_inputs.py"))
SETS, votes = INPUTS["SETS"], INPUTS["votes"]
RECORD = json.loads((ORACLES / "ratings.json").read_text())
LONG = ("many votes", "forty models")


@pytest.fixture(scope="module")
def drawn():
    """The votes of each set, made once."""
    return {name: [vote_of(v) for v in votes(name)] for name in SETS if name not in LONG}


def farthest(found, says, key="rating"):
    assert {m.model for m in found.models} == set(says)
    return max(abs(getattr(m, key) - says[m.model]) for m in found.models)


@pytest.mark.parametrize("name", [n for n in SETS if n not in LONG])
@pytest.mark.parametrize("profile", ["fastchat", "fastchat-main", "arena-rank"])
def test_point_ratings(profile, name, drawn):
    found = rate(drawn[name], Options(profile=profile, interval="sandwich"))
    says = RECORD[profile]["says"][name]
    assert farthest(found, says["ratings"]) < 0.01
    if profile == "arena-rank":
        assert farthest(found, says["lower"], "lower") < 0.01
        assert farthest(found, says["upper"], "upper") < 0.01


@pytest.mark.parametrize("name", [n for n in SETS if n not in LONG])
def test_sequential_elo(name, drawn):
    found = rate(drawn[name], Options(profile="elo", rounds=20))
    assert farthest(found, RECORD["fastchat"]["says"][name]["elo"]) < 1e-6


@pytest.mark.parametrize("name", [n for n in SETS if n.startswith("style")])
@pytest.mark.parametrize("profile", ["fastchat-main", "arena-rank"])
def test_style_control(profile, name, drawn):
    found = rate(drawn[name], Options(profile=profile, style=True, interval="sandwich"))
    says = RECORD[profile]["says"][name]["style"]
    assert farthest(found, says["ratings"]) < 0.01
    assert found.coefficients == pytest.approx(says["coefficients"], abs=1e-4)
    if profile == "arena-rank":
        assert farthest(found, says["lower"], "lower") < 0.01
        assert farthest(found, says["upper"], "upper") < 0.01


def test_our_own_ratings_are_the_maximum(drawn):
    """arena-rank's, but for its solver's tolerance; FastChat's stop earlier, up to a quarter of a point."""
    found = rate(drawn["twenty models, unevenly often"])
    assert farthest(found, RECORD["arena-rank"]["says"]["twenty models, unevenly often"]["ratings"]) < 0.01
    assert farthest(found, RECORD["fastchat-main"]["says"]["twenty models, unevenly often"]["ratings"]) > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("profile", ["fastchat", "fastchat-main", "arena-rank"])
def test_point_ratings_of_many_votes(profile, name):
    found = rate([vote_of(v) for v in votes(name)], Options(profile=profile, interval="sandwich"))
    assert farthest(found, RECORD[profile]["says"][name]["ratings"]) < 0.01


def test_fastchats_anchor(drawn):
    """FastChat puts llama-13b at 800 where it is among the models."""
    plain = drawn["four models"]
    swapped = [
        vote_of({**v, **{k: "llama-13b" for k in ("model_a", "model_b") if v[k] == "model-00"}})
        for v in votes("four models")
    ]
    before, after = (rate(v, Options(profile="fastchat", rounds=20)) for v in (plain, swapped))
    ratings = {m.model: m.rating for m in after.models}
    assert ratings["llama-13b"] == pytest.approx(800)
    shift = 800 - next(m.rating for m in before.models if m.model == "model-00")
    assert all(m.model == "model-00" or ratings[m.model] == pytest.approx(m.rating + shift) for m in before.models)
    assert "llama-13b is set to 800, as FastChat does" in after.notes


def test_json_is_whole(drawn):
    counted = tally(drawn["style"])
    document = json.loads(json.dumps(ratings_json(rate(counted)), allow_nan=False))
    assert document["votes"]["used"] == counted.used == 1500
    assert sum(m["n"] for m in document["ratings"].values()) == 3000
    matrix = document["matrix"]
    for i, row in enumerate(matrix["win_rate"]):
        assert row[i] is None
        assert all(row[j] + matrix["win_rate"][j][i] == pytest.approx(1) for j in range(len(row)) if j != i)
