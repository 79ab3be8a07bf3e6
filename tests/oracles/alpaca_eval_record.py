"""Record what alpaca_eval says to the inputs of `tests/oracles/alpaca_eval_inputs.py`: tests/oracles/alpaca_eval.json.

    python -m venv /tmp/oracles/alpaca-eval && /tmp/oracles/alpaca-eval/bin/pip install alpaca-eval
    /tmp/oracles/alpaca-eval/bin/python tests/oracles/alpaca_eval_record.py

Nothing is downloaded: where alpaca_eval would fetch its table from the hub, it is given the made one; where it would
ask OpenAI, the made judge answers.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import math
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import alpaca_eval_inputs as made  # noqa: E402  # pyright: ignore[reportMissingImports]

RECORD = HERE / "alpaca_eval.json"


def plain(value: Any) -> Any:
    """A figure as JSON; NaN is null."""
    if value is None:
        return None
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value


def figures(metrics: Any, pd: Any) -> dict[str, Any]:
    """`get_winrate` of each list of preferences, read from a file as `alpaca_eval` reads its own."""
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, preferences in made.PREFERENCES.items():
            path = Path(folder) / "annotations.json"
            path.write_text(json.dumps([{"instruction": f"i{k}", "preference": p} for k, p in enumerate(preferences)]))
            found = metrics.get_winrate(pd.read_json(path, dtype={"preference": float}))
            out[name] = {k: plain(v) for k, v in found.items()}
    return out


def length_controlled(metrics: Any, pd: Any) -> dict[str, Any]:
    """`get_length_controlled_winrate` of each pair of annotations and table, or the error it ends with."""
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, table in made.PAIRS:
            path = made.write_table(Path(folder), table)
            metrics.glm_winrate.hf_hub_download = lambda path=path, **_: str(path)
            found = metrics.get_length_controlled_winrate(
                pd.read_json(made.write_annotations(Path(folder), name)), save_weights_dir=None
            )
            out[f"{name} / {table}"] = {k: plain(v) for k, v in found.items()}
    return out


def annotated() -> dict[str, Any]:
    """What each made configuration makes of the pairs: the prompts as messages and the preferences."""
    import yaml
    from alpaca_eval.annotators import base, pairwise_evaluator

    out: dict[str, Any] = {}
    for name, config in made.CONFIGS.items():
        asked: list[dict[str, Any]] = []

        def answer(prompts: list[str], name: str = name, asked: list[Any] = asked, **_: Any) -> dict[str, list[Any]]:
            from alpaca_eval import utils

            completions: dict[str, list[Any]] = {"completions": [], "completions_all": []}
            for prompt in prompts:
                messages = utils.prompt_to_chatml(prompt.strip())
                said, odds = made.said_by(name, json.dumps(messages))
                asked.append({"messages": messages, "text": said, "odds": odds})
                content = [{"top_logprobs": [{"token": t, "logprob": p} for t, p in place]} for place in odds or []]
                completions["completions"].append(said)
                completions["completions_all"].append({"text": said, "logprobs": {"content": content}})
            return completions

        base.get_fn_completions = lambda _, answer=answer: answer
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / name
            home.mkdir()
            (home / "prompt.txt").write_text(config["prompt"], encoding="utf-8")
            given = {k: v for k, v in config.items() if k != "prompt"} | {"prompt_template": f"{name}/prompt.txt"}
            (home / "configs.yaml").write_text(yaml.safe_dump({name: given}), encoding="utf-8")
            annotator = pairwise_evaluator.PairwiseAnnotator(annotators_config=home / "configs.yaml", caching_path=None)
            found = annotator.annotate_pairs(made.pairs())
        preferences = {row["instruction"]: plain(row["preference"]) for row in found}
        out[name] = {
            "preferences": [preferences[p["instruction"]] for p in made.pairs()],
            "asked": {json.dumps(a["messages"]): {"text": a["text"], "odds": a["odds"]} for a in asked},
        }
    return out


def handed_on() -> list[dict[str, Any]]:
    """What alpaca_eval makes of two files of outputs that bear Heedful's ids: the columns of its annotations."""
    from alpaca_eval.annotators import base, pairwise_evaluator

    base.get_fn_completions = lambda _: lambda prompts, **_: {"completions": ["Output (b)"] * len(prompts)}
    rows = json.loads((HERE / "alpaca_eval_outputs.json").read_text(encoding="utf-8"))
    annotator = pairwise_evaluator.PairwiseAnnotator(annotators_config="test", caching_path=None)
    found = annotator.annotate_head2head(outputs_1=rows["first"], outputs_2=rows["second"])
    dropped = ("time_per_example", "price_per_example", "date", "version", "preference_date", "preference_version")
    return [{k: plain(v) for k, v in row.items() if k not in dropped} for row in found]


def main() -> None:
    """Write the record."""
    warnings.simplefilter("ignore")
    import alpaca_eval.metrics as metrics
    import pandas as pd

    logging.disable(logging.CRITICAL)
    names = ("alpaca-eval", "scikit-learn", "pandas", "numpy", "patsy")
    record = {
        "versions": {name: importlib.metadata.version(name) for name in names},
        "figures": figures(metrics, pd),
        "length_controlled": length_controlled(metrics, pd),
        "annotated": annotated(),
        "handed_on": handed_on(),
    }
    RECORD.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"written: {RECORD}")


if __name__ == "__main__":
    main()
