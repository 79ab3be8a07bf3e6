"""From files to token rows: the length limit, the ledger's sums, control tokens, and a run's data read back."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.chat import Chat
from heedful.control_tokens import control_texts
from heedful.data.contamination import build_index
from heedful.data.reading import ReadOptions
from heedful.data.stream import check_files
from heedful.errors import DataError, ModelError, RequestError
from heedful.records import Message
from heedful.store import RunFolder, read_json
from heedful.train import prepare
from heedful.train.prepare import prepare_data, read_parts, reload_data, save_data
from heedful.train.recipe import Recipe


@pytest.fixture
def chat(make) -> Chat:
    return Chat.bind("phi3-plain", make("bytes"))  # one token a byte: lengths can be counted by hand


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return str(path)


def alpaca(n: int, **more: Any) -> list[dict[str, Any]]:
    return [{"instruction": f"Question {i}?", "input": "", "output": f"Answer {i}.", **more} for i in range(n)]


def recipe(path: str, **options: Any) -> Recipe:
    return Recipe.model_validate({"data": (path,), "split": "order:train=4,val=2,test=2"} | options)


def user(text: str, context: str | None = None) -> Message:
    return Message("user", text, context)


def answer(text: str) -> Message:
    return Message("assistant", text)


# ---- the length limit in a run's data ---------------------------------------------------------------------------


def rows_with_long_ones() -> list[dict[str, Any]]:
    rows = alpaca(8)
    rows[1]["input"] = "long " * 60  # can be cut
    rows[3]["output"] = "endless " * 40  # cannot
    rows[5]["input"] = "long " * 60
    return rows


def check_sums(ledger: dict[str, Any]) -> None:
    assert ledger["read"] == ledger["kept"] + ledger["truncated"] + ledger["dropped"]
    assert sum(p["rows"] for p in ledger["parts"].values()) + ledger["unused"] == ledger["kept"] + ledger["truncated"]
    assert sum(r["count"] for r in ledger["reasons"]) == ledger["dropped"]


def test_overlong_drop(tmp_path, chat):
    data = prepare_data(recipe(write(tmp_path / "d.jsonl", rows_with_long_ones()), max_length=120), chat)
    assert data.ledger is not None
    check_sums(data.ledger)
    assert {p: len(r) for p, r in data.tokens.items()} == {"train": 2, "val": 1, "test": 2}
    assert {p: r["rows"] for p, r in data.ledger["parts"].items()} == {"train": 2, "val": 1, "test": 2}
    assert data.ledger["dropped"] == 3
    assert data.ledger["reasons"][0]["sentence"] == "longer than max_length 120 tokens"
    assert data.ledger["reasons"][0]["where"] == ["d.jsonl:2", "d.jsonl:4", "d.jsonl:6"]
    assert not data.ledger["warnings"]
    for part, rows in data.tokens.items():
        assert [t.id for t in rows] == [e.id for e in data.examples[part]]
        assert all(len(t.ids) <= 120 for t in rows)


def test_overlong_truncate_says_so(tmp_path, chat):
    data = prepare_data(
        recipe(write(tmp_path / "d.jsonl", rows_with_long_ones()), max_length=120, overlong="truncate"), chat
    )
    assert data.ledger is not None
    check_sums(data.ledger)
    assert (data.ledger["truncated"], data.ledger["dropped"]) == (2, 1)
    assert data.ledger["reasons"][0]["sentence"] == "longer than max_length 120 tokens even without its input"
    assert any("truncated" in w for w in data.ledger["warnings"])
    assert data.ledger["parts"]["train"]["truncated_rows"] == 1
    cut = data.tokens["train"][1]
    assert len(cut.ids) == 120
    assert cut.truncated > 100
    assert (
        data.examples["train"][1].messages[0].context
        == ("long " * 60)[: len(data.examples["train"][1].messages[0].context or "")]
    )
    assert all(t.ids[-1] == chat.stop_id and t.loss_mask[-1] for rows in data.tokens.values() for t in rows)


def test_no_warning_where_nothing_was_cut(tmp_path, chat):
    data = prepare_data(recipe(write(tmp_path / "d.jsonl", alpaca(8)), overlong="truncate"), chat)
    assert data.ledger is not None
    assert not data.ledger["warnings"]
    assert data.ledger["truncated"] == 0


def test_overlong_error_names_the_row(tmp_path, chat):
    with pytest.raises(DataError, match=r"^d\.jsonl:2: the row has 3\d\d tokens, more than max_length 120"):
        prepare_data(recipe(write(tmp_path / "d.jsonl", rows_with_long_ones()), max_length=120, overlong="error"), chat)


def test_nothing_left_says_why(tmp_path, chat):
    path = write(tmp_path / "d.jsonl", alpaca(8))
    with pytest.raises(DataError, match=r"no training row is left \(8 too_long"):
        prepare_data(recipe(path, max_length=8), chat)
    with pytest.raises(RequestError, match="no data"):
        prepare_data(Recipe.model_validate({}), chat)


def test_rows_that_the_template_refuses_are_dropped_with_the_reason(tmp_path, make):
    rows = [
        {"messages": [{"role": "user", "content": f"q{i}"}, {"role": "assistant", "content": "a"}]} for i in range(8)
    ]
    rows[2]["messages"][1:1] = [{"role": "assistant", "content": "call"}, {"role": "tool", "content": "7"}]
    data = prepare_data(recipe(write(tmp_path / "d.jsonl", rows)), Chat.bind("alpaca", make("bytes")))
    assert data.ledger is not None
    check_sums(data.ledger)
    assert data.ledger["reasons"][0]["reason"] == "template"
    assert "no place for the role tool" in data.ledger["reasons"][0]["sentence"]


def test_a_template_that_refuses_the_shortened_row_drops_it(tmp_path, make):
    """Without its first turn the conversation has a form that this template refuses: one row less, and no end."""
    tokenizer = make("bytes")
    tokenizer.chat_template = (
        "{% if messages[0].content == 'q2' %}{{ raise_exception('not so') }}{% endif %}"
        "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}</s>{% endif %}{% endfor %}"
    )
    turns = [("user", "q1"), ("assistant", "a" * 30), ("user", "q2"), ("assistant", "b")]
    rows: list[dict[str, Any]] = alpaca(8)
    rows = [
        {"messages": [{"role": "user", "content": f"q{i}0"}, {"role": "assistant", "content": "a"}]} for i in range(8)
    ]
    rows[0] = {"messages": [{"role": r, "content": c} for r, c in turns]}
    chat = Chat.bind("model", tokenizer)
    data = prepare_data(recipe(write(tmp_path / "d.jsonl", rows), max_length=20, overlong="truncate"), chat)
    assert data.ledger is not None
    check_sums(data.ledger)
    assert [r["reason"] for r in data.ledger["reasons"]] == ["template"]


# ---- control tokens ---------------------------------------------------------------------------------------------


def test_control_tokens_inside_a_text_are_found(tmp_path, chat):
    rows = alpaca(8)
    rows[0]["output"] = "It ends </s> here."
    rows[3]["instruction"] = "What is <|im_end|>?"
    rows[4]["input"] = "<|user|>"
    rows[6]["output"] = "a < b, [c] <s and im_end|>, <|imend|>"
    data = prepare_data(recipe(write(tmp_path / "d.jsonl", rows)), chat)
    assert data.ledger is not None
    found = {f["finding"]: f["where"] for f in data.ledger["findings"]}
    assert found["control_tokens"] == ["d.jsonl:1", "d.jsonl:4", "d.jsonl:5"]
    tokens = prepare.tokenizing_for(chat, "answers", 1024, "drop")  # as heedful data check counts them
    checked = check_files([tmp_path / "d.jsonl"], ReadOptions(), tokens=tokens).ledger().to_json()
    assert {f["finding"]: f["where"] for f in checked["findings"]}["control_tokens"] == found["control_tokens"]


@given(st.lists(st.text("<|a>b[", min_size=3, max_size=6), max_size=5), st.text("<|a>b[", max_size=30))
def test_the_search_equals_the_plain_one(marks, text):
    assert prepare._searcher(marks)(text) == any(m in text for m in marks)


def test_the_search_is_fast():
    """6,000 control tokens, as Gemma has them, and 10,000 rows with angle brackets: seconds, not minutes."""
    marks = [f"<unused{i}>" for i in range(6000)] + ["<bos>", "<eos>", "<start_of_turn>", "[multimodal]"]
    texts = [f"if a < b: <ul><li>row {i}</li></ul> [x] <unuse" + " words of a text" * 20 for i in range(10_000)]
    begin = time.process_time()
    holds = prepare._searcher(marks)
    assert not any(map(holds, texts))
    assert holds(texts[0] + "<unused5999>")
    assert time.process_time() - begin < 10


def test_control_texts_of_many_tokens_are_fast(make):
    tokenizer = make("bytes")
    tokenizer.add_special_tokens({"extra_special_tokens": [f"<unused{i}>" for i in range(2000)]})
    begin = time.process_time()
    assert len(control_texts(tokenizer)) > 2000
    assert time.process_time() - begin < 10


# ---- a run's data -----------------------------------------------------------------------------------------------


def test_saved_and_read_back(tmp_path, chat):
    rows: list[dict[str, Any]] = [
        {
            "id": f"row-{i}",
            "topic": {"name": "x", "level": i},
            "messages": [
                {"role": "system", "content": " be brief\u2028 "},
                {"role": "user", "content": f"日本 {i}\n", "context": "some\ncontext " * (9 if i == 1 else 1)},
                {"role": "assistant", "content": "skip", "train": False},
                {"role": "user", "content": "🙂"},
                {"role": "assistant", "content": f"answer {i}"},
            ],
        }
        for i in range(8)
    ]
    path = write(tmp_path / "d.jsonl", rows)
    for overlong in ("drop", "truncate"):
        made = recipe(path, max_length=160, overlong=overlong)
        data, run = prepare_data(made, chat), RunFolder(tmp_path / f"run-{overlong}")
        save_data(data, run)
        Path(path).write_bytes(Path(path).read_bytes())
        again = reload_data(run, made, chat)
        assert again.examples == data.examples
        for part, tokens in data.tokens.items():
            assert [(t.id, t.ids, t.loss_mask) for t in again.tokens[part]] == [
                (t.id, t.ids, t.loss_mask) for t in tokens
            ]
        assert read_json(run.ledger) == data.ledger
        assert again.ledger is None


def test_a_run_without_a_test_part(tmp_path, chat):
    made = recipe(write(tmp_path / "d.jsonl", alpaca(8)), split="order:train=6,val=2")
    data, run = prepare_data(made, chat), RunFolder(tmp_path / "run")
    save_data(data, run)
    assert reload_data(run, made, chat).examples == data.examples
    assert data.examples["test"] == []


def test_overlap_is_refused_unless_allowed(tmp_path, chat):
    rows = alpaca(8)
    rows[5]["instruction"] = rows[0]["instruction"].upper()
    path = write(tmp_path / "d.jsonl", rows)
    with pytest.raises(DataError, match=r"d\.jsonl:6"):
        prepare_data(recipe(path), chat)
    data = prepare_data(recipe(path, allow_overlap=True), chat)
    assert data.ledger is not None
    assert data.ledger["overlaps"][0]["count"] == 1


def test_auto_is_the_models_own_template_where_it_has_one(make):
    tokenizer = make("bytes")
    assert Chat.bind("auto", tokenizer).name == "alpaca"
    tokenizer.chat_template = Chat.bind("phi3-plain", tokenizer).text
    assert Chat.bind("auto", tokenizer).name == "model"


def test_bos_id(make):
    assert prepare.bos_id(make("gemma")) == make("gemma").convert_tokens_to_ids("<s>")
    assert prepare.bos_id(make("gpt2")) is None


def test_every_row_of_a_part_is_masked_right(tmp_path, chat):
    data = prepare_data(recipe(write(tmp_path / "d.jsonl", alpaca(8))), chat)
    assert data.ledger is not None
    train = data.ledger["parts"]["train"]
    assert train["trained_tokens"] == 4 * (len("Answer 0.") + 1)
    assert train["tokens"] == 4 * (len("<|User|>\nQuestion 0?\n\n<|Assistant|>\nAnswer 0.") + 1)
    assert (train["wholly_masked_rows"], train["stop_not_trained_rows"], train["several_bos_rows"]) == (0, 0, 0)


# ---- what a recipe says of the data reaches it -------------------------------------------------------------------


def worded(n: int) -> list[dict[str, Any]]:
    words = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty"]
    return [{"frage": f"{words[i % 10]} {words[i // 10]} {i}?", "antwort": f"It is {i}."} for i in range(n)]


NAMED = {"instruction": "frage", "output": "antwort"}


def test_columns_of_a_recipe(tmp_path, chat):
    data = prepare_data(recipe(write(tmp_path / "d.jsonl", worded(8)), map=NAMED), chat)
    assert data.examples["train"][0].reference == "It is 0."


def test_a_weight_repeats_training_rows_and_no_others(tmp_path, chat):
    path = write(tmp_path / "d.jsonl", worded(8))
    data = prepare_data(recipe(f"{path}::weight=3", map=NAMED), chat)
    assert data.ledger is not None
    check_sums(data.ledger)
    assert {part: len(rows) for part, rows in data.tokens.items()} == {"train": 12, "val": 2, "test": 2}
    assert data.ledger["parts"]["train"]["rows"] == 4
    assert data.ledger["parts"]["train"]["repeated_rows"] == 8
    run = RunFolder(tmp_path / "run")
    save_data(data, run)
    assert reload_data(run, recipe(path), chat).tokens == data.tokens


def test_groups_and_shares_of_a_recipe(tmp_path, chat):
    rows = [r | {"book": f"b{i // 4}", "kind": "rare" if i % 5 == 0 else "common"} for i, r in enumerate(worded(80))]
    path = write(tmp_path / "d.jsonl", rows)
    more = {"map": NAMED, "split": "50/25/25"}
    grouped = prepare_data(recipe(path, group_by="book", **more), chat).examples
    books = [{e.fields["book"] for e in part} for part in grouped.values()]
    assert sum(map(len, books)) == len(set().union(*books)) == 20
    shared = prepare_data(recipe(path, stratify="kind", **more), chat).examples
    assert [sum(e.fields["kind"] == "rare" for e in part) for part in shared.values()] == [8, 4, 4]


def test_benchmarks_of_a_recipe_are_looked_for(tmp_path, chat):
    question = "Which planet of our solar system has the shortest day of all"
    test = tmp_path / "quiz.txt"
    test.write_text(question + "?\n")
    build_index([test], name="quiz").save(tmp_path / "quiz.npz")
    path = write(tmp_path / "d.jsonl", [*worded(7), {"frage": question, "antwort": "Jupiter."}])
    ledger = prepare_data(recipe(path, map=NAMED, against=(str(tmp_path / "quiz.npz"),)), chat).ledger
    assert ledger is not None
    assert ledger["contamination"][0]["where"] == ["d.jsonl:8 holds quiz.txt:1"]
    assert "contamination" not in (prepare_data(recipe(path, map=NAMED), chat).ledger or {})


@pytest.mark.parametrize(
    ("model", "said"),
    [("pip:smollm", "no such packaged model"), ("hug:x", "there is no kind 'hug'"), ("run:nothing", "is not a run")],
)
def test_a_wrong_name_of_a_model_is_told_before_a_file_is_read(model, said):
    with pytest.raises(ModelError, match=said):
        read_parts(recipe("no-such-file.jsonl", model=model))
