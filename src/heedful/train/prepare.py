"""From files to token rows: read, split, render, mask, meet the length limit, and keep the ledger true."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heedful.chat import Chat
from heedful.control_tokens import adds_bos, control_texts
from heedful.data import LedgerBuilder, Split, read_examples
from heedful.data.figures import TokenFigures
from heedful.data.formats import Drop
from heedful.data.load import Dividing, Loaded, load_indexes, load_parts
from heedful.data.reading import ReadOptions
from heedful.data.splits import FileSplit, parse_split, refuse_overlap
from heedful.data.stream import ANSWER_CUT, CONTROL_TOKENS, Tokenizing
from heedful.errors import DataError, RequestError
from heedful.models.packaged import check_name
from heedful.records import Example, TokenExample, to_json
from heedful.store import PARTS, RunFolder, write_json, write_jsonl
from heedful.train.recipe import Recipe
from heedful.train.truncation import fit_row, fit_rows


@dataclass(frozen=True)
class PreparedData:
    """The parts of a split as examples and as token rows, in the same order; `ledger` is None where read from a run."""

    examples: dict[str, list[Example]]
    tokens: dict[str, list[TokenExample]]
    ledger: dict[str, Any] | None = None


ReadParts = tuple[Loaded, Split]


def read_parts(recipe: Recipe) -> ReadParts:
    """Read a recipe's files and split their rows; no tokenizer is needed for it.

    Raises DataError or RequestError for files and splits that cannot be used, and where parts share questions
    (unless the recipe allows it).
    """
    check_name(recipe.model)  # a long file is not read for a name that nobody has
    spec = parse_split(recipe.split)
    if not recipe.data and not isinstance(spec, FileSplit):
        raise RequestError("no data: name a file with --data FILE, or files in --split train=FILE,val=FILE,test=FILE")
    form = None if recipe.format == "auto" else recipe.format
    how = ReadOptions(form, recipe.map, recipe.limit, seed=recipe.seed)
    dividing = Dividing(spec, recipe.seed, recipe.group_by, recipe.stratify)
    loaded, split = load_parts(recipe.data, dividing, how, load_indexes(recipe.against))
    if not recipe.allow_overlap:
        refuse_overlap(loaded.builder.found_overlaps)
    return loaded, split


def prepare_data(recipe: Recipe, chat: Chat, parts: ReadParts | None = None) -> PreparedData:
    """Make token rows of a recipe's data (of `parts`, where `read_parts` has read them); nothing is written.

    Training rows of a source with a weight above 1 are repeated, each copy with an id of its own (``r000017#2``).
    Raises what `read_parts` raises, and DataError for an over-long row if the recipe says so or where a part has no
    row left.
    """
    loaded, split = parts or read_parts(recipe)
    builder = loaded.builder
    examples: dict[str, list[Example]] = {}
    tokens: dict[str, list[TokenExample]] = {}
    for part, rows in _parts(split).items():
        pairs = list(_encode_or_drop(rows, chat, recipe, builder))
        examples[part], tokens[part] = [e for e, _ in pairs], [t for _, t in pairs]
    bos = bos_id(chat.tokenizer)
    for part in examples:
        builder.add_part(part, examples[part])
        builder.add_tokens(part, tokens[part], chat.stop_id, bos)
    if builder.truncated:
        answers = ", then their answers," if recipe.overlong == "truncate-answer" else ","
        builder.warn(f"over-long rows were truncated: their oldest turns, then their inputs{answers} were shortened")
    holds = control_tokens_inside(chat)
    if inside := [e.source for rows in examples.values() for e in rows if holds(e)]:
        builder.find("control_tokens", CONTROL_TOKENS, inside)
    copies = repeated(examples["train"], tokens["train"], loaded.weights, recipe.seed)
    if copies:
        builder.parts["train"]["repeated_rows"] = len(copies)
    ledger = builder.ledger().to_json()
    _need_rows(examples, ledger)
    examples["train"] += [e for e, _ in copies]
    tokens["train"] += [t for _, t in copies]
    return PreparedData(examples, tokens, ledger)


def repeated(
    examples: Sequence[Example], tokens: Sequence[TokenExample], weights: Mapping[str, float], seed: int
) -> list[tuple[Example, TokenExample]]:
    """The further copies of rows whose weight is above 1: a weight of 2.5 gives one more of each, and of half of them
    (chosen by seed and id) a second."""
    out = []
    for example, row in zip(examples, tokens, strict=True):
        weight = weights.get(example.id, 1)
        digest = hashlib.blake2b(f"{seed}\n{example.id}".encode(), digest_size=8).digest()
        more = int(weight) - 1 + (int.from_bytes(digest, "big") / 2**64 < weight % 1)
        for number in range(2, 2 + more if weight > 1 else 2):
            name = f"{example.id}#{number}"
            out.append((dataclasses.replace(example, id=name), dataclasses.replace(row, id=name)))
    return out


def tokenizing_for(chat: Chat, train_on: str, max_length: int, overlong: str) -> Tokenizing:
    """How `heedful data check` counts tokens: each row as training would see it."""
    return Tokenizing(
        lambda example: fit_row(example, chat, train_on, max_length, overlong),
        TokenFigures({chat.stop_id}, bos_id(chat.tokenizer)),
        control_tokens_inside(chat),
    )


def bos_id(tokenizer: Any) -> int | None:
    """The id of a beginning-of-text token that the tokenizer writes by itself, else None."""
    return tokenizer.convert_tokens_to_ids(tokenizer.bos_token) if adds_bos(tokenizer) else None


def _parts(split: Split) -> dict[str, Sequence[Example]]:
    found = split.parts()
    return {part: found.get(part, ()) for part in PARTS}


def _encode_or_drop(
    rows: Sequence[Example], chat: Chat, recipe: Recipe, builder: LedgerBuilder
) -> Iterator[tuple[Example, TokenExample]]:
    fitted = fit_rows(rows, chat, recipe.train_on, recipe.max_length, recipe.overlong)
    for example, made in zip(rows, fitted, strict=True):
        if isinstance(made, Drop):
            builder.drop_kept(example.id, made.reason, made.sentence)
            continue
        if made.answer_cut:
            builder.find("answer_cut", ANSWER_CUT, [example.source])
        yield made.example, made.row


def control_tokens_inside(chat: Chat) -> Callable[[Example], bool]:
    """A test whether a row's own text holds the text of a control token (``<|im_end|>``)."""
    holds = _searcher([t for t in control_texts(chat.tokenizer) if len(t) > 2])
    return lambda example: any(holds(part) for m in example.messages for part in (m.content, m.context) if part)


def _searcher(marks: Sequence[str]) -> Callable[[str], bool]:
    """A test whether a text holds any of thousands of marks: first by their three first characters, then whole."""
    by_head: dict[str, list[str]] = {}
    for mark in marks:
        by_head.setdefault(mark[:3], []).append(mark)
    heads = re.compile("(?=(" + "|".join(map(re.escape, by_head)) + "))" if by_head else "(?!)", re.DOTALL)
    whole = {head: tuple(found) for head, found in by_head.items()}
    return lambda text: any(text.startswith(whole[m[1]], m.start()) for m in heads.finditer(text))


def _need_rows(examples: dict[str, list[Example]], ledger: dict[str, Any]) -> None:
    for part in ("train", "val"):
        if not examples[part]:
            reasons = ", ".join(f"{r['count']} {r['reason']}" for r in ledger["reasons"]) or "the split gives it none"
            first = (
                f"; {ledger['reasons'][0]['where'][0]}: {ledger['reasons'][0]['sentence']}" if ledger["reasons"] else ""
            )
            name = {"train": "training", "val": "validation"}[part]
            raise DataError(f"no {name} row is left ({reasons}{first}); change the split, max_length or the data")


def save_data(data: PreparedData, run: RunFolder) -> None:
    """Write the ledger and the split's parts into a run."""
    for part, rows in data.examples.items():
        write_jsonl(run.split(part), [to_json(e) for e in rows])
    write_json(run.ledger, data.ledger)  # last: a run that has its ledger has its data


def reload_data(run: RunFolder, recipe: Recipe, chat: Chat) -> PreparedData:
    """The rows of a run, from the run itself: files outside may have changed since."""
    examples: dict[str, list[Example]] = {}
    tokens: dict[str, list[TokenExample]] = {}
    for part in PARTS:
        path = run.split(part)
        examples[part] = read_examples(path) if path.is_file() and path.stat().st_size else []
        tokens[part] = list(chat.encode_all(examples[part], recipe.train_on))
    return PreparedData(examples, tokens)
