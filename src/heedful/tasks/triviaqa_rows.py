"""The questions of TriviaQA and, for reading, their documents: the owner's files, a mirror's lines, or the hub's copy.

The owner's archive (https://nlp.cs.washington.edu/triviaqa) has ``qa/wikipedia-dev.json``, ``qa/web-dev.json`` and the
documents as texts below ``evidence/wikipedia`` and ``evidence/web``; the unfiltered one has
``triviaqa-unfiltered/unfiltered-web-dev.json``. A mirror's lines have "id", "question" and "golden_answers", and no
documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import DataError, RequestError
from heedful.scorers.owners_files import one_each, shown
from heedful.scorers.triviaqa import aliases_of, documents_of, is_mirrors, mirror_rows, owners_rows
from heedful.tasks.base import Source
from heedful.tasks.places import Places
from heedful.tasks.shots import train_file

SOURCE = Source(
    paper="https://arxiv.org/abs/1705.03551",
    hub="mandarjoshi/trivia_qa",
    revision="0f7faf33a3908546c6fd5b73a660e0f8ff173c2f",
    split="validation",
    shots_split="train",
    files="the owner's qa/wikipedia-dev.json and qa/web-dev.json, with evidence/ to read in; or a mirror's .jsonl",
    licence="the questions Apache-2.0; the documents their authors'",
)
DOMAINS = ("wikipedia", "web")
WORDS = 800  # of a question's documents in all: as many as the owner's own reader was given


@dataclass(frozen=True)
class Question:
    """A question: the answers as the owner's script compares them, all aliases as they are written, the one that is
    named first, and where its documents are, as texts or as files below ``evidence``."""

    id: str
    text: str
    golds: tuple[str, ...]
    aliases: tuple[str, ...]
    value: str
    documents: tuple[tuple[str, str | None], ...] = ()


def closed_book(places: Places, split: str) -> list[Question]:
    """The questions of both domains, each once; of the unfiltered file, or of a mirror's, where that is what there
    is."""
    if places.folder is None:
        return _once(_of_hub(places, "rc.nocontext", {"dev": "validation"}.get(split, split)))
    files = [p for domain in ("web", "wikipedia") if (p := places.find(*_files(domain, split)))]
    if not files:
        other = places.find(f"triviaqa-unfiltered/unfiltered-web-{split}.json", f"unfiltered-web-{split}.json")
        files = [other] if other else places.matching(f"*{split}*.jsonl")[:1]
    if not files and split == "train":
        train_file(places, "triviaqa", _files("wikipedia", split))
    if not files:
        places.need(SOURCE, *_files("wikipedia", split))
    return _once(q for path in files for _, q in _of_file(path))


def with_documents(places: Places, domain: str, split: str) -> list[Question]:
    """The questions of a domain. On the web each document is a question of its own, as the owner's script has it."""
    if places.folder is None:
        rows: Iterable[tuple[str, Question]] = (
            (q.id, q) for q in _of_hub(places, f"rc.{domain}", {"dev": "validation"}.get(split, split))
        )
    else:
        names = _files(domain, split)
        path = train_file(places, f"triviaqa:{domain}", names) if split == "train" else places.need(SOURCE, *names)
        if is_mirrors(path):
            raise RequestError(f"{path}: a mirror's lines name no documents; ask triviaqa without ':{domain}'")
        rows = _of_file(path)
    found = []
    for where, question in rows:
        if not question.documents:
            raise DataError(f"{where}: the question {question.id} has no documents; use the owner's {domain} file")
        if domain == "wikipedia":
            found.append(question)
            continue
        for name, text in question.documents:
            key = f"{question.id}--{name.partition('/')[2]}"
            found.append(
                Question(key, question.text, question.golds, question.aliases, question.value, ((name, text),))
            )
    one_each(((f"triviaqa:{domain}", q.id) for q in found), Path(SOURCE.hub))
    return found


def evidence(places: Places, question: Question) -> str:
    """The beginnings of a question's documents, `WORDS` words in all, with a blank line between two."""
    share = max(1, WORDS // len(question.documents))
    texts = []
    for name, text in question.documents:
        text = _document(places, name) if text is None else text
        words = list(re.finditer(r"\S+", text))[:share]
        texts.append(text[: words[-1].end()].strip() if words else "")
    return "\n\n".join(texts)


def _document(places: Places, name: str) -> str:
    """The text of a file below ``evidence``; names come from the data, so none may lead elsewhere."""
    parts = Path(name).parts
    folders = places.listing("evidence", "triviaqa-rc/evidence")
    if ".." in parts or Path(name).is_absolute():
        raise DataError(f"triviaqa: {shown(name)} is no name of a document below evidence; use the owner's files")
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    return (found or places.need(SOURCE, f"evidence/{name}")).read_text(encoding="utf-8", errors="replace")


def _files(domain: str, split: str) -> tuple[str, ...]:
    return f"qa/{domain}-{split}.json", f"{domain}-{split}.json", f"triviaqa-rc/qa/{domain}-{split}.json"


def _once(questions: Iterable[Question]) -> list[Question]:
    """Each question once: some are in both domains."""
    found: dict[str, Question] = {}
    for question in questions:
        found.setdefault(question.id, question)
    return list(found.values())


def _of_file(path: Path) -> list[tuple[str, Question]]:
    if is_mirrors(path):
        return [(where, _of_mirror(row, where)) for where, row in mirror_rows(path)]
    found, rows = owners_rows(path)
    verified = bool(found.get("VerifiedEval")) and found["Domain"] == "Web"
    return [(where, _of_owner(row, where, verified)) for where, row in rows]


def _of_owner(row: dict[str, Any], where: str, verified: bool) -> Question:
    answer = row.get("Answer")
    aliases = answer.get("Aliases") if isinstance(answer, dict) else None
    text = row.get("Question")
    if not isinstance(text, str) or not isinstance(aliases, list) or not all(isinstance(a, str) for a in aliases):
        raise DataError(f'{where}: has no "Question" or no Answer.Aliases; use the owner\'s file')
    pages = len(documents_of({"EntityPages": row.get("EntityPages", [])}, verified, where))
    names = [
        f"{'wikipedia' if k < pages else 'web'}/{name}" for k, name in enumerate(documents_of(row, verified, where))
    ]
    value = answer.get("Value") if isinstance(answer, dict) else None
    return Question(
        str(row["QuestionId"]),
        text,
        tuple(aliases_of(row, where)),
        tuple(aliases),
        value if isinstance(value, str) else aliases[0],
        tuple((name, None) for name in names),
    )


def _of_mirror(row: dict[str, Any], where: str) -> Question:
    if not isinstance(row.get("question"), str):
        raise DataError(f'{where}: a line has a "question" as text')
    golds = tuple(row["golden_answers"])
    return Question(row["id"], row["question"], golds, golds, golds[0])


def _of_hub(places: Places, config: str, split: str) -> list[Question]:
    found = []
    for row, where in places.hub_rows(SOURCE, config, split):
        answer = row.get("answer")
        if not isinstance(answer, dict) or not answer.get("normalized_aliases") or not isinstance(row["question"], str):
            raise DataError(f"{where}: {shown(row)} is no question of TriviaQA with its answers; check the data set")
        found.append(
            Question(
                row["question_id"],
                row["question"],
                tuple(answer["normalized_aliases"]),
                tuple(answer["aliases"]),
                answer["value"],
                (*_hub_documents(row, "entity_pages", "wiki_context", "wikipedia"),
                 *_hub_documents(row, "search_results", "search_context", "web")),
            )
        )  # fmt: skip
    return found


def _hub_documents(row: dict[str, Any], key: str, context: str, kind: str) -> list[tuple[str, str | None]]:
    """The documents of a row, which come as an object of lists or as a list of objects."""
    held = row.get(key) or {}
    if isinstance(held, list):
        return [(f"{kind}/{d['filename']}", d[context]) for d in held if d.get(context)]
    return [
        (f"{kind}/{name}", text)
        for name, text in zip(held.get("filename", []), held.get(context, []), strict=True)
        if text
    ]
