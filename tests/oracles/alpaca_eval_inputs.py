"""The inputs on which Heedful and alpaca_eval are compared: made here, from Python's own generator, needing no package.

`tests/oracles/alpaca_eval_record.py` hands them to alpaca_eval in an environment of its own and keeps what it says in
`tests/oracles/alpaca_eval.json`; the tests hand them to Heedful and compare with the record.
"""

from __future__ import annotations

import csv
import json
import math
import random
from pathlib import Path
from typing import Any

INSTRUCTIONS = 60
WORDS = ("red", "blue", "green", "cat", "dog", "bird", "seven", "eight")
WORDS += ("nine", "tall", "short", "warm", "cold", "river", "stone", "apple")

# What `get_winrate` is asked. None is null, NaN cannot stand in a file.
PREFERENCES: dict[str, list[Any]] = {
    "wins and losses": [1, 2, 2, 1, 1, 2, 2],
    "weighted": [1.0000001827, 1.93, 1.5, 1.4999, 1.5001, 1.2, 1.75, 1.999],
    "old draws": [0, 2, 1, 0, 2, 0, 1.5],
    "some null": [None, 2, None, 1, 1.3, None],
    "all draws": [1.5, 1.5, 0, 1.5],
    "out of range": [-1, 3, 2, 1, 2.4, 0.6, 0.5, 2.5, 1.7],
    "one row": [1.25],
    "nothing readable": [None, None, None],
    "as text": ["1.0", "2", "1.5", "1.25"],
    "text and numbers": ["0", 2, None, "1.9"],
}


def text(rng: random.Random, words: int) -> str:
    """So many words, some of them with letters that take several bytes."""
    return " ".join(rng.choice([*WORDS, "größer", "東京"]) for _ in range(words)) or "-"


def difficulty() -> list[float]:
    """How difficult each instruction is."""
    rng = random.Random("difficulty")
    return [rng.gauss(0, 1.2) for _ in range(INSTRUCTIONS)]


def gamed_rows(name: str) -> list[dict[str, Any]]:
    """The rows of a made df_gamed.csv: two gamed baselines, each on every instruction."""
    rng = random.Random(f"gamed {name}")
    hard = difficulty()
    rows = []
    for model, sign in (("base_concise", 1.0), ("base_verbose", -1.0)):
        for index in range(INSTRUCTIONS):
            length = sign * abs(rng.gauss(0.9, 0.7))
            p = 1 / (1 + math.exp(1.4 * math.tanh(length) - 0.6 * hard[index] + rng.gauss(0, 1)))
            preference: float | None = round(p) if name == "whole preferences" else p
            if name == "null and own rows" and index % 11 == 3:
                preference = None
            rows.append(
                {
                    "model": model,
                    "preference": preference,
                    "index": index,
                    "std_delta_len": length,
                    "instruction_difficulty": hard[index],
                    "not_gamed_baseline": name == "null and own rows" and index % 17 == 5,
                }
            )
    if name == "models side by side":  # so that the row at which an instruction stands first is not its number
        rows.sort(key=lambda row: row["index"])
    return rows


TABLES = ("two baselines", "whole preferences", "null and own rows", "models side by side")


def annotations(name: str) -> list[dict[str, Any]]:
    """The rows of a made annotations.json."""
    rng = random.Random(f"annotations {name}")
    hard = difficulty()
    skill = {"better": 0.9, "hopeless": -6.0, "perfect": 9.0}.get(name, -0.4)
    count = 23 if name == "the first 23" else INSTRUCTIONS
    rows = []
    for index in range(count):
        first = text(rng, rng.randint(5, 60))
        second = text(rng, rng.randint(1, 25) if name == "short answers" else rng.randint(5, 90))
        gap = (len(first) - len(second)) / 150
        p = 1 / (1 + math.exp(1.2 * math.tanh(gap) - skill - 0.8 * hard[index] + rng.gauss(0, 0.7)))
        preference: Any = 1 + p
        if name == "binary":
            preference = round(preference)
        if name == "nulls and draws":
            preference = [preference, None, 0, 1.5, preference][index % 5]
        if name == "hopeless":
            preference = 1.0 if index % 10 else preference
        row = {
            "instruction": f"Say {text(rng, 4)} in line {index}.",
            "output_1": first,
            "generator_1": "base",
            "output_2": second,
            "generator_2": "base" if name == "the baseline itself" else "model",
            "annotator": "made",
            "preference": 1.5 if name == "the baseline itself" else preference,
        }
        if name == "shuffled with index":
            row["index"] = index
        rows.append(row)
    if name == "shuffled with index":
        rng.shuffle(rows)
    return rows


ANNOTATIONS = (
    "worse",
    "better",
    "hopeless",
    "perfect",
    "binary",
    "short answers",
    "nulls and draws",
    "shuffled with index",
    "the first 23",
    "the baseline itself",
)
PAIRS = (
    [(a, TABLES[0]) for a in ANNOTATIONS] + [("worse", t) for t in TABLES[1:3]] + [("shuffled with index", TABLES[1])]
)


def write_table(folder: Path, name: str) -> Path:
    """Write a made df_gamed.csv."""
    rows = gamed_rows(name)
    path = folder / "df_gamed.csv"
    with path.open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({k: "" if v is None else repr(v) if isinstance(v, float) else v for k, v in row.items()})
    return path


def write_annotations(folder: Path, name: str) -> Path:
    """Write a made annotations.json."""
    path = folder / "annotations.json"
    path.write_text(json.dumps(annotations(name), ensure_ascii=False, indent=1), encoding="utf-8")
    return path


# Annotator configurations in alpaca_eval's form, with prompts of our own.
CHAT = (
    "<|im_start|>system\nYou compare two answers.\n<|im_end|>\n"
    "<|im_start|>user\nQuestion: {instruction}\n\nFirst:\n{output_1}\n\nSecond:\n{output_2}\n\n{ASK}\n<|im_end|>\n"
)


def _config(ask: str, parser: str | None, kwargs: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    completions = {"model_name": "gpt-4-made", "max_tokens": 20, "temperature": 0, **more.pop("completions", {})}
    config: dict[str, Any] = {
        "fn_completions": "openai_completions",
        "completions_kwargs": completions,
        "batch_size": 1,
    }
    config["prompt"] = CHAT.replace("{ASK}", ask)
    if parser:
        config["fn_completion_parser"] = parser
    if kwargs:
        config["completion_parser_kwargs"] = kwargs
    return config | more


_ODDS = {"completions": {"max_tokens": 1, "temperature": 1, "logprobs": True, "top_logprobs": 5}}
CONFIGS: dict[str, dict[str, Any]] = {
    "by_regex": _config("Say (a) or (b).", None, {"outputs_to_match": {1: r"(?:^|\n) ?\(a\)", 2: r"(?:^|\n) ?\(b\)"}}),
    "by_ranking": _config("Write a list.", "ranking_parser", None),
    "by_ranking_m": _config("Write a list.", "ranking_parser", {"model_1_name": "m"}),
    "by_lmsys": _config("Two numbers.", "lmsys_parser", None, is_randomize_output_order=False),
    "by_odds": _config(
        "Say m or M.",
        "logprob_parser",
        {"numerator_token": "m", "denominator_tokens": ["m", "M"], "is_binarize": False},
        completion_key="completions_all",
        **_ODDS,
    ),
    "by_odds_binary": _config(
        "Say A or B.",
        "logprob_parser",
        {"numerator_token": "A", "denominator_tokens": ["A", "B"], "is_binarize": True, "log_prob_index": -1},
        completion_key="completions_all",
        **_ODDS,
    ),
}

# What a judge might say, for each configuration.
SAID: dict[str, list[str]] = {
    "by_regex": ["(a)", "(b)", " (b) is better", "I like\n(a)", "neither", "(a)\n(b)", "", "(a)."],
    "by_ranking": [
        "[{'model': 'model_1', 'rank': 1}, {'model': 'model_2', 'rank': 2}]",
        "[{'model': 'model_2', 'rank': 1}, {'model': 'model_1', 'rank': 2}]",
        "[{'model': 'model_1', 'rank': 3}]",
        "[{'model': 'other', 'rank': 1}]",
        "model_1 is the best",
        "",
        "{'model': 'model_1'}",
        "[" * 300,
    ],
    "by_ranking_m": ["[{'model': 'm', 'rank': 2}]", "[{'model': 'model_1', 'rank': 1}]", '[{"model": "m", "rank": 1}]'],
    "by_lmsys": ["7 1\nsince", "1 7", "7,1", "8.5 9\n", "about 7 and 8", "", "7"],
}
Odds = list[list[tuple[str, float]]]
ODDS: dict[str, list[Odds]] = {
    "by_odds": [
        [[("m", -0.2), ("M", -1.8), ("The", -9.0)]],
        [[("M", -1e-6), ("m", -15.5)]],
        [[("M", -0.1), ("The", -3.0)]],
        [[("m", -0.1), ("The", -3.0)]],
        [[("The", -0.1), ("Both", -3.0)]],
        [[("m", -0.2), ("M", -1.8)], [("M", -0.2), ("m", -1.8)]],
    ],
    "by_odds_binary": [
        [[("I", -0.1)], [("A", -0.3), ("B", -1.4)]],
        [[("I", -0.1)], [("A", -1.4), ("B", -0.3)]],
        [[("A", -0.7), ("B", -0.7)]],
        [[("A", -0.1), ("C", -3.0)]],
        [[("C", -0.1)]],
    ],
}


def pairs() -> list[dict[str, str]]:
    """Pairs of answers that the annotators are given, two of them the same."""
    rng = random.Random("pairs")
    out = []
    for index in range(24):
        first = text(rng, rng.randint(1, 6))
        second = first if index % 11 == 4 else text(rng, rng.randint(1, 6))
        out.append({"instruction": f"Say {text(rng, 2)}, {index}.", "output_1": first, "output_2": f"{second}"})
    out[7]["output_2"] += "\n\n"
    return out


def said_by(config: str, prompt: str) -> tuple[str, Odds | None]:
    """What the made judge says to a prompt: the same each time it is asked."""
    rng = random.Random(f"{config} {prompt}")
    if config in SAID:
        return rng.choice(SAID[config]), None
    odds = rng.choice(ODDS[config])
    return odds[-1][0][0], odds
