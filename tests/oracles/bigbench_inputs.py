"""BIG-bench tasks in its owner's form, and what a made-up model says to them, to be scored on both sides.

Both are drawn by seed. The model is a function of what it is asked, so both sides ask it themselves: `answer` says a
text, `log_prob` how likely one is. Texts are made of what comparing trips over; log-probabilities are often equal, and
now and then -Infinity.
"""

from __future__ import annotations

import random
import re
from typing import Any

CASES = 41
PAIRS = 40  # the case in which pairs of words are right, which in drawn words they never are
SHOTS = (0, 2)
PIECES = """the a rain Rain RAIN rains . ! ? ; , 7 -7 0.7 7.5 1e3 nan inf ٧ 1,000 e.g. “so” ‘a’ é e\u0301 İzmir straße
東京 日本、 🐈 a\u00a0b ... O'Neil [1, 2] [] 'up' \t \\ "q" yes no True""".replace("\n", " ").split(" ")
COMMON = ["yes", "Yes", "7", "rain", "a rain", "yes no yes", "7 rain"]  # often the target, and often answered
GROUPS = {
    "text": [
        "bleu",
        "exact_str_match",
        "case_insensitive_str_match",
        "sequence_f1",
        "numeric_match_with_0_1_relative_error",
        "rouge",
    ],
    "choices": [
        "multiple_choice_grade",
        "calibration_multiple_choice_brier_score",
        "expected_calibration_error",
        "weighted_log_probabilities",
        "weighted_probabilities",
        "macro_f1",
    ],
    "targets": ["log_likelihood"],
}
REGEXES = [r"[-+]?\d+", r"('.*?')", r"\[(?:\d+, )*(?:\d+)?\]", r"[^\n]+", r"(?:a|rain)( \w+)?", ""]


def words(rng: random.Random, most: int = 6) -> str:
    """A text of up to so many pieces, joined by spaces, line breaks and full stops between spaces."""
    joint = rng.choice([" ", " ", " ", "\n", " . "])
    return joint.join(rng.choices(PIECES, k=rng.randint(1, most)))


def _sentence(number: int) -> str:
    drawn = random.Random(f"sentence {number}")
    return " ".join(drawn.choices(["the", "rain", "is", "wet", "today", "and", "sand", "not"], k=7))


def answer(seed: int, text: str) -> str:
    """What the model goes on with after a text: something drawn, or the end of the text again."""
    rng = random.Random(f"answer {seed} {text}")
    if seed == PAIRS:
        spoken = _sentence(int(re.findall(r"say (\d+)", text)[-1])).split()
        cut = rng.randrange(len(spoken))
        return " ".join(rng.choice([spoken, spoken[cut:], [*spoken[:cut], "fog", *spoken[cut:]], spoken[::-1]]))
    drawn = [words(rng), text[-rng.randint(1, 30) :], "", " ", "\n" + words(rng), words(rng, 3).upper()]
    return rng.choice([*drawn, *COMMON, *COMMON])


def log_prob(seed: int, text: str, target: str) -> float:
    """How likely the model finds a target after a text."""
    rng = random.Random(f"log_prob {seed} {text} {target}")
    if seed % 3 == 0:
        return -0.5 * rng.randint(1, 4)  # ties
    if seed % 3 == 1 and rng.random() < 0.2 and target != "yes":
        return float("-inf")
    return -rng.expovariate(0.3)


def _target(rng: random.Random, metrics: list[str]) -> Any:
    if "numeric_match_with_0_1_relative_error" in metrics:
        return rng.choice(["7", "-7", "0", "7.5", ["70"], "seven", "1e3"])
    if rng.random() < 0.5:
        return rng.choice([*COMMON, COMMON[:3]])
    if rng.random() < 0.4:
        return [words(rng) for _ in range(rng.randint(1, 3))]
    return words(rng)


def _scores(rng: random.Random, metrics: list[str], same: list[str]) -> dict[str, float]:
    names = same if "macro_f1" in metrics else list(dict.fromkeys(words(rng, 3) for _ in range(rng.randint(1, 5))))
    names = [*dict.fromkeys(["yes", *names])]
    rng.shuffle(names)
    way = rng.random()
    if way < 0.6 or "macro_f1" in metrics or len(names) == 1:
        right = rng.choice(names)
        return {name: int(name == right) for name in names}
    scores: dict[str, float] = {name: rng.choice([0, 1, 0.25, 0.1, 0.7]) for name in names}
    scores[rng.choice(names)] = 0.9 if way < 0.8 else 1.5
    if way > 0.9:
        scores[names[0]] = -0.5
    return scores if max(scores.values()) > min(scores.values()) else {**scores, names[0]: 2}


def _leaf(rng: random.Random, name: str, sparse: bool, rouge: bool) -> dict[str, Any]:
    """One task with examples; `sparse`: each kind of metric may be wanting. The owner's ROUGE takes a minute a task."""
    kinds = rng.sample(list(GROUPS), rng.randint(1, 3)) if sparse else list(GROUPS)
    metrics = [m for kind in kinds for m in rng.sample(GROUPS[kind], rng.randint(1, min(3, len(GROUPS[kind]))))]
    metrics = [m for m in metrics if m != "rouge"] + ["rouge"] * rouge
    if "macro_f1" in metrics and rng.random() < 0.5:
        metrics.remove("macro_f1")
    metrics = metrics or ["exact_str_match"]
    if any(m.startswith("weighted") for m in metrics):
        metrics = [*metrics, "multiple_choice_grade"]
    same = [words(rng, 2) for _ in range(3)]
    rows = []
    for _ in range(rng.randint(5, 14)):
        row: dict[str, Any] = {"input": words(rng)}
        if any(m in GROUPS["choices"] for m in metrics) or rng.random() < 0.1:
            row["target_scores"] = _scores(rng, metrics, same)
        if any(m not in GROUPS["choices"] for m in metrics) or "target_scores" not in row or rng.random() < 0.1:
            row["target"] = _target(rng, metrics)
        if rng.random() < 0.2:
            row["comment"] = {"by": rng.choice(["Ann", "Zoë"]), "n": rng.choice([1, 1.0, True])}
        rows.append(row)
        if rng.random() < 0.2:
            rows.append(dict(row))
        if rng.random() < 0.1:
            rows.append({**row, "target": [row["target"]] if isinstance(row.get("target"), str) else words(rng)})
    figures = [m for m in metrics if m != "rouge"] + [
        r for r in ("rouge1", "rouge2", "rougeLsum") if "rouge" in metrics
    ]
    task = {"canary": "", "name": name, "description": "", "keywords": [], "examples": rows, "metrics": metrics}
    task["preferred_score"] = rng.choice(figures)
    for key, values in {
        "example_input_prefix": ["", "\nQuestion: ", "? "],
        "example_output_prefix": ["", "\nAnswer:", " → "],
        "choice_prefix": ["\n choice:", "", "\n- "],
        "append_choices_to_input": [True, False, "false"],
        "few_shot_example_separator": ["\n\n", "", "; "],
        "task_prefix": ["", "Say it.\n", "Überlege:"],
        "output_regex": REGEXES,
        "stop_string": ["\n", ".", "rain"],
        "absolute_normalization": [True, False],
        "low_score": [0.3],
    }.items():
        if rng.random() < 0.4:
            task[key] = rng.choice(values)
    return task


def task_files(seed: int) -> dict[str, Any]:
    """Path in the task's folder -> what the JSON file there holds; every third task has subtasks."""
    rng = random.Random(f"bigbench {seed}")
    if seed == PAIRS:
        rows = [{"input": f"say {n}", "target": [_sentence(n), _sentence(n + 50)][: 1 + n % 2]} for n in range(7)]
        task = {"canary": "", "name": "pairs", "description": "", "keywords": [], "examples": rows}
        return {"task.json": task | {"metrics": ["rouge", "bleu"], "preferred_score": "rouge2"}}
    if seed % 3:
        return {"task.json": _leaf(rng, f"task {seed}", seed % 2 == 0, seed % 5 == 1)}
    files: dict[str, Any] = {"task.json": {"canary": "", "name": "größe", "description": "", "keywords": []}}
    grades_only = seed % 2 == 0
    for folder in rng.sample(["a", "a-b", "a_b", "B", "c.d", "é"], rng.randint(1, 4)):
        leaf = _leaf(rng, f"in {folder}", True, seed == 9 and folder < "a_")
        if grades_only and "multiple_choice_grade" in leaf["metrics"]:
            leaf["preferred_score"] = "multiple_choice_grade"
        files[f"{folder}/task.json"] = leaf
    return files


def endings() -> list[tuple[str, str | None, str | None]]:
    """A text, an expression and a stop string."""
    rng = random.Random("bigbench endings")
    return [
        (words(rng, 8), rng.choice([None, *REGEXES]), rng.choice([None, "\n", ".", "rain", "", "a"]))
        for _ in range(200)
    ]


def spoiled() -> list[tuple[str, dict[str, Any]]]:
    """Tasks with one fault each, by the fault's name."""
    good = {
        "canary": "",
        "name": "weather",
        "description": "",
        "keywords": [],
        "metrics": ["multiple_choice_grade", "exact_str_match"],
        "preferred_score": "multiple_choice_grade",
        "examples": [{"input": "Wet?", "target": "yes", "target_scores": {"yes": 1, "no": 0}}],
    }
    examples = {
        "no input": {"target": "yes", "target_scores": {"yes": 1, "no": 0}},
        "no target": {"input": "Wet?", "target_scores": {"yes": 1, "no": 0}},
        "no target_scores": {"input": "Wet?", "target": "yes"},
        "chance is best": {"input": "Wet?", "target": "yes", "target_scores": {"yes": 1, "no": 1}},
    }
    found = [(name, {**good, "examples": [example]}) for name, example in examples.items()]
    alone = {**good, "metrics": ["multiple_choice_grade"]}
    found.append(("no best", {**alone, "examples": [{"input": "Wet?", "target_scores": {"yes": 0.5, "no": 0.5}}]}))
    found += [
        (f"no {key}", {k: v for k, v in good.items() if k != key}) for key in ("name", "metrics", "preferred_score")
    ]
    found += [
        ("unknown metric", {**good, "metrics": ["f1"]}),
        ("preferred rouge", {**good, "metrics": ["rouge"], "preferred_score": "rouge"}),
        ("preferred is not given", {**good, "metrics": ["exact_str_match"]}),
        ("no examples", {**good, "examples": []}),
        ("two groups", {**good, "output_regex": "(y)(e)s"}),
        ("good", good),
    ]
    return found
