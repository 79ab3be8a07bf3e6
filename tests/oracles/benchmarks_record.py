"""Record what the owners' own code says of files that we drew (benchmarks_inputs.py) in benchmarks.json.

    python tests/oracles/benchmarks_record.py FOLDER

The code is in no package, so the folder holds it under these names (`OWNERS` has the place of each and the hash of the
version that was run); scikit-learn and scipy are the installed ones. The code of GLUE's and SuperGLUE's leaderboards is
not public: what stands for it is Hugging Face's `evaluate`, the owners' toolkit jiant for gender parity, and for STS-B
the calls of scipy in the owners' GLUE-baselines (src/eval_test.py), since `evaluate` rounds its scores to 32 bits.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import io
import json
import math
import sys
import types
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORD = HERE / "benchmarks.json"
CASES = 60
OWNERS = {
    "squad_compute_score.py": ("huggingface/evaluate metrics/squad/compute_score.py", "6c27d9393600a8e6"),
    "evaluate-v2.0.py": ("rajpurkar/SQuAD-explorer evaluate-v2.0.py", "710840ce2c2c6171"),
    "triviaqa_evaluation.py": ("mandarjoshi90/triviaqa evaluation/triviaqa_evaluation.py", "51785a3bc2e02a8f"),
    "dataset_utils.py": ("mandarjoshi90/triviaqa utils/dataset_utils.py", "0965b863e29cf28f"),
    "utils.py": ("mandarjoshi90/triviaqa utils/utils.py", "744f5ea49381c58d"),
    "glue.py": ("huggingface/evaluate metrics/glue/glue.py", "8428a8c6feafd261"),
    "super_glue.py": ("huggingface/evaluate metrics/super_glue/super_glue.py", "2d7285f4b15d3c9f"),
    "record_evaluation.py": ("huggingface/evaluate metrics/super_glue/record_evaluation.py", "e9d33e74a221abe1"),
    "winogender_metrics.py": ("nyu-mll/jiant-v1-legacy jiant/metrics/winogender_metrics.py", "f990910c9782af68"),
}


def main(folder: Path) -> None:
    """Check the folder, run the owners' code on every case, write the record."""
    for name, (place, known) in OWNERS.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()[:16]
        if found != known:
            sys.exit(f"{folder / name}: is another version of {place} than the record's ({found}, not {known})")
    sys.path.insert(0, str(HERE))
    warnings.simplefilter("ignore")
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        said = {name: ask(folder) for name, ask in ASKED.items()}
    packages = {p: version(p) for p in ("numpy", "scipy", "scikit-learn")}
    packages["python"] = sys.version.split()[0]
    record = {"versions": packages, "owners": {k: list(v) for k, v in OWNERS.items()}, "cases": CASES, "says": said}
    RECORD.write_text(json.dumps(record, indent=0) + "\n", encoding="utf-8")


def _load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _squad(folder: Path) -> list[Any]:
    import benchmarks_inputs as inputs

    owner, out = _load(folder / "squad_compute_score.py", "squad_owner"), []
    for seed in range(CASES):
        references, predictions = inputs.squad(seed, "1.1")
        out.append(owner.compute_score(references["data"], predictions))
    return out


def _squad2(folder: Path) -> list[Any]:
    """The script's main, up to what it prints; sums go from left to right, as in every Python before 3.12."""
    import benchmarks_inputs as inputs

    owner, out = _load(folder / "evaluate-v2.0.py", "squad2_owner"), []
    for seed in range(CASES):
        references, predictions = inputs.squad(seed, "v2.0")
        data, no_probabilities = references["data"], dict.fromkeys(predictions, 0.0)
        has = owner.make_qid_to_has_ans(data)
        raw = owner.get_raw_scores(data, predictions)
        exact, f1 = (owner.apply_no_ans_threshold(s, no_probabilities, has, 1.0) for s in raw)
        found = owner.make_eval_dict(exact, f1)
        for prefix, wanted in (("HasAns", True), ("NoAns", False)):
            if chosen := [k for k, v in has.items() if v is wanted]:
                owner.merge_eval(found, owner.make_eval_dict(exact, f1, qid_list=chosen), prefix)
        out.append(found)
    return out


def _triviaqa(folder: Path) -> list[Any]:
    import benchmarks_inputs as inputs

    package = sys.modules["utils"] = types.ModuleType("utils")
    package.__dict__["utils"] = _load(folder / "utils.py", "utils.utils")
    package.__dict__["dataset_utils"] = _load(folder / "dataset_utils.py", "utils.dataset_utils")
    owner, out = _load(folder / "triviaqa_evaluation.py", "triviaqa_owner"), []
    place = folder / "drawn.json"
    for seed in range(CASES):
        references, predictions = inputs.triviaqa(seed)
        place.write_text(json.dumps(references), encoding="utf-8")
        golds = package.dataset_utils.get_key_to_ground_truth(package.dataset_utils.read_triviaqa_data(str(place)))
        out.append(owner.evaluate_triviaqa(golds, predictions))
    place.unlink()
    return out


def _metric(folder: Path, name: str, task: str) -> Any:
    """A metric of `evaluate` without that package, of which it needs a base class only."""
    plain = types.ModuleType("evaluate")
    plain.__dict__["Metric"] = type("Metric", (), {})
    plain.__dict__["utils"] = types.SimpleNamespace(
        file_utils=types.SimpleNamespace(add_start_docstrings=lambda *_: lambda given: given)
    )
    sys.modules["evaluate"], sys.modules["datasets"] = plain, types.ModuleType("datasets")
    package = sys.modules["owners"] = types.ModuleType("owners")
    package.__path__ = [str(folder)]
    metric = getattr(importlib.import_module(f"owners.{name}"), {"glue": "Glue", "super_glue": "SuperGlue"}[name])()
    metric.config_name = task
    return metric._compute


def _classes(folder: Path) -> dict[str, list[Any]]:
    import benchmarks_inputs as inputs
    import numpy as np
    from sklearn.metrics import matthews_corrcoef

    def said(name: str, task: str, count: int) -> list[Any]:
        compute = _metric(folder, name, task)
        cases = (inputs.classes(seed, count) for seed in range(CASES))
        return [{k: float(v) for k, v in compute(np.array(p), np.array(g)).items()} for g, p in cases]

    three = (inputs.classes(seed, 3) for seed in range(CASES))
    return {
        "mrpc": said("glue", "mrpc", 2),
        "cola": said("glue", "cola", 2),
        "mnli": said("glue", "mnli", 3),
        "cb": said("super_glue", "cb", 3),
        "axb": said("super_glue", "axb", 2),
        "ax": [{"matthews_correlation": float(matthews_corrcoef(g, p))} for g, p in three],
    }


def _stsb(_: Path) -> list[Any]:
    import benchmarks_inputs as inputs
    from scipy.stats import pearsonr, spearmanr

    out = []
    for seed in range(CASES):
        gold, predicted = ([float(v) for v in side] for side in inputs.scores(seed))
        pearson: Any = pearsonr(gold, predicted)
        spearman: Any = spearmanr(gold, predicted)
        found = {"pearson": float(pearson[0]), "spearmanr": float(spearman[0])}
        out.append({k: v if math.isfinite(v) else None for k, v in found.items()})
    return out


def _multirc(folder: Path) -> list[Any]:
    import benchmarks_inputs as inputs

    compute, out = _metric(folder, "super_glue", "multirc"), []
    for seed in range(CASES):
        rows = inputs.multirc(seed)
        given = [{"idx": {"paragraph": p, "question": q, "answer": a}, "prediction": y} for p, q, a, _, y in rows]
        out.append(compute(given, [gold for *_, gold, _ in rows]))
    return out


def _record(folder: Path) -> list[Any]:
    import benchmarks_inputs as inputs

    compute, out = _metric(folder, "super_glue", "record"), []
    for seed in range(CASES):
        passages, answers = inputs.record(seed)
        references = [
            {"idx": {"passage": p["idx"], "query": q["idx"]}, "answers": [a["text"] for a in q["answers"]]}
            for p in passages
            for q in p["qas"]
        ]
        given = [{"idx": {"passage": 0, "query": key}, "prediction_text": text} for key, text in answers.items()]
        out.append(compute(given, references))
    return out


def _parity(folder: Path) -> list[Any]:
    import benchmarks_inputs as inputs

    owner, out = _load(folder / "winogender_metrics.py", "parity_owner"), []
    for seed in range(CASES):
        predicted = inputs.classes(seed, 2)[1]
        metric = owner.GenderParity()
        metric([{"sent2_str": str(n // 2), "idx": n, "preds": p} for n, p in enumerate(predicted)])
        found = metric.get_metric()
        out.append(None if found == -1 else found)
    return out


ASKED = {
    "squad": _squad,
    "squad2": _squad2,
    "triviaqa": _triviaqa,
    "classes": _classes,
    "stsb": _stsb,
    "multirc": _multirc,
    "record": _record,
    "parity": _parity,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
