"""The kinds of `heedful score`: each benchmark's own figures on saved outputs, no model needed.

A kind is one entry here and one function, imported only when it is asked for:

    def score(references: Path, predictions: Path | None) -> dict[str, Any]
    def score(references: Path, predictions: Path | None, tables: Path | None) -> dict[str, Any]   where it has `tables`
    def score(task: str, references: Path, predictions: Path | None) -> dict[str, Any]             where it has `task`
    def score(references: Path, predictions: Path | None, timeout, workers, watch) -> dict[str, Any]   where `runs_code`

It returns the owner's keys on the owner's scale, figures first; lists of verdicts may follow. Under `note` may stand a
sentence on the files, or None. It raises DataError, with file and line, for what it cannot read.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import RequestError, did_you_mean


@dataclass(frozen=True)
class Kind:
    """One metric on saved outputs.

    `references` and `predictions` say what the two files hold; `predictions` is None where there is but one file.
    `function` is ``package.module:name``. `tables` says what a folder with more files of the owner's holds, which the
    kind can do without; None where it knows none. `task` is what the function is told first where it serves several
    kinds. `runs_code`: the predictions are programs, which run only with the user's consent (`Execution`).
    """

    summary: str
    references: str
    predictions: str | None
    function: str
    tables: str | None = None
    task: str | None = None
    runs_code: bool = False


@dataclass(frozen=True)
class Execution:
    """That programs may run, and how: `timeout` seconds for each (None: the owner's), `workers` at once (None: as many
    as there are cores). `watch` is told how far the work is (`heedful.scorers.humaneval.Progress`)."""

    allowed: bool = False
    timeout: float | None = None
    workers: int | None = None
    watch: Callable[[Any], None] | None = None


def _glue(benchmark: str, name: str, figures: str, rows: str) -> Kind:
    lines = {"GLUE": "a table with the columns index and prediction", "SuperGLUE": "lines with idx and label"}
    return Kind(
        summary=f"{benchmark}'s {name}: {figures}",
        references=rows,
        predictions=f"what the leaderboard takes: {lines[benchmark]}",
        function=f"heedful.scorers.{benchmark.lower()}:score",
        task=name.lower().replace("-", ""),
    )


# The owners' names of the tasks and what is computed; a kind's name is in small letters and without the hyphen.
_GLUE = {
    "AX": "Matthews correlation, accuracy",
    "CoLA": "Matthews correlation",
    "MNLI": "accuracy",
    "MRPC": "accuracy, F1",
    "QNLI": "accuracy",
    "QQP": "accuracy, F1",
    "RTE": "accuracy",
    "SST-2": "accuracy",
    "STS-B": "Pearson and Spearman correlation",
    "WNLI": "accuracy",
}
_SUPERGLUE = {
    "AX-b": "Matthews correlation",
    "AX-g": "accuracy, gender parity",
    "BoolQ": "accuracy",
    "CB": "accuracy, macro F1",
    "COPA": "accuracy",
    "MultiRC": "exact match by question, F1 over all answers",
    "ReCoRD": "exact match, F1",
    "RTE": "accuracy",
    "WiC": "accuracy",
    "WSC": "accuracy",
}
# Other names of a task, after capitals, hyphens and underscores are gone.
_ALIASES: dict[str, str] = dict.fromkeys(("mnlim", "mnlimm", "mnlimatched", "mnlimismatched"), "mnli")

KINDS: dict[str, Kind] = {
    "alpaca-eval": Kind(
        summary="AlpacaEval: win rate against a baseline, with and without the length of the answers",
        references="annotations.json as alpaca_eval writes it: pairs with a preference from 1 to 2",
        predictions=None,
        function="heedful.scorers.alpaca_eval:score",
        tables="df_gamed.csv, from which alpaca_eval fits the length-controlled win rate",
    ),
    "bigbench": Kind(
        summary="BIG-bench: the metrics of any JSON task and its normalised score",
        references="the task.json of a task; its subtasks are in the folders beside it",
        predictions="a line for each example, with id and output or scores; or the owner's full-log",
        function="heedful.scorers.bigbench:score",
    ),
    "humaneval": Kind(
        summary="HumanEval: pass@k of completions that are run against their problem's tests",
        references="HumanEval.jsonl.gz: problems with task_id, prompt, test and entry_point",
        predictions="a line for each completion, with task_id and completion",
        function="heedful.scorers.humaneval:score",
        runs_code=True,
    ),
    "ifeval": Kind(
        summary="IFEval: does a response follow instructions that a program can verify, strict and loose",
        references="input_data.jsonl: prompts with the ids and arguments of their instructions",
        predictions="a line for each response, with prompt and response",
        function="heedful.scorers.ifeval:score",
    ),
    "squad": Kind(
        summary="SQuAD 1.1: exact match and F1",
        references="dev-v1.1.json: articles with paragraphs, questions and answers",
        predictions="one object: the id of a question -> the answer",
        function="heedful.scorers.squad:score",
    ),
    "squad2": Kind(
        summary="SQuAD 2.0: exact match and F1, of questions with an answer and without",
        references="dev-v2.0.json: articles with paragraphs, questions and answers",
        predictions='one object: the id of a question -> the answer, "" for none',
        function="heedful.scorers.squad:score2",
    ),
    "triviaqa": Kind(
        summary="TriviaQA: exact match and F1",
        references="wikipedia-dev.json or web-dev.json; or lines with id and golden_answers",
        predictions="one object: the id of a question (for web: of a question and a document) -> the answer",
        function="heedful.scorers.triviaqa:score",
    ),
}
for _name, _figures in _GLUE.items():
    _kind = _glue("GLUE", _name, _figures, "dev.tsv, or the hub's rows as a table with tabs")
    KINDS[f"glue:{_kind.task}"] = _kind
for _name, _figures in _SUPERGLUE.items():
    _kind = _glue("SuperGLUE", _name, _figures, f"{_name}.jsonl" if "AX" in _name else "val.jsonl")
    KINDS[f"superglue:{_kind.task}"] = _kind


def find_kind(name: str) -> Kind:
    """The kind of that name. RequestError, with the names there are, for another.

    A task's name may be written as its owner does: ``glue:STS-B``, ``superglue:AX-b``, ``glue:MNLI-mm``.
    """
    benchmark, colon, task = name.partition(":")
    if colon:
        task = re.sub("[-_]", "", task.lower())
        name = f"{benchmark}:{_ALIASES.get(task, task) if benchmark == 'glue' else task}"
    if name in KINDS:
        return KINDS[name]
    tasks = [k for k in KINDS if k.startswith(f"{benchmark}:")]
    if tasks and not colon:
        raise RequestError(f"score '{name}' needs the name of a task: choose {', '.join(tasks)}")
    known = tasks or dict.fromkeys(f"{k.split(':')[0]}:TASK" if ":" in k else k for k in KINDS)
    raise RequestError(f"score '{name}'{did_you_mean(name, KINDS)}: choose {', '.join(known)}")


def score_files(
    name: str,
    references: Path,
    predictions: Path | None = None,
    tables: Path | None = None,
    execution: Execution = Execution(),
) -> dict[str, Any]:
    """The figures of a kind on its files. RequestError where a file is wanting or too many, or there is none such."""
    kind = find_kind(name)
    _check_execution(name, kind, execution)
    if kind.predictions is None and predictions is not None:
        raise RequestError(f"score {name} reads --references alone ({kind.references}); leave --predictions out")
    if kind.predictions is not None and predictions is None:
        raise RequestError(f"score {name} needs --predictions: {kind.predictions}")
    _check_file("--references", references, kind.references)
    if predictions is not None and kind.predictions is not None:
        _check_file("--predictions", predictions, kind.predictions)
    if tables is not None:
        if kind.tables is None:
            raise RequestError(f"score {name} knows no --tables; leave the option out")
        if not tables.is_dir():
            raise RequestError(
                f"--tables {tables}: {'is a file' if tables.is_file() else 'no such folder'}; name a folder"
            )
    module, _, function = kind.function.partition(":")
    run: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), function)
    if kind.runs_code:
        given = {"timeout": execution.timeout, "workers": execution.workers, "watch": execution.watch}
        return run(references, predictions, **{k: v for k, v in given.items() if v is not None})
    if kind.task is not None:
        return run(kind.task, references, predictions)
    return run(references, predictions) if kind.tables is None else run(references, predictions, tables)


def _check_file(option: str, path: Path, holds: str) -> None:
    """RequestError where a file is not there, with one of a like name beside it, and what it should hold."""
    if path.is_file():
        return
    if path.is_dir():
        raise RequestError(f"{option} {path}: is a folder; name the file in it that has {holds}")
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    raise RequestError(f"{option} {path}: no such file{did_you_mean(path.name, beside)}; it should hold {holds}")


def _check_execution(name: str, kind: Kind, execution: Execution) -> None:
    """RequestError where programs would run without consent, or options on them are given where there are none."""
    if kind.runs_code and not execution.allowed:
        raise RequestError(
            f"score {name} runs every completion of --predictions as a Python program, in a sandbox on this machine; "
            "if that is what you want, add --allow-code-execution"
        )
    given = {
        "--allow-code-execution": execution.allowed,
        "--timeout": execution.timeout is not None,
        "--workers": execution.workers is not None,
    }
    for option, present in given.items():
        if present and not kind.runs_code:
            raise RequestError(f"score {name} runs no code; leave {option} out")
