"""Records what FastChat and arena-rank say of votes that we drew: tests/oracles/ratings.json.

Each is asked in a virtual environment of its own; their declared dependencies are many, so only what the ratings need:

python -m venv /tmp/oracles/fastchat
/tmp/oracles/fastchat/bin/pip install --no-deps fschat==0.2.36
/tmp/oracles/fastchat/bin/pip install numpy scipy pandas scikit-learn tqdm pytz plotly
/tmp/oracles/fastchat/bin/python tests/oracles/ratings_record.py fastchat

python -m venv /tmp/oracles/arena-rank
/tmp/oracles/arena-rank/bin/pip install --no-deps arena-rank==0.1.1
/tmp/oracles/arena-rank/bin/pip install numpy scipy pandas jax jaxtyping optax
/tmp/oracles/arena-rank/bin/python tests/oracles/ratings_record.py arena-rank

FastChat's later code, which was never released as a package, has its ratings and the style control in one file,
fastchat/serve/monitor/rating_systems.py of https://github.com/lm-sys/FastChat (commit 0e6d3e4). Where there is a copy:

/tmp/oracles/fastchat/bin/python tests/oracles/ratings_record.py fastchat-main FOLDER-OF-RATING_SYSTEMS.PY
"""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import version
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from ratings_inputs import SETS, votes

RECORD = Path(__file__).with_name("ratings.json")


def fastchat(frame: pd.DataFrame) -> dict:
    """fschat's regularised fit and its sequential Elo."""
    for name in ("fastchat.model.model_registry", "fastchat.serve.monitor.basic_stats"):
        sys.modules.setdefault(name, types.ModuleType(name))  # they need torch, and the ratings do not need them
    sys.modules.setdefault("fastchat.model", types.ModuleType("fastchat.model"))
    sys.modules["fastchat.model.model_registry"].get_model_info = None
    sys.modules["fastchat.serve.monitor.basic_stats"].get_log_files = None
    cleaning = types.ModuleType("fastchat.serve.monitor.clean_battle_data")
    cleaning.clean_battle_data = None
    sys.modules.setdefault(cleaning.__name__, cleaning)
    from fastchat.serve.monitor.elo_analysis import compute_elo, compute_elo_mle_with_tie

    return {"ratings": dict(compute_elo_mle_with_tie(frame)), "elo": compute_elo(frame)}


def fastchat_main(frame: pd.DataFrame) -> dict:
    """The later fit without regularisation, and the one with style where there is any."""
    import rating_systems as r

    out = {"ratings": dict(r.compute_bt(frame))}
    if "conv_metadata" in frame:
        ratings, coefficients = r.compute_style_control(frame)
        out["style"] = {"ratings": dict(ratings), "coefficients": list(coefficients)}
    return out


def arena_rank(frame: pd.DataFrame) -> dict:
    """arena-rank's fit with sandwich intervals, and the one with style where there is any."""
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.models.contextual_bradley_terry import ContextualBradleyTerry
    from arena_rank.utils.data_utils import ContextualPairDataset, PairDataset

    data = PairDataset.from_pandas(frame)
    out = _with_bounds(BradleyTerry(len(data.competitors)).compute_ratings_and_cis(data))
    if "conv_metadata" in frame:
        features = []
        for name in ("sum_assistant_{}_tokens", "header_count_{}", "list_count_{}", "bold_count_{}"):
            a, b = (frame.conv_metadata.map(lambda m, n=name, s=s: m[n.format(s)]).astype(float) for s in "ab")
            features.append(name.format("x"))
            frame[features[-1]] = ((a - b) / (a + b)).fillna(0.0)  # as in the package's example
        data = ContextualPairDataset.from_pandas(frame, feature_cols=features)
        model = ContextualBradleyTerry(len(data.competitors), len(features))
        found = model.compute_ratings_and_cis(data)
        out["style"] = _with_bounds(found) | {"coefficients": [float(v) for v in found["coeffs"]]}
    return out


def _with_bounds(found: dict) -> dict:
    columns = {"ratings": "ratings", "lower": "rating_lower", "upper": "rating_upper"}
    return {
        name: {m: float(v) for m, v in zip(found["competitors"], found[column], strict=True)}
        for name, column in columns.items()
    }


def _rounded(value):
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in sorted(value.items())}
    return [_rounded(v) for v in value] if isinstance(value, list) else round(float(value), 6)


if __name__ == "__main__":
    who = sys.argv[1]
    if who == "fastchat-main":
        sys.path.insert(0, sys.argv[2])
    ask = {"fastchat": fastchat, "fastchat-main": fastchat_main, "arena-rank": arena_rank}[who]
    packages = {"fastchat": "fschat scikit-learn", "fastchat-main": "scipy", "arena-rank": "arena-rank jax optax"}[who]
    record = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    says = {name: _rounded(ask(pd.DataFrame(votes(name)))) for name in SETS}
    record[who] = {"versions": {p: version(p) for p in packages.split()}, "says": says}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
