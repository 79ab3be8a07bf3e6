"""Record the figures that BIG-bench's own code gives the tasks of BIG-bench Lite, in bigbench_lite.json.

    python tests/oracles/bigbench_lite_record.py FOLDER             the first examples of each file, 0 and 3 shots
    python tests/oracles/bigbench_lite_record.py FOLDER OUT.json    all examples, 0 shots, into another file

FOLDER is the one of bigbench_record.py. The owner's `evaluate_model` asks the model of bigbench_lite_inputs.py.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import bigbench_lite_inputs as inputs
import bigbench_record as owners
import numpy as np

HERE = Path(__file__).parent


class Asked:
    """The owner's model, asking ours. Its ROUGE draws from numpy's global generator, which is seeded here."""

    def __init__(self, said: inputs.Model):
        self.said = said

    def generate_text(self, inputs: Any, stop_string: Any = None, output_regex: Any = None, **_: Any) -> Any:
        from bigbench.models.model_utils import postprocess_output  # pyright: ignore[reportMissingImports]

        np.random.seed(0)
        return postprocess_output([self.said.answer(t) for t in inputs], None, stop_string, output_regex)

    def cond_log_prob(self, inputs: Any, targets: Any, **_: Any) -> Any:
        return [[self.said.log_prob(t, x) for x in of] for t, of in zip(inputs, targets, strict=True)]


def figures(task: Path, shots: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """The figures of a task as a whole, by the number of shots."""
    from bigbench.api import json_task  # pyright: ignore[reportMissingImports]

    read = json_task.JsonTask(f"{task}/task.json", shot_list=list(shots))
    scores = read.evaluate_model(Asked(inputs.Model(task)))
    names = {s.subtask_description for s in scores}
    whole = [s for s in scores if len(names) == 1 or s.subtask_description == read.name]
    assert [s.number_of_shots for s in whole] == list(shots), (task, names)
    return {
        str(s.number_of_shots): {
            "preferred_score": s.preferred_score, **{k: float(v) for k, v in s.score_dict.items()}
        } for s in whole
    }  # fmt: skip


def main(folder: Path, out: Path | None) -> None:
    warnings.simplefilter("ignore")
    owners.stand_in(folder)
    source = folder / "bigbench-1.0.0/bigbench/benchmark_tasks"
    found: dict[str, Any] = {"small": {}, "lite": {}}
    with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as name:
        from bigbench.api import util  # pyright: ignore[reportMissingImports]

        for task in util.get_all_bigbench_lite_task_names():
            began = time.monotonic()
            if out is None:
                found["lite"][task] = figures(inputs.reduced(source / task, Path(name)), inputs.SHOTS)
                if task in inputs.SMALL:
                    found["small"][task] = figures(source / task, inputs.SHOTS)
            else:
                found["lite"][task] = figures(source / task, (0,))
            print(task, round(time.monotonic() - began, 1), file=sys.stderr)
    path = out or HERE / "bigbench_lite.json"
    path.write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
