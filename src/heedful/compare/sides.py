"""What A and B may be, and how each becomes a Side.

RUN, run:RUN       a run's folder: the answers after tuning;  run:RUN@base  those before
answers.jsonl      answers of `heedful respond`, with the ratings of `--scores` files
scores.jsonl       ratings alone
BENCH              a folder of `heedful bench`: results.json and samples/TASK.jsonl
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heedful.compare.bench import read_bench
from heedful.compare.data import Side
from heedful.compare.lines import read_lines
from heedful.compare.ratings import by_metric, ratings_of, read_scores, text_ratings
from heedful.compare.recipes import recipe_of
from heedful.errors import DataError, RequestError, RunError
from heedful.records import Example, Response, Score, from_json
from heedful.store import RunFolder, is_run

MODELS = ("hf:", "gguf:", "pip:", "openai:", "scripted:")


def read_side(name: str, scores: Sequence[Score] = ()) -> Side:
    """Read A or B. Of `scores`, ratings from other files, those of this side's answers count.

    RequestError where the name is nothing that can be compared, DataError with file and line where it cannot be read.
    """
    if not name:
        raise RequestError("an empty name: no such file or folder; name a run, a bench folder or a file")
    if name.startswith(MODELS):
        raise RequestError(f"{name}: is a model; answer the questions with heedful respond, and compare the answers")
    if name.startswith("run:"):
        from heedful.models.names import parse_model_name

        parsed = parse_model_name(name)
        if parsed.detail and parsed.detail != "base":
            raise RequestError(
                f"{name}: a run keeps the answers of its best model and of its base; answer with heedful respond {name}"
            )
        return _read_run(name, RunFolder(parsed.target), "base" if parsed.detail else "tuned", scores)
    path = Path(name)
    if path.is_dir():
        if is_run(path):
            return _read_run(name, RunFolder(path), "tuned", scores)
        if (path / "results.json").is_file() or (path / "samples").is_dir():
            return read_bench(name, path)
        raise RequestError(
            f"{name}: is neither a run (no manifest.json) nor a folder of heedful bench (no results.json); "
            "name one, or a file of answers or scores"
        )
    if not path.exists():
        raise RequestError(f"{name}: no such file or folder; name a run, a bench folder or a file")
    lines, told = read_lines(path)
    kind = _kind(lines[0][1])
    if kind == "answers":
        answers = [from_json(Response, value, where) for where, value in lines]
        return _side_of_answers(name, "answers", answers, scores, told=told)
    if kind == "scores":
        found, pairs = read_scores(lines)
        fields = {s.example_id: dict(s.metadata) for s in found if s.metadata}
        if not found:
            raise DataError(f"{name}: rates pairs of answers only, each for both sides; name ratings of single answers")
        return Side(name, "scores", by_metric(ratings_of(found)), fields=fields, told=told + pairs_told(pairs))
    raise DataError(f"{lines[0][0]}: is neither an answer (example_id, text) nor a score (example_id, value)")


def _kind(first: dict) -> str | None:
    if "example_id" not in first:
        return None
    return "scores" if "value" in first else "answers" if "text" in first else None


def _read_run(name: str, run: RunFolder, which: str, scores: Sequence[Score]) -> Side:
    recipe = recipe_of(run.read_manifest(), which)
    path = run.responses(which)
    when = "before" if which == "base" else "after"
    if not path.is_file():
        raise RunError(f"{name}: has no answers from {when} the tuning ({path}); finish it with --resume")
    lines, told = read_lines(path)
    answers = [from_json(Response, value, where) for where, value in lines]
    fields: dict[str, dict] = {}
    if run.split("test").is_file():
        for where, value in read_lines(run.split("test"))[0]:
            example = from_json(Example, value, where)
            fields[example.id] = dict(example.fields) | ({"group": example.group} if example.group else {})
    own: list[Score] = []
    for file in sorted((run.path / "scores").glob("*.jsonl")):
        if file.stat().st_size:
            own += read_scores([line for line in read_lines(file)[0] if not _is_a_judges_word(line[1])])[0]
    side = _side_of_answers(name, "run", answers, [*own, *scores], fields, told)
    return dataclasses.replace(side, recipe=recipe)


def _is_a_judges_word(value: dict[str, Any]) -> bool:
    """Whether a line is of the file that a judge keeps beside its Scores."""
    return str(value.get("schema", "")).startswith("heedful.judgement/")


def _side_of_answers(
    name: str,
    kind: str,
    answers: Sequence[Response],
    scores: Sequence[Score],
    fields: dict[str, dict] | None = None,
    told: tuple[str, ...] = (),
) -> Side:
    """Metrics on the texts are computed anew; ratings by people and judges are joined on the answers' ids."""
    last = {r.id: r for r in answers}  # of a question that failed and was asked again the later answer
    grouped: dict[str, list[Response]] = {}
    for r in last.values():
        grouped.setdefault(r.example_id, []).append(r)
    mine = [s for s in scores if s.responses[0] in last and s.rater != "metric"]
    for s in mine:
        if s.example_id != last[s.responses[0]].example_id:
            raise DataError(f"{name}: the score {s.id} names another example than the answer that it rates; mend it")
    settings = {r.settings for r in last.values()}
    facts = {"generation settings": settings.pop()} if len(settings) == 1 else {}
    values = by_metric([*text_ratings(last.values()), *ratings_of(mine)])
    return Side(name, kind, values, grouped, fields or {}, facts, told)


def pairs_told(pairs: int) -> tuple[str, ...]:
    """What is said of ratings of pairs."""
    if not pairs:
        return ()
    what = "1 rating of a pair is" if pairs == 1 else f"{pairs:,} ratings of pairs are"
    return (f"{what} left out: it rates both sides at once.",)
