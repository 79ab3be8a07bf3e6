"""What Python runs first inside the sandbox: it seals the process, says so on stderr, and becomes what it is told.

    program     runs a source, with its output shown
    candidate   loads a source and answers calls of one of its functions (candidate.py)
    checker     runs tests against a candidate in another sandbox (checker.py)

The source, or the checker's task, is a JSON object on stdin. What may stand in the arguments is known to the program.
"""

from __future__ import annotations

import json
import os
import sys

from heedful.sandbox.inside.channel import SEALED
from heedful.sandbox.inside.seal import seal

TYPE_CHECKING = False  # as type checkers know it; the import of typing would cost each program its time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# NumPy's libraries would else start a thread for each core, and take memory for each. HumanEval's owner sets the first.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Read what to be from the one argument, seal, and be it."""
    told = json.loads(sys.argv[1])
    task = json.loads(sys.stdin.buffer.read())
    os.close(0)
    os.dup2(told["null"], 0)
    run = _ROLES[told["role"]]()  # imported before the installed packages can be seen, which may hold another heedful
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    sys.argv = [""]
    sys.path = [p for p in sys.path if p != told["modules"]] + told["packages"]
    seal(told["memory"], told["processes"])
    os.write(2, SEALED)
    run(told, task)


def _program() -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def run(told: dict[str, Any], task: dict[str, Any]) -> None:
        os.close(told["null"])
        exec(compile(task["source"], "<program>", "exec"), {"__name__": "__main__"})

    return run


def _candidate() -> Callable[[dict[str, Any], dict[str, Any]], None]:
    from heedful.sandbox.inside.candidate import serve

    def run(told: dict[str, Any], task: dict[str, Any]) -> None:
        os.dup2(told["null"], 2)
        os.close(told["null"])
        serve(task["source"], task["entry_point"], told["read"], told["write"])

    return run


def _checker() -> Callable[[dict[str, Any], dict[str, Any]], None]:
    from heedful.sandbox.inside.checker import check

    def run(told: dict[str, Any], task: dict[str, Any]) -> None:
        verdicts = os.dup(1)
        os.dup2(told["null"], 1)
        os.dup2(told["null"], 2)
        os.close(told["null"])
        check(task, told["read"], told["write"], verdicts)

    return run


_ROLES = {"program": _program, "candidate": _candidate, "checker": _checker}
