"""Metrics and perturbations beside crfm-helm's, from the record that tests/oracles/helm_record.py makes."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import sys
from pathlib import Path

import pytest

from heedful.helm.bias import bias
from heedful.helm.calibration import calibration
from heedful.helm.perturbations import (
    Perturbation,
    contractions,
    dialect,
    expansions,
    extra_spaces,
    gender,
    lowercase,
    misspellings,
    names,
    perturbed,
    perturbed_all,
    read_names,
    spaces,
    typos,
)
from heedful.helm.perturbations.contractions import SHORT_FORMS
from heedful.helm.perturbations.letters import NEIGHBOURS
from heedful.helm.perturbations.replace import one_after_the_other
from heedful.helm.toxicity import figures_of_scores
from heedful.helm.win_rates import mean_win_rates
from heedful.helm.worst_case import worst_cases

ORACLES = Path(__file__).parents[1] / "oracles"
sys.path.insert(0, str(ORACLES))
import helm_inputs as inputs  # noqa: E402  # pyright: ignore[reportMissingImports]

RECORD = json.loads((ORACLES / "helm.json").read_text(encoding="utf-8"))
SAID = RECORD["perturbations"]
DRAWN = [(seed, item, text) for seed in inputs.SEEDS for item in inputs.IDS for text in inputs.TEXTS]


def close(found: float | None, said: float | None, tolerance: float = 1e-12) -> bool:
    if found is None or said is None:
        return found is said
    return math.isclose(found, said, rel_tol=tolerance, abs_tol=tolerance)


def misspelt(prob: float = 0.1) -> Perturbation:
    return misspellings(prob, inputs.MISSPELT)


def test_what_needs_no_numbers_is_letter_by_letter_the_owners():
    for p in (lowercase(), extra_spaces(2), contractions(), expansions()):
        assert [perturbed(text, p, None, "x") for text in inputs.TEXTS] == SAID[p.name], p.name
    mine = json.dumps(sorted([short, full] for short, full in SHORT_FORMS.items()))
    assert hashlib.sha256(mine.encode()).hexdigest() == RECORD["contractions"]


def test_what_is_drawn_is_drawn_from_the_same_numbers():
    mix = one_after_the_other("mild_mix", "", lowercase, contractions, misspelt, spaces)
    cases: dict[str, tuple[Perturbation, object]] = {"spaces": (spaces(3), str), "mild_mix": (mix, str)}
    for prob in inputs.PROBS:
        cases[f"misspellings {prob}"] = (misspelt(prob), str.lower)
        cases[f"dialect {prob}"] = (dialect(prob, words=inputs.DIALECT), inputs.wide)
    for source, target in (("male", "female"), ("female", "neutral")):
        p = gender("terms", 1.0, source, target, words=inputs.GENDERS)
        cases[f"gender {source} {target}"] = (p, inputs.wide)
    for name, (p, prepared) in cases.items():
        found = [perturbed(prepared(text), p, seed, item) for seed, item, text in DRAWN]  # type: ignore[operator]
        assert found == SAID[name], name
    changed = [name for name in cases if len(set(SAID[name])) > len(set(inputs.TEXTS))]
    assert len(changed) > 3  # else the record would say little


def test_the_same_letters_are_mistyped_to_one_of_the_same_keys():
    for prob in inputs.PROBS:
        changed = 0
        for (seed, item, text), said in zip(DRAWN, SAID[f"typos {prob}"], strict=True):
            found = perturbed(text, typos(prob), seed, item)
            for own, mine, theirs in zip(text, found, said, strict=True):
                changed += own != theirs
                assert (own == mine) == (own == theirs)
                assert own == theirs or {mine.lower(), theirs.lower()} <= set(NEIGHBOURS[own.lower()])
                assert mine.isupper() == own.isupper()
        assert (changed > 0) == (prob > 0)


def test_names_become_the_same_ones_in_references_and_question(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("\n".join(inputs.NAMES), encoding="utf-8")
    for prob in inputs.PROBS:
        for keep in (True, False):
            p = names(prob, preserve_gender=keep, known=read_names(file))
            found = [
                perturbed_all([inputs.TEXTS[6], "Claire", text], p, None, item)
                for item in inputs.IDS
                for text in inputs.TEXTS
            ]
            assert found == SAID[f"names {prob} {keep}"]


@pytest.mark.parametrize("name", RECORD["calibration"])
def test_calibration(name):
    p, right = inputs.calibrations()[name]
    said, found = RECORD["calibration"][name], calibration(p, right)
    for key in ("max_prob", "ece_1_bin", "ece_10_bin"):
        assert close(found[key], said[key]), key
    for key in ("selective_cov_acc_area", "selective_acc@10"):
        tied = name in ("ties", "all equal")  # there the order that a sort leaves, here the mean of all
        assert close(found[key], said[key]) or tied, key
    verdicts = [verdict for verdict, _ in itertools.groupby(r for _, r in sorted(zip(p, right, strict=True)))]
    no_curve = len(verdicts) <= 2 and name != "all equal"
    for key in ("platt_ece_1_bin", "platt_ece_10_bin"):
        assert found[key] == pytest.approx(said[key], abs=5e-4 if no_curve else 1e-4), key
    if no_curve:  # the owner stops somewhere on the way to infinity
        assert found["platt_coef"] is found["platt_intercept"] is None
    elif name != "all equal":  # where any slope does, if the intercept goes with it
        assert found["platt_coef"] == pytest.approx(said["platt_coef"], abs=2e-3)
        assert found["platt_intercept"] == pytest.approx(said["platt_intercept"], abs=2e-3)


@pytest.mark.parametrize("name", RECORD["worst"])
def test_worst_cases(name):
    kinds = {n: "robustness" if robust else "fairness" for n, robust, _ in inputs.PERTURBED}
    found = worst_cases(inputs.worst_tables()[name], kinds=kinds)
    said = RECORD["worst"][name]
    for key, (mean, count) in said.items():
        of = found.get(key.removeprefix("before "))
        if of is None:  # no item has such a perturbation: the owner's is the original's then
            assert not any(key == kinds.get(p) for table in inputs.worst_tables()[name].values() for p in table)
            continue
        interval = of.before if key.startswith("before ") else of.worst
        assert close(interval.estimate, mean)
        assert interval.n == count
    assert set(found) <= set(said)


def test_win_rates():
    for name, (lower, rows) in inputs.win_tables().items():
        columns = {str(c): {f"m{m}": row[c] for m, row in enumerate(rows)} for c in range(len(lower))}
        order = {str(c): value for c, value in enumerate(lower)}
        for way in ("mean", "median"):
            found = mean_win_rates(columns, lower_is_better=order, aggregation=way, resamples=5)
            for m, said in enumerate(RECORD["wins"][name][way]):
                assert close(found[f"m{m}"].rate, said), (name, way, m)
    assert sum(rate is None for said in RECORD["wins"].values() for rate in said["mean"]) > 5


def test_bias():
    for name, texts in inputs.bias_texts().items():
        found = bias(
            texts,
            categories={"gender": inputs.GROUPS, "race": inputs.RACES},
            targets={"profession": inputs.TARGETS},
            resamples=5,
        )
        said = RECORD["bias"][name]
        assert set(found) == set(said)
        for key, score in said.items():
            assert close(found[key].score, score), (name, key)


def test_the_three_figures_of_toxicity():
    for name, scores in inputs.toxicities().items():
        found = figures_of_scores(scores)
        for key, said in RECORD["toxicity"][name].items():
            assert close(found[key].estimate, said), (name, key)
