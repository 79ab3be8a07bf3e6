"""Whatever stands in a row, every format gives examples or reasons and never fails; and examples come back the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heedful.data.formats import FORMATS, Drop, mapped_format, recognise, to_examples
from heedful.data.layouts.conversation import LISTS
from heedful.data.sources import Row
from heedful.errors import DataError
from heedful.records import to_json

TURN_KEYS = (
    "role",
    "from",
    "content",
    "value",
    "train",
    "weight",
    "tool_calls",
    "function_call",
    "tool_call_id",
    "name",
)
TURN_KEYS += ("reasoning", "thinking", "context", "type", "text", "function", "arguments", "id", "replies", "deleted")
COLUMNS = (
    *LISTS,
    "instruction",
    "input",
    "output",
    "history",
    "system",
    "system_prompt",
    "context",
    "response",
    "prompt",
)
COLUMNS += (
    "completion",
    "question",
    "answer",
    "query",
    "problem",
    "solution",
    "choices",
    "instances",
    "tools",
    "functions",
)
COLUMNS += (
    "id",
    "message_id",
    "parent_id",
    "text",
    "role",
    "message_tree_id",
    "source",
    "fields",
    "group",
    "labels",
    "rank",
)
WORDS = (
    "user",
    "assistant",
    "human",
    "gpt",
    "tool",
    "function_call",
    "system",
    "text",
    "",
    " ",
    "a",
    "[]",
    "{}",
    '["a"]',
)
WORDS += ('[{"role": "user", "content": "a"}]', '{"name": "f", "arguments": {}}', "\ud800")
SCALAR = st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(WORDS) | st.floats(allow_nan=True)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TURN_KEYS), inner, max_size=4),
    max_leaves=12,
)
ROW = st.dictionaries(st.sampled_from(COLUMNS), VALUE, max_size=6)
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": [1, "b"]}'}}
ASKED = st.fixed_dictionaries({"role": st.sampled_from(["user", "human"]), "content": st.sampled_from("ab")})
SAID = st.fixed_dictionaries(
    {"role": st.sampled_from(["assistant", "gpt"]), "content": st.sampled_from(["a", [{"type": "text", "text": "b"}]])},
    optional={"weight": st.sampled_from([None, 0, 1]), "thinking": st.sampled_from([None, "c"])},
)
CALLED = st.just(
    [{"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "content": "", "x": 1}]
)
# Conversations that are mostly whole, and one in three with a fault: one turn's key has any value at all.
TALK = st.lists(st.tuples(ASKED, CALLED | st.just([]), SAID), min_size=1, max_size=3).map(
    lambda turns: [dict(m) for asked, called, said in turns for m in (asked, *called, said)]
)


@st.composite
def talks(draw: Any) -> dict[str, Any]:
    turns = draw(TALK)
    if draw(st.integers(0, 2)) == 0:
        draw(st.sampled_from(turns))[draw(st.sampled_from(TURN_KEYS))] = draw(VALUE)
    return {"messages": turns} | draw(
        st.fixed_dictionaries({}, optional={"tools": st.just([{"name": "f"}]), "n": SCALAR})
    )


FORMS = [*FORMATS.values(), mapped_format({"instruction": "prompt", "output": "response", "id": "id", "group": "rank"})]
FORMS += [
    mapped_format({"messages": "chat", "tools": "functions", "role": "from"}),
    mapped_format({"prompt": "prompt"}),
]
MANY = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


def check(value: dict[str, Any], form: Any, answers: bool) -> None:
    before = repr(value)
    notes: list[str] = []
    made = to_examples(Row(value, "t.jsonl:1"), form, "r1", notes, answers)
    assert made
    assert repr(value) == before  # a row is read and not changed
    assert all(note.startswith("rows ") and "\n" not in note for note in notes)
    for m in made:
        if isinstance(m, Drop):
            assert m.reason.replace("_", "").isalpha()
            assert m.sentence
            assert m.source == "t.jsonl:1"
            continue
        assert m.id
        assert m.messages[-1].role == "assistant" or not answers
        written = json.loads(json.dumps(to_json(m)))
        (again,) = to_examples(Row(written, "u.jsonl:1"), FORMATS["heedful"], "r2", answers=answers)
        assert again == m


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.name)
@MANY
@given(value=ROW, answers=st.booleans())
def test_any_row_in_any_format(form: Any, value: dict[str, Any], answers: bool):
    check(value, form, answers)


@MANY
@given(value=talks(), answers=st.booleans())
def test_any_conversation(value: dict[str, Any], answers: bool):
    check(value, FORMATS["messages"], answers)


@MANY
@given(values=st.lists(ROW, max_size=3))
def test_any_rows_are_recognised_or_told(values: list[dict[str, Any]]):
    rows = [Row(v, f"t.jsonl:{k}") for k, v in enumerate(values, 1)]
    most = max(sum(f.fits(v) for v in values) for f in FORMATS.values())
    if not rows or 2 * most < len(rows):
        with pytest.raises(DataError, match="no known format"):
            recognise(rows)
    else:
        assert sum(recognise(rows).format.fits(v) for v in values) == most


@MANY
@given(values=st.lists(ROW, max_size=6))
def test_gathering_loses_no_row(values: list[dict[str, Any]]):
    gather = FORMATS["oasst"].gather
    assert gather
    rows = [Row(v | {"message_id": f"m{k}"}, f"t.jsonl:{k}") for k, v in enumerate(values, 1)]
    assert {r.source for r in gather(iter(rows))} <= {r.source for r in rows}
    left = sum(_size(r.value) for r in gather(iter(rows)))
    assert left == len(rows)


def _size(value: dict[str, Any]) -> int:
    """How many messages a gathered row holds."""
    root = value.get("prompt")
    if not isinstance(root, dict) or "message_id" not in root:
        return 1
    return sum(1 for _ in _nodes(root))


def _nodes(node: dict[str, Any]) -> Any:
    yield node
    for reply in node.get("replies") or []:
        yield from _nodes(reply)
