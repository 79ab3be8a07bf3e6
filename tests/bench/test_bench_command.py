"""`heedful bench` as a user meets it: results by hand, what is written, going on, and every mistake."""

from __future__ import annotations

import json
import math

import pytest

from heedful.store import read_jsonl

# astronomy has the answers ABCDAB: five right of six; virology BBDC: one right, two wrong, one not in the script.
SAYS = {"astronomy": "ABCDAA", "virology": "BCA-"}
BENCH = ("--task", "mmlu", "--data-dir", "data", "--out", "out")
MINE = """
from heedful.tasks import Generation, Item, Mark, Plan, Prompt, Source, Task

SOURCE = Source("", "", "0" * 40, "test", None, "nothing", "CC0")


def items(places, plan):
    return [Item(str(n), Prompt(f"{n}+1="), gold=str(n + 1)) for n in (1, 2, 2)][: plan.limit]


def mark(outcome):
    if outcome.error:
        return Mark(None, {"exact": None})
    return Mark(outcome.texts[0], {"exact": float(outcome.texts[0] == outcome.item.gold)})


TASKS = (Task("mine", "own", "sums", SOURCE, 0, items, mark, generation=Generation(max_new_tokens=2)),)
"""


def test_results_are_those_worked_by_hand(desk, heedful):
    status, out, _ = heedful("bench", desk.script("s.jsonl", SAYS), *BENCH)
    assert status == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    found = desk.results()
    assert (found["schema"], found["model"], found["seed"]) == ("heedful.bench/1", "scripted:s.jsonl", 0)
    results = found["results"]
    whole = results["mmlu"]["accuracy"]  # 6 of 9; the tenth has no number, and is no 0
    assert (whole["value"], whole["n"], whole["unscored"], whole["guess"]) == (6 / 9, 9, 1, 0.25)
    assert whole["stderr"] == pytest.approx(math.sqrt((6 / 9) * (3 / 9) / 8), rel=1e-12)
    assert results["mmlu"]["accuracy_macro"]["value"] == pytest.approx((5 / 6 + 1 / 3) / 2, rel=1e-12)
    assert (results["mmlu"]["profile"], results["mmlu"]["main"]) == ("hendrycks", "accuracy")
    assert results["mmlu:astronomy"]["accuracy"]["value"] == 5 / 6
    assert {results[f"mmlu{part}"][m]["guess"] for part, m in (("", "accuracy_macro"), (":stem", "accuracy"))} == {0.25}
    assert results["mmlu:virology"]["accuracy"] | {"stderr": 0} == {
        "value": 1 / 3, "stderr": 0, "n": 3, "unscored": 1, "guess": 0.25,
    }  # fmt: skip
    task = found["tasks"]["mmlu"]
    assert (task["items"], task["scored"], task["failed"], task["shots"], task["limit"]) == (10, 9, 1, 5, None)
    assert (task["requests"], task["asked"], task["reused"], task["template"]) == (40, 40, 0, {"name": "none"})
    assert task["scored_by"] == "the script"
    assert sorted(task["hashes"]["data"]) == sorted(
        f"data/{part}/{subject}_{part}.csv" for part in ("dev", "test") for subject in ("astronomy", "virology")
    )
    assert "10 in all" not in out
    assert "1 unscored, the first: the script does not know this continuation" in " ".join(out.split())


def test_what_was_scored_without_the_engine_is_told_with_its_sessions(desk, heedful, monkeypatch):
    from heedful.backends.scripted import ScriptedBackend

    model = desk.script("s.jsonl", SAYS)
    assert heedful("bench", model, *BENCH, "--limit", 1)[0] == 0
    monkeypatch.setattr(ScriptedBackend, "scored_by", "the model's own forward pass")
    status, out, _ = heedful("bench", model, *BENCH, "--resume")
    assert status == 0
    assert desk.results()["tasks"]["mmlu"]["scored_by"] == "the script, the model's own forward pass"
    assert "scored row by row by the script, the model's own forward pass, which is slower" in " ".join(out.split())


def test_each_sample_has_what_was_asked_and_said(desk, heedful):
    heedful("bench", desk.script("s.jsonl", SAYS), *BENCH)
    samples = desk.samples()
    assert [s["id"] for s in samples] == [i.id for i in desk.items()]
    first, last = samples[0], samples[-1]
    assert first["prompt"] == desk.items()[0].prompt.text()
    assert first["choices"][0] == {"text": " A", "log_likelihood": -0.5, "greedy": False}
    assert (first["subset"], first["answer"], first["gold"], first["score"], first["tokens"]) == (
        "astronomy", "A", "A", 1.0, 4,
    )  # fmt: skip
    assert (last["answer"], last["score"]) == (None, None)
    assert last["error"] == "the script does not know this continuation"


def test_going_on_asks_only_what_has_no_answer(desk, heedful, monkeypatch):
    from heedful.backends.scripted import ScriptedBackend

    asked, real = [], ScriptedBackend.log_likelihoods

    def counted(self, rows):
        asked.append(len(rows))
        return real(self, rows)

    monkeypatch.setattr(ScriptedBackend, "log_likelihoods", counted)
    model = desk.script("s.jsonl", SAYS)
    assert heedful("bench", model, *BENCH, "--limit", 3)[0] == 0
    whole = heedful("bench", model, *BENCH, "--resume")[0], desk.results()["results"]
    assert whole[0] == 0
    assert asked == [24, 16]  # three of each subject; then the others
    desk.script("s.jsonl", SAYS | {"virology": "BCAC"})  # now the tenth is known
    assert heedful("bench", model, *BENCH, "--resume")[0] == 0
    assert asked == [24, 16, 4]
    assert desk.results()["results"]["mmlu"]["accuracy"]["n"] == 10
    # A torn last line and one answer less: four requests of an item, of which three are known.
    journal = desk.folder / "out/requests/mmlu.jsonl"
    journal.write_text(journal.read_text().rstrip("\n")[:-9])
    assert heedful("bench", model, *BENCH, "--resume")[0] == 0
    assert asked == [24, 16, 4, 1]
    assert len({line["request"] for line in read_jsonl(journal) if "request" in line}) == 40
    assert heedful("bench", model, *BENCH, "--resume")[0] == 0
    assert asked == [24, 16, 4, 1]
    assert desk.results()["tasks"]["mmlu"]["scored_by"] == "the script"  # though nothing was scored now


def test_another_task_is_added_and_nothing_else_is_touched(desk, heedful):
    desk.write("mine.py", MINE)
    script = desk.folder / "s.jsonl"
    model = desk.script("s.jsonl", SAYS)
    script.write_text(script.read_text() + '{"question": "1+1=", "answer": "2"}\n{"question": "2+1=", "answer": "5"}\n')
    heedful("bench", model, *BENCH)
    before = desk.results()["results"]["mmlu"]
    desk.write("mine.py", MINE.replace("(1, 2, 2)", "(1, 2)"))
    status, out, _ = heedful("bench", model, "--task", "./mine.py", "--out", "out", "--resume")
    assert status == 0
    assert "mine  exact" in out
    assert desk.results()["results"]["mmlu"] == before
    assert desk.results()["results"]["mine"]["exact"]["value"] == 0.5
    (one, two) = desk.samples("mine")
    assert (one["prompt"], one["texts"], one["finish_reasons"], one["score"]) == ("1+1=", ["2"], ["stop"], 1.0)
    assert (two["answer"], two["gold"], two["score"]) == ("5", "3", 0.0)


def test_the_same_question_is_asked_once(desk, heedful):
    desk.write("mine.py", MINE.replace("Item(str(n)", "Item(str(k)").replace("for n in (1, 2, 2)", "for k, n in TWICE"))
    mine = desk.folder / "mine.py"
    mine.write_text(mine.read_text() + "TWICE = [(0, 1), (1, 2), (2, 2)]\n")
    desk.write("s.jsonl", '{"question": "1+1=", "answer": "2"}\n{"question": "2+1=", "answer": "3"}\n')
    assert heedful("bench", "scripted:s.jsonl", "--task", "./mine.py", "--out", "out")[0] == 0
    assert (desk.results()["tasks"]["mine"]["requests"], desk.results()["tasks"]["mine"]["items"]) == (2, 3)


def test_with_a_template_the_choice_follows_without_its_space(desk, heedful):
    lines = []
    for item in desk.items(shots=1):
        asked = "".join(f"<|{m.role}|>{m.content}\n" for m in item.prompt.messages(True)) + "<|assistant|>"
        lines += [{"context": asked, "continuation": c, "log_likelihood": -float("BACD".index(c))} for c in "ABCD"]
    desk.write("s.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    how = ("--shots", 1, "--template", "auto", "--multiturn")
    assert heedful("bench", "scripted:s.jsonl", *BENCH, *how)[0] == 0
    found = desk.results()
    assert found["tasks"]["mmlu"]["template"] == {"name": "the model's own", "multiturn": True}
    assert found["results"]["mmlu"]["accuracy"]["value"] == 0.4  # four golds are B
    prompt = desk.samples()[0]["prompt"]
    assert prompt.startswith("<|system|>The following are multiple choice questions")
    assert prompt.count("<|assistant|>") == 2


def test_items_in_the_training_rows_are_marked_and_left_out_of_second_figures(desk, heedful):
    row = {"instruction": "In which of these far away places of astronomy does the number 0 star of them all shine?"}
    desk.write("rows.jsonl", json.dumps(row | {"output": "w0"}) + '\n{"instruction": 7, "output": "x"}\n')
    model = desk.script("s.jsonl", SAYS | {"virology": "BCAC"})
    status, out, err = heedful("bench", model, *BENCH, "--training-data", "rows.jsonl")
    assert status == 0
    assert "1 training row cannot be read" in err
    marked = [s["id"] for s in desk.samples() if "trained_on" in s]
    assert marked == ["astronomy/0"]
    whole = desk.results()["results"]["mmlu"]["accuracy"]
    assert (whole["value"], whole["n"]) == (0.7, 10)
    assert (whole["clean"]["value"], whole["clean"]["n"]) == (6 / 9, 9)
    assert desk.results()["tasks"]["mmlu"]["trained_on"] == 1
    assert "\n  clean" in out


def test_a_dry_run_and_the_list_ask_nothing(desk, heedful):
    model = desk.script("s.jsonl", SAYS)
    status, out, _ = heedful("bench", model, *BENCH, "--dry-run", "--json")
    plan = json.loads(out)["tasks"]["mmlu"]
    assert (status, plan["items"], plan["requests"], plan["shots"]) == (0, 10, 40, 5)
    assert not (desk.folder / "out").exists()
    found = json.loads(heedful("bench", "--list", "--data-dir", "data", "--json")[1])["tasks"]
    mmlu = [t for t in found if t["task"] == "mmlu"]
    assert [(t["profile"], t["found"], len(t["parts"])) for t in mmlu] == [("hendrycks", True, 2), ("lm-eval", True, 2)]
    desk.write("none/readme.txt", "nothing here")
    found = json.loads(heedful("bench", "--list", "--data-dir", "none", "--json")[1])["tasks"]
    (mmlu, *_) = [t for t in found if t["task"] == "mmlu"]
    assert (mmlu["found"], "none has none" in mmlu["why"]) == (False, True)
    status, out, _ = heedful("bench", "--list")
    assert status == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "hub     cais/mmlu@" in out


def test_what_readers_of_the_harness_read(desk, heedful):
    assert heedful("bench", desk.script("s.jsonl", SAYS), *BENCH, "--format", "lm-eval")[0] == 0
    (folder,) = (desk.folder / "out/lm-eval").iterdir()
    assert folder.name == "scripted__s.jsonl"
    found = json.loads(next(folder.glob("results_*.json")).read_text())
    assert found["results"]["mmlu"]["acc,none"] == 6 / 9
    assert found["results"]["mmlu:astronomy"]["alias"] == "mmlu:astronomy"
    assert (found["n-shot"]["mmlu"], found["higher_is_better"]["mmlu"]["acc"]) == (5, True)
    lines = read_jsonl(next(folder.glob("samples_mmlu_*.jsonl")))
    assert (lines[0]["doc_id"], lines[0]["acc"], lines[0]["filtered_resps"][0]) == (0, 1.0, ["-0.5", "False"])
    assert lines[0]["arguments"]["gen_args_1"]["arg_1"] == " B"
    assert (lines[0]["target"], lines[0]["doc"]["gold"]) == ("0", "A")


def test_nothing_answered_is_a_failure_that_says_why(desk, heedful):
    desk.write("s.jsonl", '{"question": "a", "answer": "b"}\n')
    status, _, err = heedful("bench", "scripted:s.jsonl", *BENCH)
    assert status == 1
    assert "no item of mmlu could be asked (the first reason: the script does not know" in err
    assert desk.results()["results"]["mmlu"]["accuracy"] == {
        "value": None, "stderr": None, "n": 0, "unscored": 10, "guess": 0.25,
    }  # fmt: skip


CODE = MINE.replace("generation=", "runs_code=True, generation=")
TWICE = MINE.replace("(1, 2, 2)", "(1, 1)")
MISTAKES = [
    (["scripted:s.jsonl", "--out", "out"], "--task: names no task; name one such as mmlu"),
    (["scripted:s.jsonl", "--task", "mmlu"], "--out: name a folder for the results"),
    (["--task", "mmlu", "--out", "out"], "no model was named"),
    (["scripted:none.jsonl", *BENCH], "scripted:none.jsonl: no such file"),
    (["scripted:s.jsonl", "--task", "mmul", "--out", "out"], "task 'mmul' (did you mean 'mmlu'?)"),
    (["scripted:s.jsonl", "--task", "mmlu,mmlu", "--out", "out"], "mmlu is named 2 times"),
    (["scripted:s.jsonl", "--task", "mmlu@x", "--out", "out"], "no profile 'x'; choose hendrycks or lm-eval"),
    (["scripted:s.jsonl", "--task", "mmlu:../x", "--out", "out", "--data-dir", "data"], "becomes the name of a file"),
    (["scripted:s.jsonl", "--task", "mmlu", "--out", "out", "--data-dir", "nowhere"], "--data-dir nowhere: no such"),
    (["scripted:s.jsonl", "--task", "mmlu", "--out", "out", "--data-dir", "s.jsonl"], "s.jsonl: is a file"),
    (["scripted:s.jsonl", "--task", "mmlu:law", "--out", "out", "--data-dir", "data"], "mmlu:law"),
    (["scripted:s.jsonl", *BENCH, "--shots", "9"], "has 5 examples; choose --shots 5 or fewer"),
    (["scripted:s.jsonl", *BENCH, "--seed", "-1"], "--seed -1"),
    (["scripted:s.jsonl", *BENCH, "--limit", "0"], "--limit"),
    (["scripted:s.jsonl", *BENCH, "--multiturn"], "--multiturn: is for a chat template"),
    (["scripted:s.jsonl", *BENCH, "--format", "lm_eval"], "--format 'lm_eval' (did you mean 'lm-eval'?)"),
    (["scripted:s.jsonl", *BENCH, "--submission"], "mmlu has no leaderboard that takes files"),
    (["scripted:s.jsonl", *BENCH, "--precision", "fp8"], "--precision 'fp8'"),
    (["scripted:s.jsonl", *BENCH, "--concurrency", "2"], "--concurrency: is for models behind a server"),
    (["scripted:s.jsonl", *BENCH, "--training-data", "none.jsonl"], "none.jsonl"),
    (["scripted:s.jsonl", "--task", "mmlu", "--data-dir", "data", "--out", "full"], "full: holds something else"),
    (["scripted:s.jsonl", "--task", "mmlu", "--data-dir", "data", "--out", "s.jsonl"], "s.jsonl: is a file"),
    (["scripted:s.jsonl", "--task", "./code.py", "--out", "out"], "add --allow-code-execution"),
    (["scripted:s.jsonl", "--task", "./twice.py", "--out", "out"], "2 items with the id '1'"),
    (["scripted:s.jsonl", "--task", "./none.py", "--out", "out"], "no such file"),
    (["scripted:s.jsonl", "--task", "./bad.py", "--out", "out"], "ZeroDivisionError"),
    (["scripted:s.jsonl", "--task", "./fails.py", "--out", "out"], "its items cannot be read (KeyError: 'x')"),
    (["scripted:s.jsonl", "--task", "./half.py", "--out", "out"], "half a character"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[m for _, m in MISTAKES])
def test_each_mistake_is_one_sentence(desk, heedful, arguments, message):
    desk.write("s.jsonl", '{"question": "a", "answer": "b"}\n')
    desk.write("code.py", CODE)
    desk.write("twice.py", TWICE)
    desk.write("bad.py", "1 / 0\n")
    desk.write("fails.py", MINE.replace("return [Item", 'return {}["x"] or [Item'))
    desk.write("half.py", MINE.replace('f"{n}+1="', '"\\ud800"').replace("(1, 2, 2)", "(1,)"))
    desk.write("full/notes.txt", "mine")
    status, out, err = heedful("bench", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("heedful: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (desk.folder / "out").exists()


def test_a_folder_is_gone_on_with_only_as_it_was_begun(desk, heedful):
    model = desk.script("s.jsonl", SAYS)
    heedful("bench", model, *BENCH, "--limit", 1)
    status, _, err = heedful("bench", model, *BENCH)
    assert (status, "out: exists; add --resume" in err) == (2, True)
    desk.script("t.jsonl", SAYS)
    for arguments in (["scripted:t.jsonl"], [model, "--shots", "2"], [model, "--template", "auto"]):
        status, _, err = heedful("bench", *arguments, *BENCH, "--resume")
        assert status == 2
        assert "was begun with" in err
    (desk.folder / "out/requests/mmlu.jsonl").write_text('{"a": 1}\n')
    status, _, err = heedful("bench", model, *BENCH, "--resume")
    assert (status, "mmlu.jsonl:1: not a journal of heedful bench" in err) == (2, True)
