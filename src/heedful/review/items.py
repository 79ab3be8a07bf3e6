"""What is reviewed: the answers of a run or of files, joined on example ids, in an order that a seed draws.

    run                     -> pairs of base and tuned answers, or the tuned ones alone
    two files of Responses  -> pairs, the first file's answer first
    one file                -> single answers

A question whose request had failed on a side is not asked; it is kept in `failed`, so that it can be counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from heedful.errors import DataError, RequestError
from heedful.records import Message, Response, hash_of
from heedful.responses import read_responses
from heedful.store import RunFolder, is_run

Mode = Literal["pair", "single"]
Side = Literal["first", "second"]
VERDICTS: dict[Mode, tuple[str, ...]] = {
    "pair": ("first", "second", "tie", "both_bad"),
    "single": ("right", "partly", "wrong"),
}
TAGS = {
    "wrong_fact": "wrong fact",
    "ignored": "ignored instruction",
    "format": "format",
    "language": "language",
    "no_stop": "did not stop",
    "too_long": "too long",
    "refused": "refused",
}


@dataclass(frozen=True)
class Item:
    """One question with its one or two answers; `hash` is of all its texts and ids."""

    example_id: str
    messages: tuple[Message, ...]
    reference: str | None
    answers: tuple[Response, ...]
    hash: str

    @property
    def failure(self) -> str | None:
        """Why there is nothing to review, where a request had failed."""
        return next((a.error or "no reason was kept" for a in self.answers if a.finish_reason == "error"), None)


@dataclass(frozen=True)
class ReviewSet:
    """Questions in the order in which every reviewer sees them.

    `names` are those of the answers' makers, one or two. `left_out` counts questions that only one file has.
    """

    mode: Mode
    names: tuple[str, ...]
    items: tuple[Item, ...]
    failed: tuple[Item, ...] = ()
    left_out: int = 0
    seed: int = 0

    @property
    def hash(self) -> str:
        """Of all that is asked, in its order."""
        return hash_of([self.mode, self.seed, [i.hash for i in self.items]])


def left_side(seed: int, reviewer: str, item: Item) -> Side:
    """Which answer of a pair a reviewer sees on the left: a coin for each, always the same for the same seed."""
    coin = hashlib.sha256(f"{seed}\0{reviewer.casefold()}\0{item.hash}".encode("utf-8", "replace")).digest()[0]
    return "first" if coin % 2 else "second"


def read_set(
    sources: Sequence[str | Path], *, single: bool = False, seed: int = 0, limit: int | None = None
) -> ReviewSet:
    """The set of a run's folder or of one or two files; `limit` draws so many questions.

    RequestError where the sources are not one or two, or a run has no answers yet; DataError where a file is no
    file of answers, answers a question twice, or the two have no question in common.
    """
    if not 1 <= len(sources) <= 2:
        raise RequestError(f"{len(sources)} sources: name a run, or one or two files of answers")
    if single and len(sources) == 2:
        raise RequestError("--single looks at one answer a question; name one file")
    if len(sources) == 2:
        paths = [_file_of(s) for s in sources]
        names = _names(paths)
    elif is_run(sources[0]):
        run = RunFolder(sources[0])
        run.read_manifest()
        paths = [_answers_of(run, side) for side in (("tuned",) if single else ("base", "tuned"))]
        names = ("tuned",) if single else ("before", "after")
    else:
        paths, names = [_file_of(sources[0])], (Path(sources[0]).name,)
    read = [_read(p) for p in paths]
    items, left_out = _join(paths, read)
    asked = [i for i in items if i.failure is None]
    if not asked:
        raise DataError(f"{paths[-1]}: every request had failed, so there is no answer to review; answer them again")
    return ReviewSet(
        mode="pair" if len(paths) == 2 else "single",
        names=names,
        items=_drawn(asked, seed, limit),
        failed=tuple(i for i in items if i.failure is not None),
        left_out=left_out,
        seed=seed,
    )


def _file_of(source: str | Path) -> Path:
    path = Path(source)
    if is_run(path):
        return _answers_of(RunFolder(path), "tuned")
    if path.is_dir():
        raise RequestError(
            f"{path}: a folder, but not a run (it has no manifest.json); name a run or a file of answers"
        )
    if not path.is_file():
        raise RequestError(f"{path}: no such file; name a run's folder or a file that `heedful respond` wrote")
    return path


def _answers_of(run: RunFolder, side: str) -> Path:
    path = run.responses(side)
    if not path.is_file():
        mend = "wait until the run is finished, or add --single" if side == "base" else "wait until it is finished"
        raise RequestError(f"{run.path}: has no {path.relative_to(run.path)} yet; {mend}")
    return path


def _names(paths: Sequence[Path]) -> tuple[str, ...]:
    """The files' names, with the folder where those are equal."""
    names = tuple(p.name for p in paths)
    return names if len(set(names)) == len(names) else tuple(str(p) for p in paths)


def _read(path: Path) -> dict[str, Response]:
    """Responses by example id."""
    out: dict[str, Response] = {}
    for response in read_responses(path):
        other = out.get(response.example_id)
        if other and other.finish_reason != "error" and response.finish_reason != "error":
            raise DataError(
                f"{path}: answers {response.example_id} twice, by {other.model} and {response.model}; "
                "keep one answer a question in a file"
            )
        if not other or other.finish_reason == "error":
            out[response.example_id] = response
    if not out:
        raise DataError(f"{path}: holds no answers; make some with `heedful respond`")
    return out


def _join(paths: Sequence[Path], read: Sequence[dict[str, Response]]) -> tuple[list[Item], int]:
    """Items in the first file's order, and how many questions only one of the files has."""
    everywhere = [i for i in read[0] if all(i in answers for answers in read)]
    if not everywhere:
        raise DataError(f"{paths[0]} and {paths[-1]}: have no question in common (they are joined on example_id)")
    items = []
    for example_id in everywhere:
        answers = tuple(r[example_id] for r in read)
        if answers[0].messages != answers[-1].messages:
            raise DataError(f"{paths[0]} and {paths[-1]}: ask different questions under the id {example_id}")
        reference = next((a.reference for a in answers if a.reference is not None), None)
        texts = [[a.id, a.text, a.finish_reason] for a in answers]
        hashed = hash_of([example_id, answers[0].messages, reference, texts], length=32)
        items.append(Item(example_id, answers[0].messages, reference, answers, hashed))
    return items, len({i for answers in read for i in answers}) - len(everywhere)


def _drawn(items: Sequence[Item], seed: int, limit: int | None) -> tuple[Item, ...]:
    """In an order by seed that does not change for the others when one is added or taken away."""

    def place(item: Item) -> bytes:
        return hashlib.sha256(f"{seed}\0order\0{item.example_id}".encode("utf-8", "replace")).digest()

    return tuple(sorted(items, key=place)[:limit])
