"""Near-duplicates: rows a second, memory, and what is found of edits that are planted with a seed.

    python benchmarks/near_duplicates.py 10000 100000 1000000
    python benchmarks/near_duplicates.py --template 100000      # every row from one template: the worst case

Each size runs in a process of its own, so that the peak of its memory is its own. Rows are questions made from lists of
words, of some 150 characters; one row in ten is an edited copy of an earlier one. Edits that leave the question as it
was should be found (recall); a changed number or key word should not (false merges).
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections import Counter

from heedful.data.near import NearDuplicates

SYLLABLES = "ba-co-du-fe-gi-ha-jo-ku-le-mi-no-pa-qui-ro-sa-te-un-vo-wa-xi-yo-ze-bra-cli-dro-fle-gra-pre-sto"
SMALL = "the-a-of-in-on-for-with-and-to-from-by-at-as-is-are-was-which-that-this-its"
SHOULD = ("case", "punctuation", "typo", "added word", "moved phrase")
SHOULD_NOT = ("number", "key word", "swapped words")


def word(rng: random.Random) -> str:
    return "".join(rng.choice(SYLLABLES.split("-")) for _ in range(rng.randint(2, 4)))


def question(rng: random.Random, words: list[str]) -> str:
    """Some 24 words, a number among them."""
    made = [
        rng.choice(words) if rng.random() < 0.6 else rng.choice(SMALL.split("-")) for _ in range(rng.randint(18, 28))
    ]
    made[rng.randrange(4, len(made) - 2)] = str(rng.randint(2, 9999))
    return f"{' '.join(made[:9])}, {' '.join(made[9:])}?".capitalize()


def edited(text: str, kind: str, rng: random.Random, words: list[str]) -> str:
    """A copy of a question with one edit."""
    parts = text.split(" ")
    at = rng.choice([i for i, p in enumerate(parts) if len(p) >= 5 and p.isalpha()])
    if kind == "case":
        return text.upper()
    if kind == "punctuation":
        return text.replace(",", " -").replace("?", "...")
    if kind == "typo":
        k = rng.randrange(1, len(parts[at]) - 1)
        parts[at] = parts[at][:k] + parts[at][k + 1 :]
    elif kind == "added word":
        parts.insert(at, "please")
    elif kind == "moved phrase":
        parts = [*parts[-3:], *parts[:-3]]
    elif kind == "number":
        at = next(i for i, p in enumerate(parts) if p.strip(",?").isdigit())
        parts[at] = parts[at].replace(parts[at].strip(",?"), str(int(parts[at].strip(",?")) + 1))
    elif kind == "key word":
        parts[at] = rng.choice([w for w in rng.sample(words, 20) if w != parts[at]])
    elif kind == "swapped words":
        far = [i for i, p in enumerate(parts) if abs(i - at) > 1 and p.isalpha() and p != parts[at]]
        other = rng.choice(far)
        parts[at], parts[other] = parts[other], parts[at]
    return " ".join(parts)


def rows(count: int, seed: int) -> tuple[list[str], list[tuple[int, int, str]]]:
    """Questions, and (original, copy, kind) of those that are planted."""
    rng = random.Random(seed)
    words = sorted({word(rng) for _ in range(20_000)})
    kinds = SHOULD + SHOULD_NOT
    texts: list[str] = []
    planted = []
    while len(texts) < count:
        if len(texts) % 10 == 9 and len(texts) > 10:
            original = rng.randrange(len(texts) // 10) * 10 + 1  # never itself a copy
            kind = kinds[len(planted) % len(kinds)]
            planted.append((original, len(texts), kind))
            texts.append(edited(texts[original], kind, rng, words))
        else:
            texts.append(question(rng, words))
    return texts, planted


def template(count: int, seed: int) -> tuple[list[str], list[tuple[int, int, str]]]:
    """Questions that differ in one word, and no copies."""
    rng = random.Random(seed)
    start = (
        "Read the description of the product below with care and say in one sentence what a customer may like in it:"
    )
    return [f"{start} {word(rng)}{word(rng)}" for _ in range(count)], []


def measure(count: int, seed: int, one_template: bool) -> dict[str, object]:
    texts, planted = (template if one_template else rows)(count, seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    with NearDuplicates() as near:
        for text in texts:
            near.add(text)
        added = time.perf_counter() - began
        label = {row: cluster[0] for cluster in near.clusters() for row in cluster}
        joined = time.perf_counter() - began
        pairs = near.pairs()
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tried = Counter(kind for _, _, kind in planted)
    told = {(p.first, p.second) for p in pairs}
    found = Counter(kind for a, b, kind in planted if label.get(a, a) == label.get(b, b))
    by_copy = {b: (a, kind) for a, b, kind in planted}
    meant = {(a, b) for a, b, kind in planted if kind in SHOULD}
    # Copies of one original are near to one another too; which of them comes first is told, so compare by original.
    good = sum(1 for a, b in told if by_copy.get(a, (a,))[0] == by_copy.get(b, (b,))[0])
    return {
        "rows": count,
        "characters_a_row": round(sum(map(len, texts)) / count),
        "seconds": round(took, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "adding_seconds": round(added, 2),
        "joining_seconds": round(joined - added, 2),
        "rows_a_second": round(count / took),
        "peak_mb": after >> 10,
        "added_bytes_a_row": round((after - before) * 1024 / count),
        "recall": {kind: f"{found[kind]}/{tried[kind]}" for kind in SHOULD if tried[kind]},
        "false_merges": {kind: f"{found[kind]}/{tried[kind]}" for kind in SHOULD_NOT if tried[kind]},
        "pairs": len(told),
        "pairs_of_one_original": good,
        "planted_alike": len(meant),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("sizes", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--template", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.sizes[0], args.seed, args.template)))
        return
    for size in args.sizes:
        command = [sys.executable, __file__, str(size), "--seed", str(args.seed), "--one"]
        done = subprocess.run(
            command + ["--template"] * args.template, capture_output=True, text=True, check=True
        ).stdout
        print(json.dumps(json.loads(done), indent=1))


if __name__ == "__main__":
    main()
