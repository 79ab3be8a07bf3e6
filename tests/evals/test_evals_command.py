"""`heedful bench --task evals:NAME` as a user meets it: results by hand, the log, going on, a judge, every mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heedful.store import read_jsonl

# samples_jsonl's lines: what is asked, what is right, and what the model of `said` answers.
SUMS = [("1+1=", "2", "2"), ("1+2=", "3", "It is 3"), ("2+2=", ["4", "four"], "four"), ("2+3=", "5", None)]
REGISTRY = {
    "evals/sums.yaml": """
sums:
  id: sums.dev
sums.dev:
  id: sums.dev.v1
sums.dev.v1:
  class: evals.elsuite.basic.match:Match
  args: {samples_jsonl: sums.jsonl}
sums.held.v1:
  class: evals.elsuite.basic.includes:Includes
  args: {samples_jsonl: sums.jsonl}
graded.dev.v1:
  class: evals.elsuite.modelgraded.classify:ModelBasedClassify
  args: {samples_jsonl: sums.jsonl, modelgraded_spec: right, eval_type: classify}
strange.dev.v1:
  class: os:system
  args: {command: touch owned}
far.dev.v1:
  class: evals.elsuite.basic.match:Match
  args: {samples_jsonl: ../../secret.jsonl}
pointer.dev.v1:
  class: evals.elsuite.basic.match:Match
  args: {samples_jsonl: pointer.jsonl}
none.dev.v1:
  class: evals.elsuite.basic.match:Match
  args: {samples_jsonl: none.jsonl}
torn.dev.v1:
  class: evals.elsuite.basic.match:Match
  args: {samples_jsonl: torn.jsonl}
empty.dev.v1:
  class: evals.elsuite.basic.match:Match
  args: {samples_jsonl: empty.jsonl}
number.dev.v1:
  class: evals.elsuite.basic.includes:Includes
  args: {samples_jsonl: number.jsonl}
odd.dev.v1:
  class: evals.elsuite.basic.match:Match
  args: {samples_jsonl: sums.jsonl, max_token: 3}
round.dev.v1:
  id: round.dev.v1
lost.dev.v1:
  id: nowhere.dev.v1
several.dev.v1:
  class: evals.elsuite.modelgraded.classify:ModelBasedClassify
  args: {samples_jsonl: sums.jsonl, modelgraded_spec: right, eval_type: classify, multicomp_n: from_models}
mmlu.val.v1:
  class: evals.elsuite.multiple_choice:MultipleChoice
  args: {dataset: "hf://hendrycks_test?name=anatomy&split=validation"}
""",
    "modelgraded/right.yaml": """
right:
  prompt: "{input}{completion} Right?"
  choice_strings: ["Yes", "No"]
  choice_scores: {"Yes": 1.0, "No": 0.0}
  input_outputs: {input: completion}
""",
    "completion_fns/ours.yaml": """
cot: {class: "evals.completion_fns.cot:ChainOfThoughtCompletionFn", args: {cot_completion_fn: gpt-4}}
two:
  class: evals.completion_fns.cot:ChainOfThoughtCompletionFn
  args: {cot_completion_fn: a, extract_completion_fn: b}
chain: {class: "evals.completion_fns.cot:ChainOfThoughtCompletionFn", args: {cot_completion_fn: langchain/llm/t5}}
langchain/llm/t5: {class: "evals.completion_fns.langchain_llm:LangChainLLMCompletionFn"}
owned: {class: "os:system", args: {command: touch owned}}
again: {class: "evals.completion_fns.cot:ChainOfThoughtCompletionFn", args: {cot_completion_fn: again}}
odd: {class: "evals.completion_fns.cot:ChainOfThoughtCompletionFn", args: {cot_completion_fn: a, template: b}}
""",
    "solvers/theirs.yaml": "generation/direct: {class: 'evals.solvers:Solver'}\n",
    "eval_sets/all.yaml": "every-sum:\n  evals: [sums.*]\n",
    "data/pointer.jsonl": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
    "data/torn.jsonl": '{"input": "1+1=", "ideal": "2"}\n{"input": \n',
    "data/empty.jsonl": "",
    "data/number.jsonl": '{"input": "1+1=", "ideal": 2}\n',
}
BENCH = ("--registry", "reg", "--out", "out")


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """A folder with the registry `reg`, and a model for the sums with a judge's verdicts among its answers."""
    monkeypatch.chdir(tmp_path)
    for name, text in REGISTRY.items():
        path = tmp_path / "reg" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    lines = [json.dumps({"input": q, "ideal": right}) for q, right, _ in SUMS]
    (tmp_path / "reg/data/sums.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "secret.jsonl").write_text('{"input": "1+1=", "ideal": "2"}\n')
    said(tmp_path / "m.jsonl")
    return tmp_path


def said(path: Path, **more: str) -> None:
    pairs = {q: text for q, _, text in SUMS if text is not None} | more
    path.write_text("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in pairs.items()))


def test_results_and_log_are_those_worked_by_hand(desk, heedful):
    status, out, _ = heedful("bench", "scripted:m.jsonl", "--task", "evals:every-sum", *BENCH)
    assert status == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    found = json.loads((desk / "out/results.json").read_text())
    exact, within = found["results"]["evals:sums.dev.v1"], found["results"]["evals:sums.held.v1"]
    assert (exact["accuracy"]["value"], exact["accuracy"]["n"], exact["accuracy"]["unscored"]) == (2 / 3, 3, 1)
    assert within["accuracy"]["value"] == 1.0
    task = found["tasks"]["evals:sums.dev.v1"]
    assert (task["requests"], task["asked"], task["failed"], task["report"]["accuracy"]) == (4, 4, 1, 2 / 3)
    samples = {s["id"]: s for s in read_jsonl(desk / "out/samples/evals:sums.dev.v1.jsonl")}
    assert [samples[f"sums.dev.{n}"]["score"] for n in range(4)] == [1.0, 0.0, 1.0, None]
    spec, *events, last = read_jsonl(desk / "out/evals/evals:sums.dev.v1.jsonl")
    assert (spec["spec"]["base_eval"], spec["spec"]["split"]) == ("sums", "dev")
    assert [e["event_id"] for e in events] == list(range(7))
    assert [e["type"] for e in events if e["sample_id"] == "sums.dev.3"] == ["error"]
    assert last == {"final_report": task["report"], "run_id": spec["spec"]["run_id"]}


def test_going_on_asks_only_what_failed(desk, heedful):
    heedful("bench", "scripted:m.jsonl", "--task", "evals:sums", *BENCH)
    said(desk / "m.jsonl", **{"2+3=": "5"})
    status, _, err = heedful("bench", "scripted:m.jsonl", "--task", "evals:sums", *BENCH)
    assert (status, "--resume" in err) == (2, True)
    assert heedful("bench", "scripted:m.jsonl", "--task", "evals:sums", *BENCH, "--resume")[0] == 0
    task = json.loads((desk / "out/results.json").read_text())["tasks"]["evals:sums.dev.v1"]
    assert (task["asked"], task["reused"], task["failed"], task["report"]["accuracy"]) == (1, 3, 0, 0.75)


def test_a_judge_of_its_own_grades_and_is_asked_as_a_chat_model(desk, heedful):
    from heedful.evals import Registry, prepare
    from heedful.evals.prompts import as_messages

    said(desk / "m.jsonl", **{"2+3=": "6"})
    registry = Registry("reg")
    (spec,) = registry.named("graded.*")
    prepared = prepare(registry, spec, None, 0, None, None)
    verdicts: dict[str, str | None] = dict(
        zip(("1+1=", "1+2=", "2+2=", "2+3="), ("Yes", "Yes.", "no idea", None), strict=True)
    )
    lines = []
    for q in prepared.questions:
        asked = str(q.calls[0].prompt)
        text = next(said or "6" for question, _, said in SUMS if question == asked)
        if (verdict := verdicts[asked]) is not None:
            lines.append({"question": as_messages(prepared.judge_call(q, [text]).prompt)[0].content, "answer": verdict})
    (desk / "judge.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    judge = ("--judge", "scripted:judge.jsonl")
    status, out, err = heedful("bench", "scripted:m.jsonl", "--task", "evals:graded.*", *BENCH, *judge)
    assert (status, "grades itself" in err) == (0, False)
    assert "graded by scripted:judge.jsonl" in " ".join(out.split())
    found = json.loads((desk / "out/results.json").read_text())
    report = found["tasks"]["evals:graded.dev.v1"]["report"]
    assert report == {"counts/Yes": 2, "counts/__invalid__": 1, "score": 2 / 3}
    assert found["results"]["evals:graded.dev.v1"]["score"]["unscored"] == 1
    status, _, err = heedful("bench", "scripted:m.jsonl", "--task", "evals:graded.*", *BENCH, "--resume")
    assert (status, "was begun with judge" in err) == (2, True)


def test_a_chain_of_thought_asks_twice_and_goes_on_where_it_was(desk, heedful):
    from heedful.evals.completion import EXTRACT, REASON

    def line(question: str, thought: str, answer: str | None) -> list[dict]:
        first = f"{question}\nAssistant: {REASON}\nAssistant:"
        second = f"{question}\nAssistant: {REASON}\nAssistant: {thought}\nAssistant: {EXTRACT}\nAssistant:"
        said = [{"question": first, "answer": thought}]
        return said + ([{"question": second, "answer": answer}] if answer is not None else [])

    def write(last: str | None) -> None:
        lines = [*line("1+1=", "One and one.", " 2 "), *line("1+2=", "Three.", "4"), *line("2+2=", "Both.", "four")]
        lines += line("2+3=", "Five.", last)
        (desk / "m.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))

    write(None)
    bench = ("bench", "scripted:m.jsonl", "--task", "evals:sums", *BENCH, "--completion-fn")
    status, out, err = heedful(*bench, "cot", "--dry-run")
    assert (status, "8 requests through cot" in out) == (0, True)
    status, out, err = heedful(*bench, "cot")
    assert (status, "cot names gpt-4; in its place scripted:m.jsonl is asked" in err) == (0, True)
    assert "asked through cot" in " ".join(out.split())
    assert all(len(line) <= 80 for line in out.splitlines())
    assert heedful(*bench, "two", "--resume")[0] == 2
    status, _, err = heedful("bench", "scripted:m.jsonl", "--task", "evals:sums", *BENCH, "--resume")
    assert (status, "begun with completion_fn cot" in err) == (2, True)
    write("5")
    assert heedful(*bench, "cot", "--resume")[0] == 0
    task = json.loads((desk / "out/results.json").read_text())["tasks"]["evals:sums.dev.v1"]
    assert (task["requests"], task["asked"], task["completion_fn"]) == (8, 1, "cot")
    assert task["report"]["accuracy"] == 0.75
    (first,) = (s for s in read_jsonl(desk / "out/samples/evals:sums.dev.v1.jsonl") if s["gold"] == "2")
    assert (first["texts"], first["steps"], first["answer"]) == (["2"], [["One and one.", " 2 "]], "2")
    spec, *events, _ = read_jsonl(desk / "out/evals/evals:sums.dev.v1.jsonl")
    assert spec["spec"]["completion_fns"] == ["cot/scripted:m.jsonl"]
    assert [e["type"] for e in events if e["sample_id"] == "sums.dev.0"] == ["sampling"] * 4 + ["match"]


def test_turns_of_a_chain_of_thought_alternate_in_a_chat_template(desk):
    from heedful.evals import Registry, completion_fn
    from heedful.evals.completion import ask_of
    from heedful.evals.prompts import as_messages

    program = completion_fn(Registry("reg"), "cot").program(ask_of([{"role": "user", "content": "1+1="}]), [])
    first = next(program)
    assert [m.role for m in first.turns] == ["user"]
    assert first.turns[0].content.startswith("1+1=\nBefore answering")
    assert [m.role for m in as_messages(first.prompt)] == ["user", "assistant"]
    second = program.send("One and one.")
    assert [m.role for m in second.turns] == ["user", "assistant", "user"]
    assert second.turns[1].content == "One and one."


def test_rows_of_the_hub_are_read_from_a_copy_of_its_repository(desk, heedful, monkeypatch):
    asked = []

    def rows(data):
        asked.append(data)
        yield {"question": "Which is a bone?", "choices": ["rib", "sky"], "answer": 0}, f"{data.name}: row 1"

    monkeypatch.setattr("heedful.data.hub.hub_rows", rows)
    task = ("bench", "scripted:m.jsonl", "--task", "evals:mmlu.val.v1", *BENCH, "--dry-run")
    assert heedful(*task)[0] == 0
    (desk / "data/cais/mmlu/anatomy").mkdir(parents=True)
    assert heedful(*task, "--data-dir", "data")[0] == 0
    (desk / "data/cais/mmlu/README.md").write_text("---\n---\n")
    assert heedful(*task, "--data-dir", "data")[0] == 0
    copy = f"{desk}/data/cais/mmlu"
    assert [(d.id, d.config, d.split) for d in asked] == [
        ("cais/mmlu", "anatomy", "validation"),
        (f"{copy}/anatomy", None, "validation"),
        (copy, "anatomy", "validation"),
    ]
    assert [bool(d.revision) for d in asked] == [True, False, False]


@pytest.mark.slow
def test_a_copy_of_a_data_set_is_read_by_the_package_datasets_and_hashed(desk, heedful):
    pytest.importorskip("datasets")
    from heedful.evals import Registry, prepare

    folder = desk / "data/hendrycks_test/anatomy"
    folder.mkdir(parents=True)
    row = {"question": "Which is a bone?", "choices": ["rib", "sky"], "answer": 0}
    (folder / "validation.jsonl").write_text(json.dumps(row) + "\n")
    registry = Registry("reg")
    spec = registry.spec("mmlu.val.v1")
    file = prepare(registry, spec, None, 0, None, desk / "data")
    (folder / "validation.jsonl").rename(folder / "validation-00000-of-00001.jsonl")
    copy = prepare(registry, spec, None, 0, None, desk / "data")
    assert [q.calls for q in copy.questions] == [q.calls for q in file.questions]
    assert [q.gold for q in copy.questions] == [q.gold for q in file.questions]
    assert list(copy.hashes) == ["data/hendrycks_test/anatomy".replace("data", str(desk / "data"), 1)]


def test_a_dry_run_counts_and_asks_nothing(desk, heedful):
    status, out, _ = heedful("bench", "scripted:m.jsonl", "--task", "evals:graded.*", *BENCH, "--dry-run", "--json")
    assert status == 0
    assert json.loads(out)["tasks"]["evals:graded.dev.v1"]["judged"] == 4
    assert not (desk / "out").exists()


MISTAKES = {
    "evals:sum": "did you mean",
    "evals:no-*": "a wider pattern",
    "evals:strange.dev.v1": "its class os:system is none of the basic evals",
    "evals:far.dev.v1": "leads out of",
    "evals:pointer.dev.v1": "git lfs pull",
    "evals:none.dev.v1": "data is missing",
    "evals:torn.dev.v1": "torn.jsonl:2: not JSON",
    "evals:empty.dev.v1": "has no samples",
    "evals:number.dev.v1": "number.jsonl:1: 'ideal'",
    "evals:odd.dev.v1": "an argument 'max_token'",
    "evals:round.dev.v1": "leads back to itself",
    "evals:lost.dev.v1": "which is nowhere",
    "evals:several.dev.v1": "from_models",
    "evals:mmlu.val.v1 --data-dir .": "hendrycks_test is there",
    "evals:sums --completion-fn cott": "did you mean 'cot'",
    "evals:sums --completion-fn two": "asks several models (a, b)",
    "evals:sums --completion-fn chain": "fn chain: goes through langchain/llm/t5, whose class",
    "evals:sums --completion-fn owned": "class os:system is code that is never imported",
    "evals:sums --completion-fn again": "leads back to itself",
    "evals:sums --completion-fn odd": "an argument 'template'",
    "evals:sums --completion-fn generation/direct": "is a solver",
    "mmlu --completion-fn cot": "is for tasks evals:NAME",
    "evals:sums,mmlu": "in two commands",
    "evals:sums --shots 2": "few_shot_jsonl",
    "evals:sums --judge scripted:m.jsonl": "graded by rules",
    "evals:sums --multiturn --template auto": "--multiturn: is not for",
    "mmlu": "--registry: is for tasks evals:NAME",
}


@pytest.mark.parametrize("task", MISTAKES)
def test_a_mistake_is_one_sentence(desk, heedful, task):
    status, _, err = heedful("bench", "scripted:m.jsonl", "--task", *task.split(), *BENCH)
    assert status == 2
    assert MISTAKES[task] in err
    assert err.count("\n") == 1
    assert not (desk / "owned").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: !!python/object/apply:os.system ['touch owned']\n", "not YAML"),
        ("a: [\n", "broken.yaml:"),
        ("sums.dev.v1: {id: sums}\n", "keep one of them"),
        ("a: 3\n", "is no mapping"),
    ],
)
def test_a_broken_registry_is_told_with_its_file(desk, heedful, text, told):
    (desk / "reg/evals/broken.yaml").write_text(text)
    status, _, err = heedful("bench", "scripted:m.jsonl", "--task", "evals:sums", *BENCH)
    assert (status, told in err, "Traceback" in err) == (2, True, False)
    assert not (desk / "owned").exists()
    status, _, err = heedful("bench", "scripted:m.jsonl", "--task", "evals:sums", "--registry", "data", "--out", "out")
    assert (status, "no such folder" in err) == (2, True)


@pytest.mark.slow
def test_a_run_is_asked_before_and_after_its_tuning_and_reported(desk, tiny_run, heedful):
    import shutil

    from heedful.store import RunFolder, read_json

    run = shutil.copytree(tiny_run, desk / "run")
    task = ("bench", run, "--task", "evals:every-sum,evals:graded.dev.v1", "--registry", "reg", "--limit", 3)
    status, out, err = heedful(*task, "--precision", "fp32", "--completion-fn", "cot")
    assert status == 0, err
    assert err.count("grades itself") == 1
    assert [line for line in out.splitlines() if len(line) > 80 and str(run) not in line] == []
    sides = {which: read_json(RunFolder(run).bench(which) / "results.json") for which in ("base", "tuned")}
    keys = ["evals:sums.dev.v1", "evals:sums.held.v1", "evals:graded.dev.v1"]
    for which, found in sides.items():
        assert found["model"] == (f"run:{run}@base" if which == "base" else f"run:{run}")
        assert list(found["tasks"]) == keys
        assert [found["tasks"][k]["items"] for k in keys] == [3, 3, 3]
        log = read_jsonl(RunFolder(run).bench(which) / "evals" / "evals:sums.dev.v1.jsonl")
        assert log[0]["spec"]["completion_fns"] == [f"cot/{found['model']}"]
    assert sides["base"]["tasks"][keys[0]]["hashes"] == sides["tuned"]["tasks"][keys[0]]["hashes"]
    rows = read_json(RunFolder(run).report("json"))["benchmarks"]["rows"]
    assert [(r["task"], r["metric"]) for r in rows] == [
        (keys[0], "accuracy"), (keys[1], "accuracy"), (keys[2], "score"), (keys[2], "readable"),
    ]  # fmt: skip
    assert all(r["n"] == 3 for r in rows)
    page = RunFolder(run).report("html").read_text()
    assert "What did fine-tuning cost?" in page
    assert "evals:graded.dev.v1" in page
    status, _, err = heedful(*task, "--precision", "fp32", "--completion-fn", "cot")
    assert (status, "exists; add --resume" in err) == (2, True)
