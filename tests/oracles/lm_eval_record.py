"""Record what lm-evaluation-harness asks, and what it says of answers, on rows that we drew (lm_eval_inputs.py).

    python -m venv /tmp/oracles/lm_eval
    /tmp/oracles/lm_eval/bin/pip install torch==2.13.0 lm-eval==0.4.13 'transformers<5' 'datasets<4.5'
    /tmp/oracles/lm_eval/bin/python tests/oracles/lm_eval_record.py

(Its task record imports a module that transformers 5 does not have.)

For each task and row: the prompt with no examples and with two (drawn with its seed, 1234), the continuations or the
settings of generation, and the task's figures for what `lm_eval_inputs` lets a model say. Only its data is ours: the
hub is not asked. squadv2 fetches its metric from the hub, where it is the owner's script, so that one stands in for it:
/tmp/oracles/benchmarks/evaluate-v2.0.py (see benchmarks_record.py). Examples squadv2 has none: with them
lm-evaluation-harness 0.4.13 ends in a TypeError.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORD = HERE / "lm_eval.json"
SQUAD2 = Path("/tmp/oracles/benchmarks/evaluate-v2.0.py")


def main() -> None:
    """Load each task on our rows, ask it everything, write the record."""
    sys.path.insert(0, str(HERE))
    import datasets
    import lm_eval_inputs as inputs
    from lm_eval.tasks import TaskManager

    asked: list[str] = []

    def load_dataset(*_: Any, **__: Any) -> Any:
        name = asked[-1]
        made = {split: datasets.Dataset.from_list(inputs.rows(name, split)) for split in ("train", "validation")}
        other = "validation_mismatched" if name == "mnli_mismatch" else "validation_matched"
        return datasets.DatasetDict(made | {other: made["validation"]})

    datasets.load_dataset = load_dataset
    sys.modules["evaluate"] = types.SimpleNamespace(load=lambda _: types.SimpleNamespace(compute=_squad2))  # type: ignore[assignment]
    manager = TaskManager()
    says = {}
    for name in inputs.MAKERS:
        asked.append(name)
        loaded = manager.load_task_or_group([name])
        says[name] = _ask(name, next(iter(loaded.values())), inputs)
    packages = {p: version(p) for p in ("lm-eval", "datasets", "scikit-learn", "numpy")}
    packages["python"] = sys.version.split()[0]
    RECORD.write_text(json.dumps({"versions": packages, "says": says}, indent=0) + "\n", encoding="utf-8")


def _ask(name: str, task: Any, inputs: Any) -> dict[str, Any]:
    docs = list(task.validation_docs())
    contexts: dict[int, list[str]] = {}
    for shots in (0, inputs.SHOTS) if name != "squadv2" else (0,):
        task.set_fewshot_seed(inputs.SEED)
        contexts[shots] = [task.fewshot_context(doc, shots) for doc in docs]
    items, results = [], []
    for number, doc in enumerate(docs):
        found = task.construct_requests(doc, contexts[0][number])
        requests = found if isinstance(found, list) else [found]
        item: dict[str, Any] = {"prompt": contexts[0][number]}
        if inputs.SHOTS in contexts:
            item["prompt_2"] = contexts[inputs.SHOTS][number]
        if requests[0].request_type == "loglikelihood":
            item["continuations"] = [r.arguments[1] for r in requests]
            values = inputs.log_likelihoods(name, number, len(requests))
            results.append(task.process_results(doc, [(v, False) for v in values]))
        else:
            item["until"] = requests[0].arguments[1]["until"]
            if name == "triviaqa":
                results.append(_written(name, task, number, doc, requests[0], inputs))
            else:
                item["continuations"] = [requests[1].arguments[1]]
                text = inputs.written(name, number, doc["answers"]["text"])
                results.append(task.process_results(doc, [text, (inputs.log_likelihoods(name, number, 1)[0], False)]))
        items.append(item)
    return {"items": items, "figures": _aggregated(task, results)}


def _squad2(predictions: Any, references: Any) -> dict[str, float]:
    """What the metric squad_v2 of the hub computes, by the functions of the owner's script, which it has copied."""
    spec = importlib.util.spec_from_file_location("squad2_owner", SQUAD2)
    assert spec is not None
    assert spec.loader is not None
    owner: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(owner)
    data = [{"paragraphs": [{"qas": [{"id": r["id"], "answers": [{"text": t} for t in r["answers"]["text"]]}]}]}
            for r in references]  # fmt: skip
    said = {p["id"]: p["prediction_text"] for p in predictions}
    none = {p["id"]: p["no_answer_probability"] for p in predictions}
    has = owner.make_qid_to_has_ans(data)
    exact, f1 = owner.get_raw_scores(data, said)
    found = owner.make_eval_dict(exact, f1)
    for prefix, wanted in (("HasAns", True), ("NoAns", False)):
        ids = [k for k, v in has.items() if v is wanted]
        owner.merge_eval(found, owner.make_eval_dict(exact, f1, qid_list=ids), prefix)
    owner.find_all_best_thresh(found, said, exact, f1, none, has)
    return found


def _written(name: str, task: Any, number: int, doc: Any, request: Any, inputs: Any) -> dict[str, Any]:
    request.resps = [inputs.written(name, number, doc["answer"]["aliases"])]
    task._instances = [request]
    task.apply_filters()
    return task.process_results(doc, [next(iter(request.filtered_resps.values()))])


def _aggregated(task: Any, results: list[dict[str, Any]]) -> dict[str, float]:
    metrics = results[0] if results else {}
    return {m: float(task.aggregation()[m]([r[m] for r in results])) for m in metrics}


if __name__ == "__main__":
    main()
