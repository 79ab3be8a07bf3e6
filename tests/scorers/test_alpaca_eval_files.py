"""AlpacaEval's files from Heedful's records and back: nothing is lost, and alpaca_eval hands the ids on."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.errors import DataError
from heedful.records import Message, Response, Score
from heedful.scorers.alpaca_eval import from_annotations, from_model_outputs, score, to_annotations, to_model_outputs
from heedful.store import write_json

ORACLES = Path(__file__).parents[1] / "oracles"
DOCS = Path(__file__).parents[2] / "docs"
HANDED_ON = json.loads((ORACLES / "alpaca_eval.json").read_text(encoding="utf-8"))["handed_on"]
OUTPUTS = json.loads((ORACLES / "alpaca_eval_outputs.json").read_text(encoding="utf-8"))
PUBLISHED = Path("/work/shared/data/alpaca_eval/annotations-alpaca-7b.json")


def response(id: str, example: str, model: str, text: str, question: str = "Name a colour.", **more: Any) -> Response:
    values: dict[str, Any] = {"finish_reason": "stop", "prompt_tokens": 3, "tokens": 2, "seconds": 0.1} | more
    messages = values.pop("messages", (Message("user", question),))
    return Response(id, example, model, "settings", messages, None, text, **values)


BEFORE = [response("a1", "e1", "before", "Blue."), response("a2", "e2", "before", "6", "Add 2 and 3.")]
AFTER = [response("b1", "e1", "after", "Red."), response("b2", "e2", "after", "5", "Add 2 and 3.")]
VERDICTS = [
    Score("s1", "e1", ("a1", "b1"), "pairs", "judge:m", 0.0),
    Score("s2", "e2", ("a2", "b2"), "pairs", "judge:m", None, explanation="no verdict in 'neither'"),
]


def test_model_outputs_are_what_alpaca_eval_was_given():
    made = [
        response("b1", "e1", "after", "Red."),
        response("b3", "e3", "after", "Hello.", "Say hello."),
        response("b4", "e4", "after", "", finish_reason="error", error="time-out"),
    ]
    assert to_model_outputs(made) == OUTPUTS["second"]


def test_the_context_follows_the_question_after_a_blank_line():
    made = response("r", "e", "m", "5", messages=(Message("user", "Add.", context="2 and 3"),))
    assert to_model_outputs([made])[0]["instruction"] == "Add.\n\n2 and 3"


@pytest.mark.parametrize(
    "messages", [(), (Message("system", "Be brief."), Message("user", "Q")), (Message("user", "Q"),) * 3]
)
def test_a_conversation_has_no_place_there(messages):
    with pytest.raises(DataError, match=r"response r: .* hold one question a row"):
        to_model_outputs([response("r", "e", "m", "A", messages=messages)])


def test_model_outputs_come_back(tmp_path):
    write_json(tmp_path / "model_outputs.json", to_model_outputs(AFTER))
    back = from_model_outputs(tmp_path / "model_outputs.json")
    lost = {"settings": "imported", "prompt_tokens": 0, "tokens": 0, "seconds": 0.0}
    assert back == [replace(r, **lost) for r in AFTER]


def test_rows_of_other_programs_get_ids_from_their_texts(tmp_path):
    rows = [
        {"instruction": "Q", "output": "A", "generator": "m"},
        {"instruction": "Q", "output": "B", "generator": "m"},
    ]
    write_json(tmp_path / "model_outputs.json", rows)
    first, second = from_model_outputs(tmp_path / "model_outputs.json")
    assert first.example_id == second.example_id
    assert first.id != second.id
    assert from_model_outputs(tmp_path / "model_outputs.json") == [first, second]


def test_annotations_and_back(tmp_path):
    rows = to_annotations(VERDICTS, [*BEFORE, *AFTER])
    assert [r["preference"] for r in rows] == [1.0, None]
    assert (rows[0]["output_1"], rows[0]["generator_2"], rows[0]["annotator"]) == ("Blue.", "after", "m")
    write_json(tmp_path / "annotations.json", rows)
    back = from_annotations(tmp_path / "annotations.json")
    assert list(back.scores) == VERDICTS
    assert [(r.id, r.text) for r in back.responses] == [("a1", "Blue."), ("b1", "Red."), ("a2", "6"), ("b2", "5")]
    assert to_annotations(back.scores, back.responses) == rows
    figures = score(tmp_path / "annotations.json", None, None)
    assert (figures["win_rate"], figures["n_total"], figures["n_null"]) == (0.0, 1, 1)


def test_what_alpaca_eval_made_of_our_files_comes_back_with_our_ids(tmp_path):
    write_json(tmp_path / "annotations.json", HANDED_ON)
    back = from_annotations(tmp_path / "annotations.json")
    assert [(s.responses, s.example_id, s.value, s.rater) for s in back.scores] == [
        (("a1", "b1"), "e1", 0.0, "judge:test"),
        (("a3", "b3"), "e3", 0.5, "judge:test"),
    ]


def test_draws_nulls_and_what_is_out_of_range(tmp_path):
    row = {k: v for k, v in HANDED_ON[0].items() if not k.startswith("preference")}
    write_json(tmp_path / "annotations.json", [row | {"preference": p} for p in (0, 1.5, 2, 1.93, None, 3, -1)])
    scores = from_annotations(tmp_path / "annotations.json").scores
    assert [s.value for s in scores[:5]] == [0.5, 0.5, 1.0, pytest.approx(0.93), None]
    assert [s.value for s in scores[5:]] == [None, None]
    assert scores[4].explanation == "the annotation has no preference"
    assert scores[5].explanation == "the preference 3 is outside of 1 to 2"


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_values_survive_the_way_there_and_back(tmp_path_factory, values):
    verdicts = [replace(VERDICTS[0], id=f"s{k}", value=v, explanation="why") for k, v in enumerate(values)]
    path = tmp_path_factory.mktemp("files") / "annotations.json"
    write_json(path, to_annotations(verdicts, [*BEFORE, *AFTER]))
    back = [s.value for s in from_annotations(path).scores]
    assert back == [None if v is None else pytest.approx(v, abs=1e-15) for v in values]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (replace(VERDICTS[0], responses=("a1",)), "score s1: is of one answer"),
        (replace(VERDICTS[0], responses=("a1", "zz")), "score s1: its response zz is not among those given"),
        (replace(VERDICTS[0], responses=("a1", "b2")), "score s1: its two answers are to different questions"),
        (replace(VERDICTS[0], value=85.0), "score s1: the value 85 of a pair is outside of 0 to 1"),
    ],
)
def test_scores_that_are_no_verdicts_on_pairs(verdict, said):
    with pytest.raises(DataError) as e:
        to_annotations([verdict], [*BEFORE, *AFTER])
    assert said in str(e.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"output": "A", "generator": "m"}, "model_outputs.json:2: the row has no instruction"),
        ({"instruction": "Q", "output": 5, "generator": "m"}, "has another value than text as output"),
        ({"instruction": "Q", "output": "A"}, "the row has no generator"),
    ],
)
def test_rows_that_are_none_are_told_with_their_line(row, said, tmp_path):
    (tmp_path / "model_outputs.json").write_text("[\n" + json.dumps(row) + "]")
    with pytest.raises(DataError) as e:
        from_model_outputs(tmp_path / "model_outputs.json")
    assert said in str(e.value)


@pytest.mark.slow
@pytest.mark.skipif(not PUBLISHED.is_file(), reason=f"needs {PUBLISHED}")
def test_published_annotations_become_scores_with_the_same_win_rate(tmp_path):
    back = from_annotations(PUBLISHED)
    assert (len(back.scores), len(back.responses)) == (805, 1610)
    values = [s.value for s in back.scores if s.value is not None]
    assert 100 * sum(values) / len(values) == pytest.approx(2.591450540223603, abs=1e-9)
    write_json(tmp_path / "annotations.json", to_annotations(back.scores, back.responses))
    assert score(tmp_path / "annotations.json", None, None)["win_rate"] == pytest.approx(2.591450540223603, abs=1e-9)


def test_the_python_of_the_page_prints_what_it_shows(tmp_path, monkeypatch):
    sys.path.insert(0, str(DOCS))
    import blocks  # pyright: ignore[reportMissingImports]

    monkeypatch.chdir(tmp_path)
    for block, shown, printed in blocks.run_python(DOCS / "commands" / "score.md", {"__name__": "__main__"}):
        if shown is None:
            assert not printed.strip(), f"{block.where}: prints what the page does not show:\n{printed}"
        else:
            assert blocks.differs(shown, printed) is None
