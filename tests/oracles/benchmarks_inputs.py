"""Files in the forms of SQuAD's, TriviaQA's, GLUE's and SuperGLUE's owners, drawn by seed, to be scored on both sides.

Answers are made of what comparing trips over: articles, numbers, quotes and dashes of all kinds, capitals that grow
when they are made small, joined and doubled spaces, words inside words, nothing at all.
"""

from __future__ import annotations

import random
from typing import Any

PIECES = """the a an The AN A theme another “the” ‘a’ the. (the) an-the the_a rain Rain RAIN rains cat's cats’ `cat´
1,000 1.000 1000 12 %12 ½ ² ١٢ 2nd -5 −5 – — e.g. U.S. US Æther STRAẞE straße İzmir ﬁne a\u00a0b c\u200bd é e\u0301 東京
日本、 🐈 … !? "" ' the\u2028a a\tb x_y __ an\u0301 O'Neil O’Neil well-known well known""".replace("\n", " ").split(" ")
SMALL, MANY = 30, 12


def text(rng: random.Random) -> str:
    """An answer of up to six pieces; one in eight is empty or has nothing that counts."""
    if rng.random() < 0.12:
        return rng.choice(["", " ", "the", "A.", "!", "an “", "\n"])
    return rng.choice([" ", " ", " ", "", "  ", "-"]).join(rng.choices(PIECES, k=rng.randint(1, 6)))


def near(rng: random.Random, gold: str) -> str:
    """An answer like the gold one: the same, with another article or case, less, more, or another one."""
    ways = [
        lambda: gold,
        lambda: "The " + gold.upper() + ".",
        lambda: gold.lower().replace(" ", "  "),
        lambda: " ".join(gold.split()[1:]),
        lambda: gold + " " + rng.choice(PIECES),
        lambda: " ".join(reversed(gold.split())),
        lambda: text(rng),
        lambda: "",
    ]
    return rng.choice(ways)()


def _answered(rng: random.Random, golds: dict[str, list[str]], may_miss: bool) -> dict[str, str]:
    found = {
        key: near(rng, rng.choice(texts or [text(rng), ""]))
        for key, texts in golds.items()
        if not may_miss or rng.random() > 0.15
    }
    for n in range(rng.choice([0, 0, 2])):
        found[f"extra-{n}"] = text(rng)
    order = list(found)
    rng.shuffle(order)
    return {key: found[key] for key in order}


def squad(seed: int, version: str) -> tuple[dict[str, Any], dict[str, str]]:
    """References and predictions; in 1.1 some predictions are missing, in 2.0 some questions have no answer."""
    rng = random.Random(f"squad {version} {seed}")
    without = rng.choice([0.0, 0.4, 1.0]) if version == "v2.0" and seed % 5 else 0.3 * (version == "v2.0")
    golds: dict[str, list[str]] = {}
    articles, number = [], 0
    for _ in range(rng.randint(1, 3)):
        paragraphs = []
        for _ in range(rng.randint(1, 3)):
            qas = []
            for _ in range(rng.randint(1, 4)):
                key = f"q{number if rng.random() > 0.03 else max(number - 1, 0)}"  # rarely one id stands twice
                number += 1
                texts = [] if rng.random() < without else [text(rng) for _ in range(rng.randint(1, 4))]
                golds[key] = texts
                answers = [{"text": t, "answer_start": 0} for t in texts]
                qas.append({"id": key, "question": "?", "answers": answers, "is_impossible": not texts})
            paragraphs.append({"context": "", "qas": qas})
        articles.append({"title": "", "paragraphs": paragraphs})
    answers = _answered(rng, golds, may_miss=version == "1.1")
    return {"version": version, "data": articles}, {} if version == "1.1" and seed == 0 else answers


def triviaqa(seed: int) -> tuple[dict[str, Any], dict[str, str]]:
    """The owner's form: a domain, verified or not, aliases, human answers now and then."""
    rng = random.Random(f"triviaqa {seed}")
    verified, domain = rng.random() < 0.4, rng.choice(["Wikipedia", "Web", "Unfiltered"])
    rows, golds = [], {}
    for n in range(rng.randint(1, MANY)):
        texts = [text(rng) for _ in range(rng.randint(1, 4))]
        answer: dict[str, Any] = {"NormalizedAliases": texts, "Aliases": texts, "Value": texts[0]}
        if rng.random() < 0.3:
            answer["HumanAnswers"] = [text(rng)]
        pages = [
            {"Filename": f"{kind}{k}.txt", "DocPartOfVerifiedEval": k == 0 or rng.random() < 0.5}
            for kind in "es"
            for k in range(rng.randint(1, 2))
        ]
        part = n == 0 or rng.random() < 0.6
        rows.append(
            {
                "QuestionId": f"tc_{n}",
                "Question": "?",
                "QuestionPartOfVerifiedEval": part,
                "Answer": answer,
                "EntityPages": [p for p in pages if p["Filename"][0] == "e"],
                "SearchResults": [p for p in pages if p["Filename"][0] == "s"],
            }
        )
        keys = [f"tc_{n}"] if domain == "Wikipedia" else [f"tc_{n}--{p['Filename']}" for p in pages]
        golds |= dict.fromkeys(keys, texts + answer.get("HumanAnswers", []))
    answers = _answered(rng, golds, may_miss=True)
    answers[next(iter(golds))] = near(rng, rows[0]["Answer"]["Value"])
    return {"Domain": domain, "VerifiedEval": verified, "Version": 1.0, "Data": rows}, answers


def classes(seed: int, count: int) -> tuple[list[int], list[int]]:
    """Gold and predicted classes that agree more or less; now and then one class only."""
    rng = random.Random(f"classes {count} {seed}")
    n, keep = rng.randint(1, SMALL), rng.random()
    gold = [rng.randrange(count) if seed % 7 else count - 1 for _ in range(n)]
    predicted = [g if rng.random() < keep else rng.randrange(count) for g in gold]
    return gold, [0] * n if seed % 11 == 5 else predicted


def scores(seed: int) -> tuple[list[str], list[str]]:
    """Gold and predicted scores as they are written, with ties; at times a column of equal ones."""
    rng = random.Random(f"scores {seed}")
    n = rng.randint(2, SMALL)
    gold = [f"{rng.randint(0, 20) / 4:.3f}" for _ in range(n)]
    predicted = [f"{float(g) + rng.gauss(0, 2):.{rng.randint(0, 17)}f}" for g in gold]
    return gold, ["2.5"] * n if seed % 10 == 3 else predicted


def multirc(seed: int) -> list[tuple[int, int, int, int, int]]:
    """Passage, question and answer with the gold and the predicted label."""
    rng = random.Random(f"multirc {seed}")
    keep, answer, question, rows = rng.random(), 0, 0, []
    for passage in range(rng.randint(1, 4)):
        for _ in range(rng.randint(1, 4)):
            for _ in range(rng.randint(1, 6)):
                gold = int(rng.random() < 0.4)
                rows.append((passage, question, answer, gold, gold if rng.random() < keep else rng.randrange(2)))
                answer += 1
            question += 1
    return rows


def record(seed: int) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """Passages with queries, and an answer to most of the queries."""
    rng = random.Random(f"record {seed}")
    passages, number, answers = [], 0, {}
    for idx in range(rng.randint(1, 5)):
        qas = []
        for _ in range(rng.randint(1, 3)):
            texts = [text(rng) for _ in range(rng.randint(1, 3))]
            qas.append({"idx": number, "query": "@placeholder", "answers": [{"text": t} for t in texts]})
            if number == 0 or rng.random() > 0.2:
                answers[number] = near(rng, rng.choice(texts))
            number += 1
        passages.append({"idx": idx, "passage": {"text": "", "entities": []}, "qas": qas})
    return passages, answers
