"""The model card, README.md: what it is, from which data and recipe, what was measured, under which licence.

Numbers are those of the run's report.json. Paths of this machine stay out of it: files are named and hashed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from heedful.export.licence import Base, base_of
from heedful.export.source import Source
from heedful.export.verify import Check
from heedful.train.recipe import make_recipe

NOT_IN_CARDS = ("against", "track", "device", "trust_remote_code")  # of the machine, not of the model

_SHARES_OR_ID = re.compile(r"[\d./%\s]+|(?:hf:)?[\w-][\w.-]*/[\w-][\w.-]*")
_FILE = re.compile(r"\.(jsonl?|csv|tsv|parquet|arrow|gz|zst|jinja2?|j2|gguf)$")


def model_card(source: Source, form: str, use: str, checks: Sequence[Check], notes: Sequence[str]) -> str:
    """README.md as the hub reads it: front matter, then Markdown. `use` is Markdown on how this form is loaded."""
    base = base_of(source.recipe)
    parts = [
        _front_matter(base, form),
        f"# {inline(source.name)}",
        f"{_what(source, base)}",
        f"## How to use it\n\n{use}\n\n{_asking(source.manifest)}",
        f"## Results\n\n{_results(source)}",
        f"## Data\n\n{_data(source.manifest)}",
        f"## Recipe\n\n```yaml\n{_recipe(source.recipe)}```",
        "## This export\n\n" + "\n".join(f"- {inline(line)}" for line in (*[c.sentence for c in checks], *notes)),
        f"## Licence\n\n{_licence(base)}",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(base: Base, form: str) -> str:
    library = {"adapter": "peft", "gguf": "gguf", "ollama": "gguf"}.get(form, "transformers")
    values: dict[str, Any] = {"library_name": library, "pipeline_tag": "text-generation", "tags": ["heedful"]}
    if base.licence:
        values["license"] = base.licence
    if base.hub_id:
        values["base_model"] = base.hub_id
    return f"---\n{yaml.safe_dump(values, sort_keys=True, allow_unicode=True)}---"


def _what(source: Source, base: Base) -> str:
    how = "its weights were all trained" if source.recipe["tuning"] == "full" else "LoRA"
    notes = [inline(n[:1].upper() + n[1:]) + "." for n in (source.manifest.get("model") or {}).get("notes", ())]
    version = inline(str(source.manifest.get("heedful", "")))
    head = f"`{_code(base.name)}`, fine-tuned to follow instructions ({how}) by Heedful {version}."
    return " ".join([head, *notes])


def _asking(manifest: Mapping[str, Any]) -> str:
    template = manifest["template"]
    return (
        f"It was trained with the template `{_code(str(template['name']))}` "
        f"(SHA-256 `{str(template['sha256'])[:16]}…`), which is inside, and ends an answer with "
        f"`{_code(str(template['stop_token']))}`. Asked in another way it answers worse."
    )


def _results(source: Source) -> str:
    outcome = source.manifest.get("outcome") or {}
    lines = []
    if outcome.get("best_val_loss") is not None:
        lines.append(
            f"Validation loss {_number(outcome.get('first_val_loss'))} before and {_number(outcome['best_val_loss'])} "
            f"at step {outcome.get('best_step')} of {outcome.get('steps')}, whose weights these are."
        )
    if outcome.get("test_loss_after") is not None:
        before, after = _number(outcome.get("test_loss_before")), _number(outcome["test_loss_after"])
        lines.append(f"Loss on the test rows {before} before, {after} after.")
    report = source.report
    sentence = (report.get("verdict") or {}).get("sentence")
    if sentence:
        lines.append(inline(str(sentence)))
    rows = [_row(m) for m in (report.get("metrics") or {}).values() if m.get("before") or m.get("after")]
    text = " ".join(lines) or "The run has no results yet."
    if rows:
        head = "| on the test questions | before | after | difference [95% interval] | n |\n|---|---|---|---|---|\n"
        text += f"\n\n{head}" + "\n".join(rows)
    return text


def _row(m: Mapping[str, Any]) -> str:
    before, after = ((m.get(side) or {}).get("estimate") for side in ("before", "after"))
    d = m.get("difference") or {}
    interval = (
        f"{_signed(d['estimate'])} [{_signed(d['low'])}, {_signed(d['high'])}]" if d.get("low") is not None else "–"
    )
    return f"| {inline(str(m['label']))} | {_number(before)} | {_number(after)} | {interval} | {m.get('n') or '–'} |"


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "–"


def _signed(value: Any) -> str:
    return f"{value:+.3f}" if isinstance(value, int | float) else "–"


def _data(manifest: Mapping[str, Any]) -> str:
    data = manifest.get("data") or {}
    lines = ["| file or part | rows | SHA-256 |", "|---|---|---|"]
    for f in data.get("files") or ():
        lines.append(f"| {inline(Path(str(f.get('path'))).name)} | {f.get('rows')} | `{f.get('sha256') or '–'}` |")
    for part, v in (data.get("splits") or {}).items():
        lines.append(f"| {part}, as records | {v.get('rows')} | `{v.get('sha256')}` |")
    return "\n".join(lines)


def _recipe(recipe: Mapping[str, Any]) -> str:
    """The fields that differ from the defaults; of paths the names alone."""
    default = make_recipe({}).to_json()
    told = {
        k: v for k, v in recipe.items() if k not in NOT_IN_CARDS and (k in ("model", "seed") or v != default.get(k))
    }
    told = {k: [_name(x) for x in v] if isinstance(v, list) else _name(v) for k, v in told.items()}
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=10_000)


def _name(value: Any) -> Any:
    """A value without folders of this machine; a hub id keeps its owner, a split its shares."""
    if not isinstance(value, str) or "/" not in value or value.startswith("hub:"):
        return value
    if _SHARES_OR_ID.fullmatch(value) and not _FILE.search(value):
        return value
    return re.sub(r"(^|[=,:])\s*[^=,:]*/(?=[^/,:]*(?:[,:]|$))", r"\1", value.rstrip("/"))


def _licence(base: Base) -> str:
    where = f" ({base.terms})" if base.terms else ""
    if base.licence:
        return (
            f"The base came under the licence `{_code(base.licence)}`{where}, which holds for these weights, too. "
            "The licence of the data is not known to the program that wrote this: add it."
        )
    return (
        f"The licence of `{_code(base.name)}` is not known here: it binds these weights, too. Look it up and write it "
        "here and into `license:` above before you pass them on; and the licence of the data."
    )


def inline(text: str) -> str:
    """Text in a line of Markdown: nothing in it is markup, and it stays on its line."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Text between back-ticks."""
    return " ".join(text.replace("`", "'").split())
