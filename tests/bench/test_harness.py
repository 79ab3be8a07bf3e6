"""Tasks of the real lm-evaluation-harness: figures and samples equal those of its own model for transformers."""

from __future__ import annotations

import json

import pytest

TASK = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
output_type: {kind}
test_split: test
fewshot_split: test
doc_to_text: "{text}"
doc_to_target: "{target}"
{more}
metadata: {{version: 1.0}}
"""
CHOICES = """doc_to_choice: choices
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}"""
WRITTEN = """generation_kwargs: {until: ["?"], max_gen_toks: 9, do_sample: false}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}"""
WHOLE = """metric_list:
  - {metric: word_perplexity, aggregation: weighted_perplexity, higher_is_better: false}
  - {metric: bits_per_byte, aggregation: bits_per_byte, higher_is_better: false}"""
NAMES = ("heedful_choice", "heedful_text", "heedful_whole")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """A folder with three task files and their rows."""
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed")
    folder = tmp_path_factory.mktemp("tasks")
    rows = [
        {"question": f"What comes after {n}?", "choices": [str(n + 1), "nothing at all", str(n - 1)], "label": n % 3}
        for n in range(6)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = (
        ("multiple_choice", "{{question}}", "label", CHOICES),
        ("generate_until", "{{question}}", "{{choices[0]}}", WRITTEN),
        ("loglikelihood_rolling", "", "{{question}} {{choices[1]}}", WHOLE),
    )
    for name, (kind, text, target, more) in zip(NAMES, values, strict=True):
        made = TASK.format(name=name, rows=folder / "rows.jsonl", kind=kind, text=text, target=target, more=more)
        (folder / f"{name}.yaml").write_text(made)
    return folder


def own(model, tasks, **options):
    """What the harness finds by itself."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    lm = HFLM(pretrained=str(model), dtype="float32", device="cpu", batch_size=2)
    return simple_evaluate(
        model=lm, tasks=[n for n in NAMES if not options.get("apply_chat_template") or n != NAMES[2]],
        task_manager=TaskManager(include_path=str(tasks)), bootstrap_iters=10, fewshot_random_seed=0, random_seed=0,
        numpy_random_seed=0, torch_random_seed=0, **options,
    )  # fmt: skip


@pytest.mark.slow
def test_equal_to_the_harness(tiny, tasks, heedful, tmp_path):
    named = ",".join(f"lm-eval:{name}" for name in NAMES)
    status, _, err = heedful(
        "bench", f"hf:{tiny()}", "--task", named, "--data-dir", tasks, "--shots", 1, "--precision", "fp32",
        "--out", tmp_path / "out", "--format", "lm-eval",
    )  # fmt: skip
    assert status == 0, err
    truth = own(tiny(), tasks, num_fewshot=1)
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    for name in NAMES:
        theirs = {k.partition(",")[0]: v for k, v in truth["results"][name].items() if "," in k and "stderr" not in k}
        ours = {k: v["value"] for k, v in found["results"][f"lm-eval:{name}"].items() if isinstance(v, dict)}
        assert ours == pytest.approx({k: float(v) for k, v in theirs.items()}, rel=1e-4)
        assert found["tasks"][f"lm-eval:{name}"]["items"] == 6
    lines = [json.loads(x) for x in (tmp_path / "out/samples/lm-eval:heedful_choice.jsonl").read_text().splitlines()]
    for line, sample in zip(lines, truth["samples"][NAMES[0]], strict=True):
        wanted = [float(value) for value, _ in sample["filtered_resps"]]
        assert [c["log_likelihood"] for c in line["choices"]] == pytest.approx(wanted, abs=1e-4)
        assert line["score"] == {"acc": sample["acc"], "acc_norm": sample["acc_norm"]}
    texts = [json.loads(x) for x in (tmp_path / "out/samples/lm-eval:heedful_text.jsonl").read_text().splitlines()]
    assert [t["texts"] for t in texts] == [s["resps"][0] for s in truth["samples"][NAMES[1]]]
    files = [p.name.rpartition("_")[0] for p in (tmp_path / "out/lm-eval").rglob("*.json*")]
    assert sorted(files) == ["results"] * 3 + sorted(f"samples_{name}" for name in NAMES)
    (file,) = (tmp_path / "out/lm-eval").rglob("samples_heedful_choice_*.jsonl")
    written = [json.loads(x) for x in file.read_text().splitlines()]
    assert [w["doc"] for w in written] == [s["doc"] for s in truth["samples"][NAMES[0]]]

    again, _, err = heedful(
        "bench", f"hf:{tiny()}", "--task", named, "--data-dir", tasks, "--shots", 1, "--precision", "fp32",
        "--out", tmp_path / "out", "--resume",
    )  # fmt: skip
    assert again == 0, err
    second = json.loads((tmp_path / "out" / "results.json").read_text())
    assert second["tasks"]["lm-eval:heedful_choice"]["asked"] == 0
    assert second["results"] == found["results"]


@pytest.mark.slow
def test_what_cannot_be_run_is_told(tiny, tasks, heedful, tmp_path):
    status, _, err = heedful("bench", f"hf:{tiny()}", "--task", "lm-eval:heedful_choise", "--data-dir", tasks)
    assert status == 2
    assert "did you mean 'heedful_choice'?" in err
    (tmp_path / "script.jsonl").write_text('{"context": "a", "continuation": "b", "log_likelihood": -1}\n')
    status, _, err = heedful(
        "bench", f"scripted:{tmp_path / 'script.jsonl'}", "--task", "lm-eval:heedful_whole", "--data-dir", tasks,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert status == 2
    assert "take a model in this process" in err


def test_without_the_harness(monkeypatch, heedful, tiny):
    import sys

    from heedful.bench import harness

    harness._manager.cache_clear()
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    monkeypatch.setitem(sys.modules, "lm_eval.tasks", None)
    status, _, err = heedful("bench", f"hf:{tiny()}", "--task", "lm-eval:hellaswag", "--out", "out")
    assert (status, "pip install 'heedful[lm-eval]'" in err) == (2, True)
