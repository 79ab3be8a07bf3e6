"""OpenAssistant's trees: nested and flat give the same conversations, and every answer is trained once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.data.formats import FORMATS, Drop, to_examples
from heedful.data.sources import Row
from heedful.errors import DataError
from heedful.records import Example

OASST = FORMATS["oasst"]
assert OASST.gather
GATHER = OASST.gather


def node(name: str, *replies: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A message whose role goes by the first letter of its name: q or a."""
    role = "prompter" if name[0] == "q" else "assistant"
    return {"message_id": name, "text": f"text {name}", "role": role, "rank": None, "replies": list(replies)} | more


def tree(root: dict[str, Any]) -> dict[str, Any]:
    return {"message_tree_id": root["message_id"], "tree_state": "ready_for_export", "prompt": root}


def flat(root: dict[str, Any], parent: str | None = None, top: str | None = None) -> list[dict[str, Any]]:
    """A tree as flat messages, a parent before its replies."""
    top = top or root["message_id"]
    own = {k: v for k, v in root.items() if k != "replies"} | {"parent_id": parent, "message_tree_id": top}
    return [own, *(m for reply in root["replies"] for m in flat(reply, root["message_id"], top))]


def rows(values: list[dict[str, Any]]) -> list[Row]:
    return [Row(v, f"o.jsonl:{k}") for k, v in enumerate(values, 1)]


def read(value: dict[str, Any], notes: list[str] | None = None) -> list[Example | Drop]:
    return to_examples(Row(value, "o.jsonl:1"), OASST, "r000001", notes)


def shape(made: list[Example | Drop]) -> list[Any]:
    """Each conversation as the names of its messages, with * behind those that are trained."""
    return [
        m.reason
        if isinstance(m, Drop)
        else " ".join(
            t.content.removeprefix("text ") + ("*" if t.role == "assistant" and t.train is None else "")
            for t in m.messages
        )
        for m in made
    ]


FAMILY = node(
    "q0", node("a2", rank=1), node("a1", node("q1", node("a3")), node("q2", node("a5"), node("a4", rank=0)), rank=0)
)


def test_each_way_to_a_last_answer_is_a_conversation_and_each_answer_is_trained_once():
    made = read(tree(FAMILY | {"lang": "en"}))
    assert shape(made) == ["q0 a1* q1 a3*", "q0 a1 q2 a4*", "q0 a1 q2 a5*", "q0 a2*"]
    assert [(m.id, m.group) for m in made if isinstance(m, Example)] == [(f"q0.{k}", "q0") for k in (1, 2, 3, 4)]
    first = made[1]
    assert isinstance(first, Example)
    assert first.fields == {
        "message_tree_id": "q0",
        "tree_state": "ready_for_export",
        "lang": "en",
        "message_id": "a4",
        "rank": 0,
    }
    assert [(m.role, m.train) for m in first.messages] == [
        ("user", None),
        ("assistant", False),
        ("user", None),
        ("assistant", None),
    ]


def test_a_question_without_an_answer_is_cut_off():
    assert shape(read(tree(node("q0", node("a1", node("q1"), node("q2")))))) == ["q0 a1*"]
    assert shape(read(tree(node("q0", node("a1", node("q1"), node("q2", node("a2"))))))) == ["q0 a1* q2 a2*"]
    assert shape(read(tree(node("q0")))) == ["missing_answer"]


SPAM_TREE = {"labels": {"spam": {"value": 0.5, "count": 3}}}
SPAM_FLAT = {"labels": {"name": ["quality", "spam"], "value": [0.1, 0.75], "count": [3, 3]}}


@pytest.mark.parametrize(
    "flag", [{"deleted": True}, {"review_result": False}, SPAM_TREE, SPAM_FLAT, {"deleted": "True"}]
)
def test_deleted_and_flagged_messages_are_left_out_with_what_follows_and_noted(flag: dict[str, Any]):
    notes: list[str] = []
    made = read(tree(node("q0", node("a1", node("q1", node("a3"))) | flag, node("a2"))), notes)
    assert shape(made) == ["q0 a2*"]
    assert set(notes) == {"rows (trees) with deleted or flagged messages, left out with all that follows them"}
    assert shape(read(tree(node("q0", node("a1")) | flag))) == ["missing_answer"]


def test_good_messages_are_not_left_out():
    good = {"deleted": False, "review_result": True, "labels": {"spam": {"value": 0.25}, "quality": {"value": 1.0}}}
    notes: list[str] = []
    none = {"deleted": None, "review_result": None, "labels": None}
    assert shape(read(tree(node("q0", node("a1", **good), node("a2", **none), **good)), notes)) == ["q0 a1*", "q0 a2*"]
    assert not notes


def test_a_dropped_conversation_trains_nothing():
    """a1 is trained by the second conversation, because the first is dropped for its empty end."""
    made = read(tree(node("q0", node("a1", node("q1", node("a3", text="")), node("q2", node("a4"))))))
    assert shape(made) == ["empty_answer", "q0 a1* q2 a4*"]
    made = read(tree(node("q0", node("a1", role="narrator"), node("a2", node("q1", node("q2", node("a3")))))))
    assert shape(made) == ["unknown_role", "wrong_turn_order"]
    assert shape(read(tree(node("q0", node("a1", text=None))))) == ["not_text"]


def test_flat_messages_are_gathered_into_trees():
    values = flat(FAMILY) + flat(node("q9", node("a9")))
    gathered = list(GATHER(iter(rows(values))))
    assert [r.source for r in gathered] == ["o.jsonl:1", "o.jsonl:9"]
    assert [m for r in gathered for m in shape(to_examples(r, OASST, "r"))] == [
        "q0 a1* q1 a3*",
        "q0 a1 q2 a4*",
        "q0 a1 q2 a5*",
        "q0 a2*",
        "q9 a9*",
    ]
    trees = rows([tree(FAMILY), tree(node("q9", node("a9")))])
    assert list(GATHER(iter(trees))) == trees


def test_messages_without_their_beginning_are_told():
    values = [m for m in flat(FAMILY) if m["message_id"] != "a1"] + [{"text": "no message"}]
    made = [m for r in GATHER(iter(rows(values))) for m in to_examples(r, OASST, "r")]
    assert shape(made) == ["q0 a2*", *["missing_parent"] * 5, "missing_messages"]
    assert all(isinstance(m, Drop) and '"a1"' in m.sentence for m in (made[1], made[3]))
    loop = [node("a1", parent_id="a2"), node("a2", parent_id="a1")]
    made = [m for r in GATHER(iter(rows(loop))) for m in to_examples(r, OASST, "r")]
    assert shape(made) == ["missing_parent", "missing_parent"]
    with pytest.raises(DataError, match=r"o.jsonl:3: the message_id 'a1' stands already at o.jsonl:2"):
        list(GATHER(iter(rows([*flat(node("q0", node("a1"))), node("a1", parent_id="q0")]))))


def test_a_long_tree():
    """A thousand turns: nothing here calls itself, and what is nested too deeply for JSON is dropped."""
    messages = [node(f"{'qa'[k % 2]}{k}", parent_id=f"{'qa'[(k - 1) % 2]}{k - 1}" if k else None) for k in range(400)]
    (gathered,) = GATHER(iter(rows(messages)))
    (made,) = to_examples(gathered, OASST, "r")
    assert isinstance(made, Example)
    assert len(made.messages) == 400
    deep = [node(f"{'qa'[k % 2]}{k}", parent_id=f"{'qa'[(k - 1) % 2]}{k - 1}" if k else None) for k in range(50_000)]
    assert shape([m for r in GATHER(iter(rows(deep))) for m in to_examples(r, OASST, "r")]) == ["too_deep"]


@st.composite
def trees(draw: Any) -> dict[str, Any]:
    """A random tree of alternating questions and answers."""
    root = node("q0")
    levels = [root]
    for number in range(1, draw(st.integers(1, 14))):
        parent = draw(st.sampled_from(levels))
        letter = "a" if parent["role"] == "prompter" else "q"
        made = node(f"{letter}{number}", rank=draw(st.none() | st.integers(0, 3)))
        parent["replies"].append(made)
        levels.append(made)
    return root


@settings(deadline=None, max_examples=80)
@given(trees(), st.randoms(use_true_random=False))
def test_every_answer_is_trained_exactly_once_in_any_order_of_the_file(root: dict[str, Any], random: Any):
    answers = sorted(m["message_id"] for m in flat(root) if m["role"] == "assistant")
    nested = read(tree(root))
    shuffled = flat(root)
    random.shuffle(shuffled)
    (gathered,) = GATHER(iter(rows(shuffled)))
    for made in (nested, to_examples(gathered, OASST, "r")):
        told = " ".join(shape(made)).split()
        assert sorted(t.removesuffix("*") for t in told if t.endswith("*")) == (answers if answers else [])
        assert all(e.messages[-1].train is None for e in made if isinstance(e, Example))
    if not answers:
        assert shape(nested) == ["missing_answer"]
