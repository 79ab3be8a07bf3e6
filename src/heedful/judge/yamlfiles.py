"""Prompts and rubrics as YAML files: found by name or path, read, and their fields checked with one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heedful.errors import RequestError, did_you_mean


def known_names(folder: Path) -> list[str]:
    """The names of the files that the package brings."""
    return sorted(p.stem for p in folder.glob("*.yaml"))


def find_file(name: str, folder: Path, option: str) -> Path:
    """The packaged file of that name, else the file at that path. RequestError where there is neither."""
    names = known_names(folder)
    if name in names:
        return folder / f"{name}.yaml"
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        raise RequestError(f"{option} {name}: is a folder; name a file or one of {', '.join(names)}")
    near = did_you_mean(name, names)
    raise RequestError(f"{option} '{name}'{near}: no such file; name one, or one of {', '.join(names)}")


def read_yaml(path: Path) -> Any:
    """The value of a YAML file. RequestError, with the line, where it is none."""
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as e:
        raise RequestError(f"{path}: not UTF-8 text at byte {e.start}; save it as UTF-8") from None
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = getattr(e, "problem", None) or "it cannot be parsed"
        raise RequestError(f"{path}{line}: not YAML ({problem}); mend the line") from None


class Fields:
    """The keys of a mapping, asked for one by one; what is missing or of another kind is a RequestError."""

    def __init__(self, value: Any, where: str, needed: Sequence[str]):
        self.where = where
        if not isinstance(value, Mapping):
            raise RequestError(f"{where}: is not a mapping of fields to values; it needs {', '.join(needed)}")
        self.value: Mapping[Any, Any] = value
        self.needed = needed
        for name in needed:
            if value.get(name) in (None, "", []):
                raise RequestError(f"{where}: has no '{name}'; add it")

    def refuse_others(self, optional: Sequence[str]) -> None:
        known = (*self.needed, *optional)
        for key in self.value:
            if key not in known:
                near = did_you_mean(str(key), known)
                raise RequestError(f"{self.where}: unknown field '{key}'{near}; there are {', '.join(known)}")

    def text(self, name: str) -> str:
        value = self.value.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float) or not str(value).strip():
            raise RequestError(f"{self.where}: {name} must be a text, not {value!r}")
        return str(value)

    def one_of(self, name: str, known: Sequence[str], default: str | None = None) -> Any:
        value = self.value.get(name, default)
        if value not in known:
            near = did_you_mean(str(value), known)
            raise RequestError(f"{self.where}: {name} '{value}'{near}: choose {', '.join(known)}")
        return value

    def items(self, name: str) -> list[Any]:
        value = self.value.get(name)
        if not isinstance(value, list):
            raise RequestError(f"{self.where}: {name} must be a list, not {value!r}")
        return value

    def texts(self, name: str, needed: bool = True) -> tuple[str, ...]:
        value = self.value.get(name, [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value) or (needed and not value):
            raise RequestError(f"{self.where}: {name} must be a list of texts, such as [A]; put letters in quotes")
        return tuple(value)

    def number(self, name: str) -> float:
        value = self.value.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise RequestError(f"{self.where}: {name} must be a number, not {value!r}")
        return float(value)

    def whole(self, name: str, default: int, lowest: int) -> int:
        value = self.value.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise RequestError(f"{self.where}: {name} must be a whole number from {lowest} on, not {value!r}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.value.get(name, default)
        if not isinstance(value, bool):
            raise RequestError(f"{self.where}: {name} must be true or false, not {value!r}")
        return value
