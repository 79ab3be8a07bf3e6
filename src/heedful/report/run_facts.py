"""What was run, in the few lines that a paper or a model card needs: from the manifest, for report.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from heedful.report.numbers import count_text


def run_facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of what and which; what the manifest does not have is left out."""
    return [(name, text) for name, text in _facts(manifest) if text]


def _facts(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    model, data = (_mapping(manifest.get(key)) for key in ("model", "data"))
    recipe = {**_mapping(manifest.get("recipe")), **_mapping(manifest.get("resolved"))}
    template, outcome = _mapping(manifest.get("template")), _mapping(manifest.get("outcome"))
    yield "model", _join(model.get("name"), _of(model.get("parameters"), "{} parameters"), _hash(model))
    for file in data.get("files") or ():
        yield "data", _join(file.get("path"), _of(file.get("rows"), "{} rows"), _hash(file))
    for part, rows in _mapping(data.get("splits")).items():
        yield f"{part} rows", _join(_of(_mapping(rows).get("rows"), "{}"), _hash(_mapping(rows)))
    yield "split", _join(recipe.get("split"), _limit(recipe))
    yield "template", _join(template.get("name"), _of(template.get("stop_token"), "stop token {}"), _hash(template))
    yield "tuning", _tuning(recipe, model)
    yield "steps", _steps(recipe, outcome)
    seed = manifest.get("seed")
    yield "seed", "" if seed is None else str(seed)
    yield "answers", _of(recipe.get("max_new_tokens"), "greedy, at most {} new tokens")
    versions = _mapping(manifest.get("versions"))
    yield "made with", ", ".join(f"{name.replace('_', ' ')} {version}" for name, version in versions.items())
    machine = _mapping(manifest.get("machine"))
    yield "machine", _join(machine.get("cpu"), *(_said(machine, k) for k in ("threads", "device", "precision")))
    yield "again", again_text(manifest.get("again_of"))
    yield "command", str(manifest.get("command") or "")


def _tuning(recipe: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    how = recipe.get("tuning")
    rank = [_of(recipe.get(f"lora_{key}"), key + " {}") for key in ("rank", "alpha")] if how == "lora" else []
    trained = _of(model.get("trainable_parameters"), "{} trained parameters")
    rate = _of(recipe.get("learning_rate"), "learning rate {}")
    schedule = _of(recipe.get("schedule"), "{} schedule"), _of(recipe.get("warmup_steps"), "{} warm-up steps")
    averaged = "weights averaged" if recipe.get("average_weights") is True else ""
    return _join(how, *rank, trained, rate, *schedule, averaged, _of(recipe.get("train_on"), "trained on {}"))


def _steps(recipe: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    steps, best = outcome.get("steps"), outcome.get("best_step")
    if steps is None:
        return ""
    rows = _of(recipe.get("batch_size"), " of {} rows")
    kept = f"the weights of step {count_text(best)} kept" if best is not None else ""
    return _join(f"{count_text(steps)}{rows}", _of(outcome.get("epochs"), "{} epochs"), kept)


def again_text(earlier: Any) -> str:
    """Whether a run that repeats another is the same; empty where it repeats none."""
    earlier = _mapping(earlier)
    if not earlier:
        return ""
    equal = earlier.get("weights_equal")
    weights = {True: "the trained weights are equal, bit for bit", False: "the trained weights are not equal"}
    told = earlier.get("differences")
    changed = "nothing else than it was" if told == [] else "; ".join(told or ())
    return _join(f"of {earlier.get('run')}", changed, weights.get(equal))


def _limit(recipe: Mapping[str, Any]) -> str:
    return _of(recipe.get("limit"), "of the first {} rows")


def _said(machine: Mapping[str, Any], key: str) -> str:
    value = machine.get(key)
    return "" if value is None else f"{value} {key}" if key == "threads" else str(value)


def _of(value: Any, text: str) -> str:
    """The text with the value in it, empty where there is none."""
    if value is None or value == "":
        return ""
    return text.format(count_text(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def _hash(part: Mapping[str, Any]) -> str:
    return _of(part.get("sha256"), "SHA-256 {}")


def _join(*parts: Any) -> str:
    return ", ".join(str(part) for part in parts if part not in (None, ""))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
