"""Record what BIG-bench's own code says of tasks that we drew (bigbench_inputs.py) in bigbench.json.

    pip download --no-deps --no-binary :all: bigbench==1.0.0    # unpack it in FOLDER: FOLDER/bigbench-1.0.0
    pip download --no-deps t5==0.9.4                            # unpack it in FOLDER: FOLDER/t5
    python tests/oracles/bigbench_record.py FOLDER [CASE]

With a number the cases before it stay as they are recorded: the owner's ROUGE takes a minute a task.

Its dependencies (tensorflow, seqio, bleurt and more) are not needed for what is recorded: of tensorflow it uses files,
for which there is a stand-in here. numpy, scipy, scikit-learn, sacrebleu and rouge-score are the installed ones. The
owner draws ROUGE's figures from numpy's global generator without a seed; the made-up model seeds it before each task.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import hashlib
import io
import json
import sys
import tempfile
import types
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bigbench_inputs as inputs
import numpy as np

HERE = Path(__file__).parent
RECORD = HERE / "bigbench.json"
OWNERS = {
    "bigbench-1.0.0/bigbench/api/json_task.py": "105c1edad3c2d1f3",
    "bigbench-1.0.0/bigbench/api/task_metrics.py": "0d210ed501882ee3",
    "bigbench-1.0.0/bigbench/api/results.py": "547896387a435546",
    "bigbench-1.0.0/bigbench/models/model_utils.py": "410d62ef7fc27da9",
    "t5/evaluation/metrics.py": "7a3152ea7b0c0118",
}
LOGGED = (4, 6, 7)  # the cases of which the owner's log is recorded, too


def main(folder: Path, first: int = 0) -> None:
    """Run the owner's code on every case, write the record; cases before `first` stay as they are."""
    kept = json.loads(RECORD.read_text(encoding="utf-8"))["says"][:first] if first else []
    for name, known in OWNERS.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()[:16]
        if found != known:
            sys.exit(f"{folder / name}: is another version than the record's ({found}, not {known})")
    warnings.simplefilter("ignore")
    stand_in(folder)
    with contextlib.redirect_stdout(io.StringIO()):
        said = [*kept, *(_case(seed) for seed in range(first, inputs.CASES))]
        record = {
            "versions": {p: version(p) for p in ("numpy", "scipy", "scikit-learn", "sacrebleu", "rouge-score")},
            "owners": OWNERS,
            "says": said,
            "endings": _endings(),
            "refused": _refused(),
            "lite": _lite(folder),
        }
    RECORD.write_text(json.dumps(record, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


def stand_in(folder: Path) -> None:
    """Make the owner's modules importable without what they import for other work."""

    def module(name: str, **values: Any) -> types.ModuleType:
        found = sys.modules[name] = types.ModuleType(name)
        found.__dict__.update(values)
        return found

    gfile = types.SimpleNamespace(isdir=lambda p: Path(p).is_dir(), glob=glob.glob, GFile=open)
    v1 = module("tensorflow.compat.v1", logging=types.SimpleNamespace(info=print))
    v2 = module("tensorflow.compat.v2", io=types.SimpleNamespace(gfile=gfile))
    module("tensorflow", compat=module("tensorflow.compat", v1=v1, v2=v2))
    module("datasets", load_metric=None)
    module("editdistance")
    root = folder / "bigbench-1.0.0" / "bigbench"
    for name, place in {
        "t5": folder / "t5",
        "t5.evaluation": folder / "t5" / "evaluation",
        "bigbench": root,
        "bigbench.benchmark_tasks": root / "benchmark_tasks",
        "bigbench.bbseqio": root / "bbseqio",
    }.items():
        module(name, __path__=[str(place)], __file__=str(place / "__init__.py"))
    sys.modules["bigbench"].__dict__["benchmark_tasks"] = sys.modules["bigbench.benchmark_tasks"]


class MadeUp:
    """A model that answers as bigbench_inputs says, and keeps what it was asked."""

    def __init__(self, seed: int):
        self.seed = seed
        self.asked: list[list[str]] = []

    def generate_text(self, inputs: Any, stop_string: Any = None, output_regex: Any = None, **_: Any) -> Any:
        from bigbench.models.model_utils import postprocess_output  # pyright: ignore[reportMissingImports]

        np.random.seed(0)
        self.asked.append(inputs)
        return postprocess_output([_inputs.answer(self.seed, t) for t in inputs], None, stop_string, output_regex)

    def cond_log_prob(self, inputs: Any, targets: Any, **_: Any) -> Any:
        self.asked.append(inputs)
        return [[_inputs.log_prob(self.seed, t, x) for x in of] for t, of in zip(inputs, targets, strict=True)]


_inputs = inputs


def _case(seed: int) -> dict[str, Any]:
    print(f"case {seed} of {inputs.CASES}", file=sys.stderr)
    from bigbench.api import json_task, util  # pyright: ignore[reportMissingImports]
    from bigbench.models.query_logging_model import QueryLoggingModel  # pyright: ignore[reportMissingImports]

    with tempfile.TemporaryDirectory() as name:
        for path, held in inputs.task_files(seed).items():
            (Path(name) / path).parent.mkdir(exist_ok=True)
            (Path(name) / path).write_text(json.dumps(held, ensure_ascii=False), encoding="utf-8")
        read = json_task.JsonTask(f"{name}/task.json", shot_list=list(inputs.SHOTS))
        model = MadeUp(seed)
        scores = read.evaluate_model(model)
        found: dict[str, Any] = {"scores": [_plain(s) for s in scores], "asked": _hash(model.asked)}
        few = json_task.JsonTask(f"{name}/task.json", shot_list=[0, 2], max_examples=8, random_seed=5)
        few.evaluate_model(less := MadeUp(seed), score=False, random_seed=7)
        found["asked_few"] = _hash(less.asked)
        if seed in LOGGED:
            logged = QueryLoggingModel(model)
            read = json_task.JsonTask(f"{name}/task.json", shot_list=[0, 2])
            scores = read.evaluate_model(logged)
            queries = util.update_json_task_queries(task=read, model=logged, scores=scores)
            found["log"] = {
                "scores": [_plain(s) for s in scores],
                "task": {"task_name": read.name},
                "model": {},
                "queries": [_plain(q) for q in queries],
            }
        return found


def _plain(value: Any) -> Any:
    """Dataclasses as JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return float(value) if isinstance(value, np.floating) else value


def _hash(asked: list[list[str]]) -> str:
    """All that the model was asked, in a few characters; each list once, since every kind of metric asks the same."""
    distinct = [texts for n, texts in enumerate(asked) if n == 0 or texts != asked[n - 1]]
    return hashlib.sha256(json.dumps(distinct).encode()).hexdigest()[:16]


def _endings() -> list[str]:
    from bigbench.models.model_utils import postprocess_output  # pyright: ignore[reportMissingImports]

    return [postprocess_output(text, None, stop, regex) for text, regex, stop in inputs.endings()]


class Yes(MadeUp):
    """A model that always says yes."""

    def generate_text(self, inputs: Any, stop_string: Any = None, output_regex: Any = None, **_: Any) -> Any:
        from bigbench.models.model_utils import postprocess_output  # pyright: ignore[reportMissingImports]

        return postprocess_output(["yes"] * len(inputs), None, stop_string, output_regex)


def _refused() -> dict[str, bool]:
    """Whether the owner's code ends in an error, when it reads a task or when it evaluates it."""
    from bigbench.api import json_task  # pyright: ignore[reportMissingImports]

    found = {}
    for name, task in inputs.spoiled():
        try:
            json_task.JsonTask(json.loads(json.dumps(task))).evaluate_model(Yes(2))
            found[name] = False
        except Exception:
            found[name] = True
    return found


def _lite(folder: Path) -> dict[str, Any]:
    """The mean that the owner's plot of BIG-bench Lite shows, for scores by place in the list of tasks."""
    from bigbench.api import util  # pyright: ignore[reportMissingImports]

    names = util.get_all_bigbench_lite_task_names()
    source = (folder / "bigbench-1.0.0/bigbench/task_postprocessing_scripts/generate_bbl_plots.py").read_text("utf-8")
    start, end = source.index("def get_pcount_score"), source.index("def get_human_score")
    namespace: dict[str, Any] = {"np": np, "defaultdict": __import__("collections").defaultdict}
    exec(source[start:end], namespace)
    values = [100 / (n + 3) - 7 for n in range(len(names))]
    sample = types.SimpleNamespace
    data = {
        name: sample(data={name: {"normalized_aggregate_score": {"made up": {3: [sample(params=1, score=value)]}}}})
        for name, value in zip(names, values, strict=True)
    }
    return {
        "names": names,
        "values": values,
        "score": float(namespace["get_pcount_score"](data, "made up", 3, names)[1][0]),
        "programmatic": sorted(util.get_all_programmatic_task_names()),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
