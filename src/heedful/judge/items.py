"""What is to be judged: answers from files or a run, one by one or in pairs by example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heedful.errors import DataError, RequestError, RunError
from heedful.models.names import parse_model_name
from heedful.records import Message, Response, hash_of
from heedful.responses import read_responses
from heedful.store import RunFolder, is_run


@dataclass(frozen=True)
class Item:
    """One answer, or two to the same question (the second is the one that a win rate is about)."""

    answers: tuple[Response, ...]

    @property
    def example_id(self) -> str:
        return self.answers[0].example_id

    @property
    def question(self) -> str:
        return question_text(self.answers[0].messages)

    @property
    def reference(self) -> str | None:
        return next((a.reference for a in self.answers if a.reference is not None), None)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(a.id for a in self.answers)


@dataclass(frozen=True)
class Side:
    """One list of answers: a file, or one half of a run. `name` is the model that gave them."""

    path: Path
    name: str
    answers: tuple[Response, ...]


@dataclass(frozen=True)
class Answers:
    """What the arguments name: one side or two, and the run that they belong to, if any."""

    sides: tuple[Side, ...]
    run: RunFolder | None = None


def read_answers(arguments: Sequence[str]) -> Answers:
    """The answers that one or two files, or a run, hold. RequestError where that cannot be."""
    run = _run_of(arguments)
    if run is not None:
        paths = [p for p in (run.responses("base"), run.responses("tuned")) if p.is_file()]
        if not paths:
            raise RunError(f"{run.path}: has no answers yet (responses/base.jsonl); finish the run, or name files")
        return Answers(tuple(_side(p) for p in paths), run)
    if not 1 <= len(arguments) <= 2:
        raise RequestError(f"{len(arguments)} files were named: name a run, or one file of answers, or two to compare")
    if len(arguments) == 2 and Path(arguments[0]).resolve() == Path(arguments[1]).resolve():
        raise RequestError(f"{arguments[0]}: is named twice; name two files to compare, or one to score")
    return Answers(tuple(_side(Path(a)) for a in arguments))


def _run_of(arguments: Sequence[str]) -> RunFolder | None:
    """The run that the arguments name: ``my-run`` or ``run:my-run``, alone."""
    runs = [a for a in arguments if a.startswith("run:") or is_run(a)]
    if not runs:
        return None
    if len(arguments) > 1:
        raise RequestError(f"{runs[0]}: is a run, which has both its sides; name it alone, or two files of answers")
    parsed = parse_model_name(runs[0])
    if parsed.detail:
        raise RequestError(f"{runs[0]}: its two sides are judged together; leave @{parsed.detail} out")
    return RunFolder(parsed.target)


def _side(path: Path) -> Side:
    if not path.exists():
        raise RequestError(f"{path}: no such file; name what `heedful respond` wrote, or a run")
    if path.is_dir():
        raise RequestError(f"{path}: is a folder but not a run; name a file of answers, or a run")
    answers = _read_model_outputs(path) if _is_model_outputs(path) else read_responses(path)
    if not answers:
        raise DataError(f"{path}: has no answers; name a file that `heedful respond` wrote")
    models = list(dict.fromkeys(a.model for a in answers))
    return Side(path, " + ".join(models), tuple(answers))


def _is_model_outputs(path: Path) -> bool:
    """Whether a file is one JSON list, as AlpacaEval's model_outputs.json, not lines of Responses."""
    with path.open("rb") as f:
        return f.read(1024).lstrip().startswith(b"[")


def _read_model_outputs(path: Path) -> list[Response]:
    from heedful.scorers.alpaca_eval import from_model_outputs  # with the readers of data files, which few need here

    return list({r.id: r for r in from_model_outputs(path)}.values())  # a row that stands twice is one answer


def single_items(side: Side, limit: int | None = None) -> list[Item]:
    """Each answer by itself, in the order of the file."""
    return [Item((a,)) for a in side.answers[:limit]]


def pair_items(first: Side, second: Side, limit: int | None = None) -> tuple[list[Item], int]:
    """The answers to the same examples, in the order of the first file, and how many examples have one answer only.

    DataError where no example has both, where a side has two answers to one, or where the questions differ.
    """
    a, b = _by_example(first), _by_example(second)
    both = [e for e in a if e in b]
    if not both:
        raise DataError(
            f"{first.path} and {second.path}: have no example in common (the first ids: {next(iter(a))}, "
            f"{next(iter(b))}); pairs need two answers to the same questions"
        )
    for e in both:
        if a[e].messages != b[e].messages:
            raise DataError(
                f"{second.path}: its question {e} is not the one of {first.path}; answer the same file twice"
            )
    items = [Item((a[e], b[e])) for e in both[:limit]]
    return items, len(a) + len(b) - 2 * len(both)


def _by_example(side: Side) -> dict[str, Response]:
    out: dict[str, Response] = {}
    for answer in side.answers:
        if answer.example_id in out:
            raise DataError(
                f"{side.path}: has two answers to {answer.example_id}; pairs need one a side: keep one of them"
            )
        out[answer.example_id] = answer
    return out


def question_text(messages: Sequence[Message]) -> str:
    """The question as a judge reads it: one user's turn as it stands, several turns with their roles.

    >>> question_text([Message("user", "Translate.", "Guten Tag")])
    'Translate.\\n\\nGuten Tag'
    """
    texts = [m.content + (f"\n\n{m.context}" if m.context else "") for m in messages]
    if len(messages) == 1 and messages[0].role == "user":
        return texts[0]
    return "\n\n".join(f"{m.role}: {text}" for m, text in zip(messages, texts, strict=True))


def items_hash(items: Sequence[Item]) -> str:
    """What was judged, in one hash, for the summary."""
    return hash_of([list(i.ids) for i in items])
