"""The files that readers of lm-evaluation-harness's output folder know (0.4.13, loggers/evaluation_tracker.py).

    DIR/lm-eval/MODEL/results_TIME.json          results, configs, versions, n-shot, higher_is_better, n-samples, ...
    DIR/lm-eval/MODEL/samples_TASK_TIME.jsonl    doc_id, arguments, resps, filtered_resps, target, acc, ...

A metric is called ``acc,none`` with ``acc_stderr,none`` beside it. The harness's own document of an item is not known
here, so ``doc`` holds the item's id, subset and gold answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from heedful.bench.folder import BenchFolder
from heedful.bench.tasks import Prepared
from heedful.store import read_jsonl, write_json, write_jsonl

# The harness's names of Heedful's metrics.
NAMES = {"accuracy": "acc", "accuracy_norm": "acc_norm", "accuracy_macro": "acc_macro", "matthews": "mcc"}
_FACTS = ("profile", "main")


def write_lm_eval(folder: BenchFolder, results: Mapping[str, Any], prepared: Sequence[Prepared]) -> str:
    """Write both kinds of files for the tasks; where they are."""
    model = re.sub(r"[\"<>:/|\\?*\[\]]+", "__", str(results["model"]))
    where = folder.path / "lm-eval" / model
    stamp = datetime.now().isoformat().replace(":", "-")
    hashes = {}
    for one in prepared:
        lines = list(_samples(read_jsonl(folder.samples(one.key)), one))
        named = [line["doc_hash"] + line["prompt_hash"] + line["target_hash"] for line in lines]
        hashes[one.key] = _hash("".join(named))
        write_jsonl(where / f"samples_{one.key}_{stamp}.jsonl", lines)
    write_json(where / f"results_{stamp}.json", _results(results, prepared) | {"task_hashes": hashes})
    return str(where)


def _results(results: Mapping[str, Any], prepared: Sequence[Prepared]) -> dict[str, Any]:
    keys = [p.key for p in prepared]
    names = [name for key in keys for name in (key, *(f"{key}:{part}" for part in results["tasks"][key]["parts"]))]
    values = {name: _metrics(name, results["results"][name]) for name in names}
    tasks = {key: results["tasks"][key] for key in keys}
    metrics = {name: [m for m in results["results"][name] if m not in _FACTS] for name in names}
    return {
        "results": values,
        "group_subtasks": {key: [f"{key}:{part}" for part in task["parts"]] for key, task in tasks.items()},
        "configs": {key: _config(key, task) for key, task in tasks.items()},
        "versions": {key: task["profile"] for key, task in tasks.items()},
        "n-shot": {key: task["shots"] for key, task in tasks.items()},
        "higher_is_better": {name: {_name(m): True for m in metrics[name]} for name in names},
        "n-samples": {key: {"original": task["items"], "effective": task["items"]} for key, task in tasks.items()},
        "config": {
            "model": "heedful",
            "model_args": f"pretrained={results['model']}",
            "model_dtype": results["precision"],
            "limit": tasks[keys[0]]["limit"],
            "random_seed": results["seed"],
            "fewshot_seed": results["seed"],
        },
        "git_hash": None,
        "date": datetime.fromisoformat(results["created"]).timestamp(),
        "transformers_version": results["versions"].get("transformers"),
        "lm_eval_version": None,
        "model_source": "heedful",
        "model_name": results["model"],
        "chat_template": None if tasks[keys[0]]["template"]["name"] == "none" else tasks[keys[0]]["template"]["name"],
        "chat_template_sha": tasks[keys[0]]["template"].get("sha256"),
        "fewshot_as_multiturn": tasks[keys[0]]["template"].get("multiturn", False),
        "total_evaluation_time_seconds": str(results["seconds"]),
    }


def _metrics(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"name": name, "alias": name}
    for metric, figure in entry.items():
        if metric not in _FACTS:
            out[f"{_name(metric)},none"] = figure["value"]
            out[f"{_name(metric)}_stderr,none"] = "N/A" if figure["stderr"] is None else figure["stderr"]
            out.setdefault("sample_len", figure["n"] + figure["unscored"])
    return out


def _config(key: str, task: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "task": key,
        "dataset_path": task["source"]["hub"],
        "dataset_name": task["subset"],
        "test_split": task["source"]["split"],
        "fewshot_split": task["source"]["shots_split"],
        "num_fewshot": task["shots"],
        "metadata": {"version": task["profile"]},
    }


def _samples(lines: Sequence[Mapping[str, Any]], prepared: Prepared) -> Iterator[dict[str, Any]]:
    """A sample of Heedful's as the harness writes one."""
    until = list(prepared.task.generation.stop) if prepared.task.generation is not None else []
    for number, line in enumerate(lines):
        prompt = line["prompt"] if isinstance(line["prompt"], str) else json.dumps(line["prompt"], ensure_ascii=False)
        choices = line.get("choices")
        if choices is not None:
            arguments = [(prompt, c["text"]) for c in choices]
            said = [[str(c["log_likelihood"]), str(c["greedy"])] for c in choices]
            answers, filtered = [[one] for one in said], said
        else:
            arguments = [(prompt, {"until": until})]
            texts = line.get("texts", [])
            answers, filtered = [texts], texts[:1]
        target = _target(line)
        doc = {"id": line["id"], "subset": line.get("subset", ""), "gold": line["gold"]}
        score = line["score"] if isinstance(line["score"], dict) else {_only(prepared): line["score"]}
        scores = {_name(m): value for m, value in score.items()}
        yield {
            "doc_id": number,
            "doc": doc,
            "target": target,
            "arguments": {
                f"gen_args_{k}": {f"arg_{j}": a for j, a in enumerate(pair)} for k, pair in enumerate(arguments)
            },
            "resps": answers,
            "filtered_resps": filtered,
            "filter": "none",
            "metrics": list(scores),
            "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False, default=str)),
            "prompt_hash": _hash(prompt),
            "target_hash": _hash(target),
            **scores,
        }


def _target(line: Mapping[str, Any]) -> str:
    """What is right, as the harness has it: of choices that are named by their texts, the number of the right one."""
    texts = [c["text"].strip() for c in line.get("choices", ())]
    gold = line["gold"]
    return str(texts.index(gold)) if isinstance(gold, str) and gold in texts else str(gold)


def _only(prepared: Prepared) -> str:
    """The metric of samples that have one score: it stands without its name there."""
    from heedful.tasks import Outcome

    return next(iter(prepared.task.mark(Outcome(prepared.items[0], error="not asked")).scores), "score")


def _name(metric: str) -> str:
    return NAMES.get(metric, metric)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
