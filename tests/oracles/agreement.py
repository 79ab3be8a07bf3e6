"""Records what statsmodels, krippendorff and scikit-learn say of ratings that we drew: tests/oracles/agreement.json.

python -m venv /tmp/oracles/agreement
/tmp/oracles/agreement/bin/pip install statsmodels krippendorff scikit-learn
/tmp/oracles/agreement/bin/python tests/oracles/agreement.py
"""

import json
import math
import random
from importlib.metadata import version
from pathlib import Path

import krippendorff
import numpy as np
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa, to_table

LEVELS = ("nominal", "ordinal", "interval", "ratio")


def drawn(seed: int) -> dict:
    """Ratings of some units by some raters that agree more or less, with holes in a second table."""
    rng = random.Random(seed)
    raters, units, categories = rng.randint(2, 5), rng.randint(4, 40), rng.randint(2, 5)
    truth = [rng.randint(1, categories) for _ in range(units)]
    keep = rng.random()
    full = [[t if rng.random() < keep else rng.randint(1, categories) for _ in range(raters)] for t in truth]
    holed = [[None if rng.random() < 0.25 else v for v in unit] for unit in full]
    return {"categories": list(range(1, categories + 1)), "full": full, "holed": holed}


def judged(case: dict) -> dict:
    """The oracles' numbers for one case."""
    full, categories = np.array(case["full"]), case["categories"]
    first, second = full[:, 0], full[:, 1]
    square = to_table(full[:, :2] - 1, bins=np.arange(len(categories) + 1) - 0.5)[0]
    table = [[int((unit == c).sum()) for c in categories] for unit in full]
    holed = np.array([[np.nan if v is None else v for v in unit] for unit in case["holed"]], dtype=float).T
    out = {
        "cohen": cohens_kappa(square).kappa,
        "cohen_linear": cohen_kappa_score(first, second, labels=categories, weights="linear"),
        "cohen_quadratic": cohen_kappa_score(first, second, labels=categories, weights="quadratic"),
        "fleiss": fleiss_kappa(np.array(table)),
    }
    for level in LEVELS:
        try:
            out[f"alpha_{level}"] = krippendorff.alpha(reliability_data=holed, level_of_measurement=level)
        except ValueError:  # one value only, or no unit with two
            out[f"alpha_{level}"] = math.nan
    return {k: None if not math.isfinite(v) else round(float(v), 12) for k, v in out.items()}


if __name__ == "__main__":
    cases = [drawn(seed) for seed in range(40)]
    found = {
        "versions": {name: version(name) for name in ("statsmodels", "krippendorff", "scikit-learn")},
        "cases": [{**case, "says": judged(case)} for case in cases],
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(found) + "\n", encoding="utf-8")
