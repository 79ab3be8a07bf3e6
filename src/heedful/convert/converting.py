"""A configuration of another program, recognised by its keys, as a checked recipe; what became of every field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from heedful.convert.axolotl import AXOLOTL
from heedful.convert.llama_factory import LLAMA_FACTORY
from heedful.convert.rules import Left, Program, Rule
from heedful.convert.trl import TRL
from heedful.errors import DataError, RecipeError, RequestError
from heedful.train.recipe import Recipe, make_recipe

PROGRAMS = {"axolotl": AXOLOTL, "llama-factory": LLAMA_FACTORY, "trl": TRL}
Kind = Literal["carried", "changed", "needless", "left"]
LARGEST = 1 << 20  # bytes of a configuration


@dataclass(frozen=True)
class Line:
    """What became of one field: carried over, carried over with another meaning, not needed, or left."""

    theirs: str
    kind: Kind
    ours: str | None
    value: Any
    note: str


@dataclass(frozen=True)
class Converted:
    """A recipe's fields in the recipe's order, checked; `assumed` are those that the program takes by default."""

    path: str
    program: str
    values: dict[str, Any]
    assumed: tuple[str, ...]
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]

    def of(self, kind: str) -> list[Line]:
        return [line for line in self.lines if line.kind == kind]

    def to_json(self) -> dict[str, Any]:
        lines = [{"theirs": x.theirs, "became": x.kind, "ours": x.ours, "note": x.note or None} for x in self.lines]
        return {
            "schema": "heedful.converted/1", "file": self.path, "program": self.program, "recipe": self.values,
            "assumed": list(self.assumed), "fields": lines, "warnings": list(self.warnings),
        }  # fmt: skip


def convert_file(path: Path, program: str | None = None) -> Converted:
    """Read a configuration; DataError where it cannot be read, RequestError where it is of no known program."""
    fields, places = _read(path)
    found = PROGRAMS[program] if program else _recognise(path, fields)
    prepared = found.prepare(fields)
    lines, values = [], {}
    for name, value in prepared.items():
        line = _convert(found.by_name.get(name), name, value, prepared)
        lines.append(line)
        if line.ours and line.kind in ("carried", "changed") and line.value is not None:
            values[line.ours] = line.value
    lines, warnings = [x for x in lines if x.theirs in places or "." in x.theirs or x.kind != "needless"], []
    values["batch_size"], said = _rows_a_step(found, prepared)
    warnings += [said, *found.warn(prepared)]
    assumed = {k: v for k, v in found.defaults.items() if k not in values and _fits(k, values)}
    merged = {**assumed, **values}
    ordered = {name: merged[name] for name in Recipe.model_fields if name in merged}
    try:
        make_recipe(ordered)
    except RecipeError as e:
        raise RecipeError([f"{path}, as a recipe: {m}" for m in e.mistakes]) from None
    if "data" not in values:
        warnings.append("no data was found: name files with data before you train")
    return Converted(str(path), found.name, ordered, tuple(assumed), tuple(lines), tuple(warnings))


def _convert(rule: Rule | None, name: str, value: Any, fields: Mapping[str, Any]) -> Line:
    if rule is None:
        return Line(name, "left", None, None, "no field of that name is known here")
    if rule.ours is None and rule.harmless:
        return Line(name, "needless", None, None, rule.note)
    try:
        ours = rule.value(value, fields)
    except Left as e:
        return Line(name, "left", None, None, str(e))
    if rule.ours is None:
        if not rule.note:  # a switch that is off, or says what Heedful does anyway
            return Line(name, "needless", None, None, "it is so here, too")
        silent = value in (None, False, "", [])
        return Line(name, "needless" if silent else "left", None, None, rule.note)
    note = "" if rule.noted_for and value not in rule.noted_for else rule.note
    return Line(name, "changed" if note else "carried", rule.ours, ours, note)


def _rows_a_step(program: Program, fields: Mapping[str, Any]) -> tuple[int, str]:
    """The effective batch size on one device, and the sentence that says what it is on several."""
    counts = []
    for name, default in program.batch:
        value = fields.get(name, default)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise RequestError(f"{name}: {value!r} is no number of rows or passes; mend it")
        counts.append(value)
    (rows, _), (passes, _) = program.batch
    return counts[0] * counts[1], (
        f"batch_size {counts[0] * counts[1]} = {rows} {counts[0]} x {passes} {counts[1]}, on one device; "
        f"{program.name} on N devices took N times as many rows a step: multiply it"
    )


def _fits(name: str, values: Mapping[str, Any]) -> bool:
    """Defaults of adapters are of no use where all weights are trained."""
    return not name.startswith("lora_") or values.get("tuning") != "full"


def _recognise(path: Path, fields: Mapping[str, Any]) -> Program:
    scores = {key: sum(s in fields for s in p.signs) for key, p in PROGRAMS.items()}
    best = max(scores.values())
    winners = [key for key, score in scores.items() if score == best]
    if best == 0:
        raise RequestError(
            f"{path}: no field of Axolotl, LLaMA-Factory or TRL in it; if it is of one of them, name it with --from"
        )
    if len(winners) > 1:
        raise RequestError(f"{path}: it could be of {' or '.join(winners)}; say which with --from")
    return PROGRAMS[winners[0]]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """The fields of a file in its order, and the line of each."""
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path}: larger than a configuration can be; name the file with the settings")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder; name the file with the settings") from None
    except UnicodeDecodeError as e:
        raise DataError(f"{path}: not UTF-8 text at byte {e.start}; save it as UTF-8") from None
    try:
        value = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except json.JSONDecodeError as e:
        raise DataError(f"{path}:{e.lineno}: broken JSON ({e.msg}); mend that line") from None
    except yaml.MarkedYAMLError as e:
        line = f":{e.problem_mark.line + 1}" if e.problem_mark else ""
        raise DataError(f"{path}{line}: not valid YAML ({e.problem}); mend that line") from None
    except (yaml.YAMLError, RecursionError) as e:
        raise DataError(f"{path}: not valid YAML ({type(e).__name__}); mend it") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: it is empty, or no list of 'key: value' lines; name the file with the settings")
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return {str(k): v for k, v in value.items()}, {str(k.value): k.start_mark.line + 1 for k, _ in pairs}


def recipe_text(found: Converted) -> str:
    """The recipe as YAML: the fields that were found, those that the other program takes by default, what was left."""
    lines = [f"# A recipe of Heedful, made of {found.program}'s {Path(found.path).name}."]
    lines.append("# Look at what it makes of a row (heedful data show), then: heedful train THIS-FILE --out RUN")
    for x in found.of("left"):
        lines.append(f"# Left: {_one_line(x.theirs)}: {_one_line(x.note)}")
    for said in found.warnings:
        lines.append(f"# {_one_line(said)}")
    for name, value in found.values.items():
        written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
        by = f"  # {found.program}'s default" if name in found.assumed else ""
        lines.append(f"{name}: {written.removesuffix(chr(10)).removesuffix('...').strip()}{by}")
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(str(text).split())
