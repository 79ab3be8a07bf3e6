"""Defects planted in clean generated rows with a seed, and how many are found: precision and recall for each kind.

    python benchmarks/planted_defects.py                    # 5,000 rows for each kind
    python benchmarks/planted_defects.py --rows 20000 --seed 3

`KINDS` is the table: a name, a function that plants, and one that finds. Planting gives rows and the numbers of those
that are meant to be told; finding gives the numbers of those that were. Findings in a row's text are planted by
planted_defects_text.py, speed and edits of near-duplicates are in near_duplicates.py.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from near_duplicates import SHOULD, SHOULD_NOT, edited, question, word

from heedful.data.contamination import build_index
from heedful.data.near import NearDuplicates
from heedful.data.splits import Split, divide, overlaps, parse_split
from heedful.records import Example, Message


@dataclass(frozen=True)
class Planted:
    """Rows, the numbers of those that should be told, and a benchmark's items where the kind needs them."""

    rows: list[Example]
    meant: set[int]
    items: tuple[str, ...] = ()


def row(number: int, text: str, group: str | None = None) -> Example:
    messages = (Message("user", text), Message("assistant", f"The answer is {number}."))
    return Example(f"r{number}", messages, f"planted.jsonl:{number}", group=group)


def clean(count: int, rng: random.Random) -> tuple[list[str], list[str]]:
    """Different questions, and the words they are made of."""
    words = sorted({word(rng) for _ in range(20_000)})
    return list(dict.fromkeys(question(rng, words) for _ in range(count))), words


def copies(kinds: tuple[str, ...], meant: bool) -> Callable[[int, random.Random], Planted]:
    """One copy, with an edit of one of the kinds, of every tenth question; originals are copied once."""

    def plant(count: int, rng: random.Random) -> Planted:
        texts, words = clean(count, rng)
        chosen = rng.sample(range(len(texts)), len(texts) // 10)
        made = [texts[i] if k == "same" else edited(texts[i], k, rng, words) for i, k in cycled(chosen, kinds)]
        every = [row(i, t) for i, t in enumerate([*texts, *made])]
        return Planted(every, set(range(len(texts), len(every))) if meant else set())

    return plant


def cycled(chosen: list[int], kinds: tuple[str, ...]) -> list[tuple[int, str]]:
    return [(i, kinds[n % len(kinds)]) for n, i in enumerate(chosen)]


def find_copies(same: bool) -> Callable[[Planted], set[int]]:
    def find(planted: Planted) -> set[int]:
        with NearDuplicates() as near:
            for example in planted.rows:
                near.add(example.messages[0].content)
            return {p.second for p in near.pairs() if p.similarity == 1 or not same}

    return find


def plant_leaks(count: int, rng: random.Random) -> Planted:
    """A file whose second half repeats, in one row of ten, a question or a group of its first half."""
    texts, words = clean(count, rng)
    half = len(texts) // 2
    rows, meant = [row(i, t, f"g{i}") for i, t in enumerate(texts)], set()
    for number, (original, kind) in enumerate(cycled(rng.sample(range(half), half // 10), ("same", "group", *SHOULD))):
        at = half + number * 10 % half
        group = f"g{original}" if kind == "group" else f"g{at}"
        text = texts[at] if kind == "group" else texts[original]
        rows[at] = row(at, text if kind in ("same", "group") else edited(text, kind, rng, words), group)
        meant.add(at)
    return Planted(rows, meant)


def find_leaks(planted: Planted) -> set[int]:
    half = len(planted.rows) // 2
    first, second = planted.rows[:half], planted.rows[half:]
    # Row by row, since an overlap lists its first places alone.
    found = set()
    for begin in range(0, len(second), 100):
        part = Split(tuple(first), tuple(second[begin : begin + 100]))
        found |= {int(w.split(" ")[0].split(":")[1]) for o in overlaps(part) for w in o.where}
    return found


def leaks_after_a_split(planted: Planted) -> set[int]:
    """The same rows split by ratio: none may be told."""
    split = divide(planted.rows, parse_split("80/10/10"), 1).split
    return {int(w.split(" ")[0].split(":")[1]) for o in overlaps(split) for w in o.where}


def contaminate(change: str, meant: bool) -> Callable[[int, random.Random], Planted]:
    """Rows, one in fifty of which holds an item of a benchmark of 2,000 questions."""

    def plant(count: int, rng: random.Random) -> Planted:
        texts, words = clean(count + 2000, rng)
        items, texts = texts[:2000], texts[2000:]
        holding = rng.sample(range(len(texts)), len(texts) // 50)
        for at in holding:
            texts[at] = f"{texts[at]} {changed(rng.choice(items), change, rng, words)} {question(rng, words)}"
        return Planted([row(i, t) for i, t in enumerate(texts)], set(holding) if meant else set(), tuple(items))

    return plant


def changed(item: str, change: str, rng: random.Random, words: list[str]) -> str:
    if change == "verbatim":
        return item
    if change == "punctuation":
        return item.upper().replace(",", " --").replace("?", "!")
    parts = item.split(" ")
    if change == "cut":  # its last two words are missing
        return " ".join(parts[:-2])
    if change == "one word":
        at = rng.randrange(len(parts))
        parts[at] = rng.choice(words)
    else:  # a paraphrase: every third word is another
        parts = [rng.choice(words) if i % 3 == 2 else p for i, p in enumerate(parts)]
    return " ".join(parts)


def find_items(planted: Planted) -> set[int]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "items.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([item, "A", "B"] for item in planted.items)
        index = build_index([file])
    return {i for i, e in enumerate(planted.rows) if index.check("\n".join(m.content for m in e.messages))}


KINDS: tuple[tuple[str, Callable[[int, random.Random], Planted], Callable[[Planted], set[int]]], ...] = (
    ("exact duplicates", copies(("same",), True), find_copies(same=True)),
    ("near-duplicates", copies(SHOULD, True), find_copies(same=False)),
    ("other questions that look alike", copies(SHOULD_NOT, False), find_copies(same=False)),
    ("leaks into the second part", plant_leaks, find_leaks),
    ("benchmark items, word for word", contaminate("verbatim", True), find_items),
    ("benchmark items, case and punctuation", contaminate("punctuation", True), find_items),
    ("benchmark items, two words cut off", contaminate("cut", True), find_items),
    ("benchmark items, one word replaced", contaminate("one word", True), find_items),
    ("benchmark items, paraphrased", contaminate("paraphrase", False), find_items),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    out = []
    for name, plant, find in KINDS:
        planted = plant(args.rows, random.Random(f"{args.seed}/{name}"))
        began = time.perf_counter()
        found = find(planted)
        right = len(found & planted.meant)
        facts = {
            "kind": name,
            "rows": len(planted.rows),
            "planted": len(planted.meant),
            "told": len(found),
            "precision": round(right / len(found), 4) if found else None,
            "recall": round(right / len(planted.meant), 4) if planted.meant else None,
            "seconds": round(time.perf_counter() - began, 1),
        }
        out.append(facts)
        if not args.json:
            print("  ".join(f"{k} {v}" for k, v in facts.items() if v is not None), flush=True)
    leaks = leaks_after_a_split(plant_leaks(args.rows, random.Random(f"{args.seed}/split")))
    out.append({"kind": "leaks after a split by ratio of the same rows", "told": len(leaks)})
    print(json.dumps(out, indent=1) if args.json else f"leaks after a split by ratio of such rows: {len(leaks)}")


if __name__ == "__main__":
    main()
