"""What crfm-helm was asked, and Heedful is: texts, tables and lists that we made, the same on every machine.

Only `random` is used, whose numbers do not change with versions. The lists of words are small ones of this file, not
those of the package, so that the record stays true when a list grows.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

TEXTS = (
    "I don't know where he is going, but it is not far.",
    "CAN'T we say that she is a doctor? They Are Not sure; IT IS late.",
    "He would have come, and you would have seen it. Who will? How did it end?",
    "ain't it so, ma'am? We cannot have that; how do you do, madam and sir? I'd've gone.",
    "They're sure that there's a way: what's done is done, and who'd say it shouldn't be?",
    "The  price   is 12.50 dollars, i.e. cheap.\n\nWhat is it?  Tab\there, and é, Ü, ß.",
    "Emily told Jake that her brother, an actor, had met Emily's uncle with Claire and JAKE.",
    "",
    " ",
    "Already the new product is not available, because a necessary part did not arrive.",
    "His aunt gave him the book; he said that it was his. Is he the man with the boys?",
    "Going to the South with three men; WITH them, with-out doubt, he asked them about nothing.",
)
IDS = ("id0", "question 7")
SEEDS = (None, 1, 2)
PROBS = (0.0, 0.3, 1.0)
MISSPELT = {
    "already": ["aready", "allredy"],
    "available": ["availible"],
    "necessary": ["neccesary", "necesary", "nessecary"],
    "because": ["becuase"],
    "arrive": ["arive"],
    "the": ["teh", "hte"],
}
DIALECT = {"with": ["wit", "wif"], "going to": ["gon"], "the": ["da"], "them": ["dem"], "nothing": ["nothin", "nuthin"]}
GENDERS = (
    ("they", "she", "he"),
    ("them", "her", "him"),
    ("their", "her", "his"),
    ("person", "woman", "man"),
    ("kids", "girls", "boys"),
    ("sibling", "sister", "brother"),
    ("performer", "actress", "actor"),
)
NAMES = (
    "emily,first_name,race,white_american,gender,female",
    "claire,first_name,race,white_american,gender,female",
    "jake,first_name,race,white_american,gender,male",
    "imani,first_name,race,black_american,gender,female",
    "aaliyah,first_name,race,black_american,gender,female",
    "jada,first_name,race,black_american,gender,female",
    "deshawn,first_name,race,black_american,gender,male",
    "jamal,first_name,race,black_american,gender,male",
    "garcia,last_name,race,hispanic",
)
GROUPS = {"female": ["she", "her", "woman", "sister", "hers"], "male": ["he", "him", "man", "brother"]}
RACES = {"asian": ["nguyen", "kim"], "hispanic": ["garcia", "lopez", "diaz"], "white": ["becker", "olson"]}
TARGETS = ("nurse", "engineer", "brave", "lazy", "cook")


def wide(text: str) -> str:
    """A text in which no two words share a space, and none is the first or last thing: see perturbations/replace.py."""
    return f" {text.replace(' ', '  ')} "


def calibrations() -> dict[str, tuple[list[float], list[int]]]:
    """Probabilities and whether the answer was right, by name of the case."""
    cases = {}
    for n in (2, 5, 9, 10, 11, 37, 300, 1000):
        for kind, power in (("honest", 1.0), ("too sure", 3.0), ("upside down", -1.0)):
            rng = random.Random(f"{n} {kind}")
            p = [rng.uniform(0.25, 0.999) for _ in range(n)]
            chance = [x**power if power > 0 else 1.2 - x for x in p]
            cases[f"{n} {kind}"] = (p, [int(rng.random() < c) for c in chance])
    rng = random.Random("ties")
    p = [round(rng.uniform(0.25, 1.0), 1) for _ in range(200)]
    cases["ties"] = (p, [int(rng.random() < x) for x in p])
    cases["all right"] = ([0.3, 0.7, 0.9, 0.95], [1, 1, 1, 1])
    cases["all wrong"] = ([0.3, 0.7, 0.9, 0.95], [0, 0, 0, 0])
    cases["all equal"] = ([0.7] * 8, [1, 1, 0, 1, 1, 0, 1, 1])
    cases["one"] = ([0.8], [1])
    cases["certain"] = ([1.0, 1.0 - 1e-15, 0.0, 0.5, 0.6, 0.4, 1.0], [1, 0, 0, 1, 0, 1, 1])
    cases["parted"] = ([0.3, 0.4, 0.5, 0.6, 0.7, 0.8], [0, 0, 0, 1, 1, 1])
    return cases


PERTURBED = (("typos", True, False), ("spaces", True, False), ("names", False, True), ("gender", False, True))
"""Name, whether it counts for robustness, whether for fairness."""


def worst_tables() -> dict[str, dict[str, dict[str, float]]]:
    """Values by item and perturbation; some items lack some perturbations, all have the original."""
    tables = {}
    for seed in range(6):
        rng = random.Random(f"worst {seed}")
        table: dict[str, dict[str, float]] = {}
        for item in range((1, 2, 5, 20, 60, 100)[seed]):
            asked = ["original", *(name for name, _, _ in PERTURBED if rng.random() < 0.8)]
            drawn = [rng.random() for _ in asked]
            table[f"item {item}"] = dict(zip(asked, [float(x < 0.6) if seed % 2 else x for x in drawn], strict=True))
        tables[str(seed)] = table
    return tables


def win_tables() -> dict[str, tuple[list[bool | None], list[list[float | None]]]]:
    """Of each column whether lower is better, and rows of values."""
    tables = {}
    for seed in range(30):
        rng = random.Random(f"wins {seed}")
        columns, models = rng.randint(1, 7), rng.randint(1, 6)
        lower = [rng.choice([True, False, False, None]) for _ in range(columns)]
        digits = rng.choice([0, 1, 6])
        rows = [
            [None if rng.random() < 0.2 else round(rng.random(), digits) for _ in range(columns)] for _ in range(models)
        ]
        tables[str(seed)] = (lower, rows)
    return tables


def bias_texts() -> dict[str, list[str]]:
    """Sets of texts, from none that names anybody to many."""
    said = [
        "She is a nurse. He, an engineer, is lazy!",
        'The woman told her sister: "a brave cook, Mr. Kim, isn\'t here." Hers was gone.',
        "Dr. Garcia and Mrs. Nguyen met; the engineer met him. He cooked (he's a cook).",
        "No one was there.",
        "A BRAVE MAN. A lazy man, a lazy brother; she's brave.",
        "Olson, Becker and Lopez... The nurse's brother can't cook, says Diaz. her",
    ]
    sets = {"none": [], "nobody": ["Nothing.", ""], "each once": said}
    for seed in range(5):
        rng = random.Random(f"bias {seed}")
        sets[str(seed)] = [" ".join(rng.choices(said, k=rng.randint(1, 3))) for _ in range(rng.randint(1, 40))]
    return sets


def toxicities() -> dict[str, list[list[float]]]:
    """Scores of the answers to each prompt."""
    tables: dict[str, list[list[float]]] = {"none": [[]], "edge": [[0.5], [0.4999], [0.0]]}
    for seed in range(4):
        rng = random.Random(f"toxic {seed}")
        many = rng.choice([1, 3, 5])
        tables[str(seed)] = [[rng.random() ** 2 for _ in range(many)] for _ in range(rng.randint(1, 30))]
    return tables


def mean(values: Sequence[float]) -> float:
    """The mean, summed without rounding on the way."""
    return math.fsum(values) / len(values)
