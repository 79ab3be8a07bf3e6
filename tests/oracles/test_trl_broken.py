"""Broken files beside TRL: the record of what TRL did is whole, and in Heedful every defect shows."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import trl_broken  # noqa: E402  # pyright: ignore[reportMissingImports]
from trl_broken_files import DEFECTS, Defect  # noqa: E402  # pyright: ignore[reportMissingImports]

SOUND = DEFECTS[0]
CASES = [(d, s) for d in DEFECTS for s in d.settings]


@pytest.fixture(scope="module", autouse=True)
def _no_trial_steps() -> Iterator[None]:
    """A plan says here what the file is; what training would need is tests/train/test_estimate.py's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("heedful.cli.plan._estimate", lambda recipe, data: (None, "not asked here"))
        yield


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return json.loads(trl_broken.RECORD.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("broken")
    trl_broken.write(folder / "files")
    trl_broken.make_models(folder / "models")
    return folder / "files", folder / "models"


@pytest.fixture(scope="module")
def clean(folders: tuple[Path, Path]) -> dict[str, Any]:
    return trl_broken.run_heedful(SOUND, *folders)


def test_the_record_is_of_these_files(record: dict[str, Any]) -> None:
    assert record["versions"]["trl"]
    assert record["files"] == {d.name: d.fingerprint for d in DEFECTS}, "make the record again: see trl_broken.py"
    assert {(name, s) for name, cases in record["cases"].items() for s in cases} == {(d.name, s) for d, s in CASES}


@pytest.mark.parametrize(("defect", "settings"), CASES, ids=lambda v: getattr(v, "name", v))
def test_the_facts_of_trl_fit_together(defect: Defect, settings: str, record: dict[str, Any]) -> None:
    facts = record["cases"][defect.name][settings]
    assert (facts["phase"] == "done") == ("error" not in facts)
    if "tokens" in facts:
        assert facts["reach"] <= facts["rows"] == defect.rows
        assert facts["rows_with_trained_stop"] + facts["rows_wholly_masked"] <= facts["reach"]
        assert 0 < facts["trained_tokens"] < facts["tokens"]
        assert all(m["trained"] <= m["rows"] <= facts["reach"] for m in facts["marks"].values())


def test_trl_trains_the_sound_file_as_heedful_does(record: dict[str, Any], clean: dict[str, Any]) -> None:
    facts = record["cases"]["clean"]["answers"]
    assert facts["trained_tokens"] == clean["plan"]["trained_tokens"]
    # A line break after the stop token of each row, which Heedful leaves out.
    assert facts["tokens"] == clean["plan"]["tokens"] + SOUND.rows


def test_the_sound_file_brings_nothing_to_tell(clean: dict[str, Any]) -> None:
    assert [c["evidence"] for c in clean.values()] == [[["kept", "12"]], [["kept", "12"]]]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: d.name)
def test_the_defect_shows(defect: Defect, folders: tuple[Path, Path], clean: dict[str, Any]) -> None:
    found = trl_broken.run_heedful(defect, *folders)
    assert trl_broken.shown(defect, found, clean), found
    for command in found.values():
        errors = [text for kind, text in command["evidence"] if kind == "error"]
        assert len(errors) == (command["status"] != 0)
        assert all(text and "Traceback" not in text for text in errors)
    if defect.see[0] not in ("reads", "kept"):  # the evidence is the defect's own: a sound file does not give it
        assert not trl_broken.shown(defect, clean, clean)


def test_rows_that_are_read_otherwise_do_not_count_as_read(clean: dict[str, Any]) -> None:
    other = copy.deepcopy(clean)
    assert trl_broken.shown(SOUND, other, clean)
    other["plan"]["trained_tokens"] -= 1
    assert not trl_broken.shown(SOUND, other, clean)


FACTS = {
    "phase": "done", "rows": 12, "reach": 12, "tokens": 100, "trained_tokens": 40, "rows_with_trained_stop": 12,
    "rows_wholly_masked": 0, "most_bos": 1, "marks": {}, "loss": 5.0, "warnings": ["usual"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "**right**: 12 ROWS"),
        ({"reach": 9, "rows_with_trained_stop": 9}, "**trains** 9 ROWS; 3 of 12 rows left out; says nothing"),
        ({"rows_with_trained_stop": 10}, "**trains** 12 ROWS; 2 rows train no stop token; says nothing"),
        ({"most_bos": 2, "warnings": ["usual", "a|b"]}, "**trains** 12 ROWS; 2 BOS in a row; warns: a\\|b"),
        (
            {"marks": {"x": {"rows": 1, "trained": 1}, "y": {"rows": 0, "trained": 0}}},
            "**trains** 12 ROWS; x in 1 row, trained; says nothing",
        ),
        (
            {"phase": "train", "reach": 0, "error": {"type": "ValueError", "message": "no", "cause": "KeyError: 'a'"}},
            "leaves 12 of 12 rows out, then **stops** (train): ValueError: no (KeyError: 'a')",
        ),
    ],
)
def test_one_sentence_on_what_trl_did(changes: dict[str, Any], told: str) -> None:
    told = told.replace("ROWS", "rows, 40 of 100 tokens")
    assert trl_broken.tell_trl(SOUND, FACTS | changes, {"usual"}) == told


def test_the_table_has_a_row_for_each_defect(record: dict[str, Any], clean: dict[str, Any]) -> None:
    lines = trl_broken.table(record, {d.name: clean for d in DEFECTS}, DEFECTS).splitlines()
    rows = [line for line in lines if line.startswith("| ")][2:]
    assert len(rows) == len(DEFECTS)
    for defect, row in zip(DEFECTS, rows, strict=True):
        cells = row.replace("\\|", "").strip("| ").split(" | ")
        assert cells[0] == defect.what
        assert len(cells) == 3
        assert ("not shown" in cells[2]) == (not trl_broken.shown(defect, clean, clean))
