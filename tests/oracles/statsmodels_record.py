"""Record what statsmodels says on inputs made here: `python tests/oracles/statsmodels_record.py`, in an environment
of its own (`python -m venv V && V/bin/pip install statsmodels`). The fast tests compare with statsmodels.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

RECORD = Path(__file__).with_name("statsmodels.json")


def clustered(seed: int, n: int, groups: int) -> dict[str, Any]:
    """The clustered standard error of a mean, with and without the small-sample factor, from a regression on 1."""
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, groups, n)
    values = np.round(rng.normal(0, 1, groups)[clusters] + rng.normal(0, 1, n), 6)
    fit = sm.OLS(values, np.ones(n))
    errors = [
        float(fit.fit(cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": c}).bse[0])
        for c in (True, False)
    ]
    return {"values": values.tolist(), "clusters": clusters.tolist(), "corrected": errors[0], "plain": errors[1]}


def detectable(seed: int, n: int, level: float, power: float) -> dict[str, Any]:
    """The smallest mean that a t test of so many differences finds, in their unit."""
    differences = np.round(np.random.default_rng(seed).normal(0.1, 0.4, n), 6)
    effect = TTestPower().solve_power(nobs=n, alpha=1 - level, power=power, alternative="two-sided")
    found = float(effect * differences.std(ddof=1))
    return {"differences": differences.tolist(), "level": level, "power": power, "detectable": found}


def main() -> None:
    """Write the record."""
    p_values = [0.001, 0.04, 0.012, 0.2, 0.03, 0.03, 0.9]
    record = {
        "versions": {"statsmodels": statsmodels.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
        "clustered": [clustered(1, 40, 8), clustered(2, 200, 25), clustered(3, 12, 12)],
        "mcnemar": [
            {"lost": b, "gained": c, "p": float(mcnemar([[10, b], [c, 5]], exact=True).pvalue)}
            for b, c in ((0, 5), (3, 12), (40, 21), (7, 7))
        ],
        "holm": {"p": p_values, "adjusted": multipletests(p_values, method="holm")[1].tolist()},
        "detectable": [detectable(4, 20, 0.95, 0.8), detectable(5, 110, 0.99, 0.8), detectable(6, 500, 0.95, 0.9)],
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
