"""What is odd about rows that stay: in their text, and in their tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence

from heedful.data.splits import question_of
from heedful.records import Example, TokenExample

# Markers of chat templates; inside a row's text they are usually left over from another template.
MARKERS = (
    "### Instruction:",
    "### Input:",
    "### Response:",
    "<|im_start|>",
    "<|im_end|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "[INST]",
    "[/INST]",
    "</s>",
)


def check_rows(examples: Sequence[Example], markers: Sequence[str] = MARKERS) -> list[tuple[str, str, list[str]]]:
    """What is odd about rows that stay, as (finding, sentence, places)."""
    first: dict[tuple[str, str], str] = {}
    answers: dict[str, dict[str, str]] = {}
    twice, conflicts, edges, marked = [], [], [], []
    marker = re.compile("|".join(map(re.escape, markers)) or r"(?!)")  # no marker: matches nothing
    for e in examples:
        question, answer = question_of(e), e.reference or ""
        if (question, answer) in first:
            twice.append(f"{e.source} repeats {first[question, answer]}")
        first.setdefault((question, answer), e.source)
        others = answers.setdefault(question, {})
        level = " ".join(answer.casefold().split())
        if others and level not in others:
            conflicts.append(f"{e.source} contradicts {next(iter(others.values()))}")
        others.setdefault(level, e.source)
        texts = [t for m in e.messages for t in (m.content, m.context or "")]
        if any(t != t.strip() for t in texts):
            edges.append(e.source)
        if any(marker.search(t) for t in texts):
            marked.append(e.source)
    return [
        ("duplicates", "rows that repeat the question and the answer of an earlier row", twice),
        ("conflicts", "rows that answer the question of an earlier row in another way", conflicts),
        ("edge_whitespace", "rows that have white space at the beginning or the end of a text; it is kept", edges),
        ("markers", "rows that hold a marker of a chat template in their text", marked),
    ]


def stop_is_trained(example: TokenExample, stops: set[int]) -> bool:
    """Whether a stop token is among the last two trained ones (a template may end a turn with a line break)."""
    trained = [i for i, mask in zip(example.ids, example.loss_mask, strict=True) if mask]
    return any(i in stops for i in trained[-2:])


def several_bos(ids: Sequence[int], bos: int, stops: set[int]) -> bool:
    """Where BOS is also the stop token (GPT-2), only two at the very beginning are a mistake."""
    return tuple(ids[:2]) == (bos, bos) if bos in stops else ids.count(bos) > 1
