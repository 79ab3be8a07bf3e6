"""The page of `heedful helm` in a real Chromium: nothing runs, phone width, dark, what was not measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heedful.helm.columns import COLUMNS
from heedful.helm.page import helm_page

HOSTILE = "</td><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
MODELS = ("hf:first", f"scripted:{HOSTILE}/{'x' * 90}")

pytestmark = pytest.mark.browser


def cell(value: float | None) -> dict[str, Any]:
    if value is None:
        return {"value": None, "why": "the answers are chosen, not written", "n": 0, "unscored": 0}
    return {"value": value, "low": value / 2, "high": (1 + value) / 2, "n": 40, "unscored": 0}


def results() -> dict[str, Any]:
    scenarios = ("mmlu:anatomy", f"mine:{HOSTILE}")
    one = {
        "summary": HOSTILE, "profile": "own", "shots": 5, "items": 40, "requested": 90, "limit": 40, "metric": "f1",
        "changed": {"typos": 40}, "hashes": {"prompts": dict.fromkeys(MODELS, "0" * 64)},
    }  # fmt: skip
    part = {"worst": {"value": 0.25}, "before": {"value": 0.5}, "changed": 40}
    cells = {c: cell(None if c in ("bias", "toxicity") else 0.5) for c in COLUMNS}
    cells["robustness"]["parts"] = {"typos": part}
    compared = {
        "a": MODELS[0], "b": MODELS[1], "scenario": scenarios[1], "column": "accuracy", "before": 0.5, "after": 0.75,
        "difference": 0.25, "low": 0.1, "high": 0.4, "p": 0.001, "adjusted_p": 0.002, "n": 40, "verdict": "better",
    }  # fmt: skip
    rate = {"value": 0.5, "low": 0.25, "high": 1.0, "scenarios": {}}
    return {
        "created": "2026-11-26T00:00:00+00:00",
        "models": [{"name": m, "folder": "f", "precision": "fp32", "template": {"name": "none"}} for m in MODELS],
        "seed": 0,
        "columns": {c: {} for c in COLUMNS},
        "perturbations": {"typos": {"kind": "robustness", "about": ""}},
        "scenarios": dict.fromkeys(scenarios, one),
        "cells": {m: dict.fromkeys(scenarios, cells) for m in MODELS},
        "mean_win_rates": {c: dict.fromkeys(MODELS, rate) if c != "bias" else {} for c in COLUMNS},
        "comparisons": [compared],
        "versions": {"heedful": HOSTILE},
    }


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("page") / "helm.html"
    file.write_text(helm_page(results()), encoding="utf-8")
    return file


def test_nothing_runs_and_everything_is_told(open_file, page_file):
    page = open_file(page_file)
    assert page.evaluate("window.hacked") is None
    assert page.locator("script, img").count() == 0
    assert page.locator("h1").text_content() == "B is better than A in 1 of 1 comparisons and worse in 0."
    assert page.locator("#matrix tbody tr").count() == 2
    assert page.locator("#matrix tbody tr >> nth=0 >> td >> nth=0").text_content().split() == ["0.50", ".25–1"]
    assert page.locator("#matrix .nothing").count() == 2  # nobody has a win rate of bias
    assert page.locator("#figures .nothing").count() == 8
    assert page.locator("#missing dd").first.text_content() == "the answers are chosen, not written"
    assert page.locator("#differences .word").text_content() == "better"
    assert page.locator("#copies tbody td >> nth=1").text_content() == "0.50 → 0.25"
    style = "getComputedStyle(document.querySelector('.figure circle')).fill"
    assert page.evaluate(style) == "rgb(11, 96, 104)"  # the style sheet is allowed


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (360, "dark"), (768, "light"), (1280, "dark")])
def test_it_fits_and_follows_the_system(open_file, page_file, width, scheme):
    page = open_file(page_file, viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(back.split("(")[1].split(",")[0]) > 128) is (scheme == "light")
