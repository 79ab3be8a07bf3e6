"""Values of other programs' fields as a recipe has them. Each takes the value and all fields of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from heedful.convert.rules import Fields, Left

Value = Callable[[Any, Fields], Any]
# Where all the programs are built on transformers' Trainer, what it does by itself and Heedful does not.
TRAINER_DEFAULTS = {
    "warmup_steps": 0,
    "average_weights": False,
    "patience": 0,
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
}


def whole(value: Any, _: Fields) -> Any:
    """A whole number, also where it is written as 3.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Left(f"{value!r} is no whole number, and here only those are")
    return value


def steps_or_none(value: Any, fields: Fields) -> Any:
    """A number of steps; transformers writes -1 for no limit."""
    return None if value in (-1, None) else whole(value, fields)


def number(value: Any, _: Fields) -> Any:
    """A number, also where YAML took 2e-4 for text."""
    try:
        return value if isinstance(value, int | float) and not isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        raise Left(f"{value!r} is no number") from None


def yes(value: Any, _: Fields) -> Any:
    """A switch that is the same here."""
    if not isinstance(value, bool):
        raise Left(f"{value!r} is neither true nor false")
    return value


def off_only(what: str) -> Value:
    """A switch that may only be off."""

    def check(value: Any, _: Fields) -> Any:
        if value in (None, False, "", "none", 0):
            return None
        raise Left(what)

    return check


def one_of(known: Mapping[Any, Any], mend: str) -> Value:
    """A word of theirs as a word of ours."""

    def find(value: Any, _: Fields) -> Any:
        if isinstance(value, list) or value not in known:
            raise Left(f"{value!r} has no like here; {mend}")
        return known[value]

    return find


def layers(value: Any, fields: Fields) -> Any:
    """Names of layers that get adapters."""
    if isinstance(value, str) and value in ("all", "all-linear"):
        return "all-linear"
    names = value.split(",") if isinstance(value, str) else value
    if isinstance(names, list) and names and all(isinstance(n, str) and n.strip().isidentifier() for n in names):
        return ",".join(n.strip() for n in names)
    raise Left(f"{value!r} is no list of layers' names; set lora_targets")


def places(value: Any, _: Fields) -> Any:
    """Where metrics go."""
    words = [value] if isinstance(value, str) else list(value or ())
    known = [w for w in words if w in ("tensorboard", "trackio", "wandb")]
    strange = [w for w in words if w not in (*known, "none", "all")]
    if strange or "all" in words:
        raise Left(f"{(strange or words)[0]!r} is no place here; name tensorboard, trackio or wandb in track")
    return known or None


def model(value: Any, _: Fields) -> Any:
    """A hub id or a folder."""
    if not isinstance(value, str) or not value:
        raise Left("it is no name of a model; set model")
    return value


def data_file(value: str) -> str:
    """A file or folder as it is; a name that is neither is the hub's."""
    local = value.startswith((".", "/", "~")) or Path(value).exists() or Path(value).suffix in SUFFIXES
    return value if local or "/" not in value else f"hub:{value}"


SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".parquet", ".arrow", ".gz", ".zst")

SCHEDULES = one_of(
    {"linear": "linear", "cosine": "cosine", "constant": "constant", "constant_with_warmup": "constant"},
    "set schedule to linear, cosine or constant",
)
ATTENTION = one_of(
    {"flash_attention_2": "flash_attention_2", "fa2": "flash_attention_2", "sdpa": "sdpa", "eager": "eager",
     "auto": "sdpa", "disabled": "eager"},
    "set attention to sdpa, eager or flash_attention_2",
)  # fmt: skip


def share_for_validation(value: Any, _: Fields) -> Any:
    """A share of rows (0.05) or a number of them (100) as a split."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise Left("here there is always a validation part, and a test part to answer before and after; set split")
    if value >= 1:
        return f"order:val={int(value)},train=rest"
    percent = round(value * 100, 4)
    return f"{100 - percent:g}/{percent:g}/0"


def only(expected: Any, what: str) -> Value:
    """A field that may only have one value."""

    def check(value: Any, _: Fields) -> Any:
        if value in (None, expected):
            return None
        raise Left(what)

    return check


def adamw(value: Any, _: Fields) -> Any:
    """Heedful trains with AdamW, whichever code computes it."""
    if isinstance(value, str) and value.startswith(("adamw_torch", "adamw_hf", "adamw")) and "bit" not in value:
        return None
    raise Left(f"{value!r} is another optimizer; Heedful trains with AdamW")


def half(value: Any, _: Fields) -> Any:
    """A switch for 16 bits."""
    return "bf16" if value is True or value == "full" else "auto" if value == "auto" else None
