"""Under which licence the pretrained model came: its packaging says, or the front matter of its own README.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from heedful.models.names import parse_model_name
from heedful.models.packaged import MODELS
from heedful.store import RunFolder, is_run

HUB_WORDS = {"Gemma": "gemma", "Apache-2.0": "apache-2.0"}  # the hub's words for licences of packaged models


@dataclass(frozen=True)
class Base:
    """What a run began with: a name that holds on other machines, the hub's word for its licence, its terms."""

    name: str
    licence: str | None
    terms: str | None
    hub_id: str | None


def base_of(recipe: dict[str, Any], depth: int = 0) -> Base:
    """The pretrained model behind a recipe; a run that began with a run's model is followed to its beginning."""
    try:
        parsed = parse_model_name(str(recipe["model"]))
    except Exception:  # a run's folder that is gone: its name is all that is left
        return Base(Path(str(recipe["model"])).name, None, None, None)
    if parsed.kind == "run" and is_run(parsed.target) and depth < 8:
        return base_of(RunFolder(parsed.target).read_manifest()["recipe"], depth + 1)
    if parsed.kind == "pip" and parsed.target in MODELS:
        known = MODELS[parsed.target]
        return Base(str(parsed), HUB_WORDS.get(known.licence, known.licence), known.terms, None)
    here = Path(parsed.target)
    if parsed.kind != "hf" or here.exists():
        card = (here if here.is_dir() else here.parent) / "README.md"
        return Base(here.name, *_of_card(card), None)
    return Base(parsed.target, *_of_card(_cached_card(parsed.target)), parsed.target)


def _cached_card(hub_id: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub_id, "README.md")
    return Path(found) if isinstance(found, str) else None


def _of_card(card: Path | None) -> tuple[str | None, str | None]:
    """Licence and terms in a card's front matter; None where it says nothing."""
    try:
        text = card.read_text(encoding="utf-8") if card else ""
        head = text.split("\n---", 1)[0].removeprefix("---") if text.startswith("---") else ""
        values = yaml.safe_load(head)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None, None
    if not isinstance(values, dict) or not isinstance(values.get("license"), str):
        return None, None
    terms = values.get("license_link")
    return values["license"], terms if isinstance(terms, str) else None
