"""A registry of OpenAI Evals: a folder with ``evals/*.yaml``, ``eval_sets/*.yaml``, ``modelgraded/*.yaml``,
``completion_fns/*.yaml``, ``data/``.

    test-match:                      a base name: its `id` is the eval that is meant
      id: test-match.s1.simple-v0
      metrics: [accuracy]
    test-match.s1.simple-v0:         an eval: base, split, version
      class: evals.elsuite.basic.match:Match
      args: {samples_jsonl: test_match/samples.jsonl}

Files are read by YAML's safe loader. Whatever order a file system has its files in, here they come sorted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from heedful.errors import DataError, RequestError, did_you_mean

PREFIX = "evals:"
_RESERVED = ("key", "group", "cls")


@dataclass(frozen=True)
class EvalSpec:
    """An eval as the registry has it: its full name, the class that it names, that class's arguments."""

    key: str
    cls: str
    args: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""

    @property
    def task(self) -> str:
        """The name in results.json and on the command line."""
        return f"{PREFIX}{self.key}"


class Registry:
    """A registry's folder. Nothing is read before it is asked for; DataError where a file is broken."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if not (self.folder / "evals").is_dir():
            what = "has no folder 'evals'" if self.folder.is_dir() else "no such folder"
            raise RequestError(
                f"--registry {folder}: {what}; name a registry of OpenAI Evals, such as evals/registry of its package"
            )

    @cached_property
    def evals(self) -> Mapping[str, Any]:
        return self._read("evals")

    @cached_property
    def sets(self) -> Mapping[str, Any]:
        return self._read("eval_sets")

    @cached_property
    def graded(self) -> Mapping[str, Any]:
        """The specs of model-graded evals, by name."""
        return self._read("modelgraded")

    @cached_property
    def completion_fns(self) -> Mapping[str, Any]:
        return self._read("completion_fns")

    @cached_property
    def solvers(self) -> Mapping[str, Any]:
        """The package's solvers by name, which are never run."""
        return self._read("solvers")

    def named(self, text: str) -> list[EvalSpec]:
        """The evals of a name, of a set's name, or of a pattern (``test-*``), each once, in the registry's order."""
        if text in self.evals:
            return [self.spec(text)]
        if text in self.sets:
            patterns = _set_patterns(text, self.sets[text])
            found = list(self._matching(patterns))
            if not found:
                raise RequestError(f"task {PREFIX}{text}: none of the set's evals is in {self.folder}; mend the set")
            return found
        if "*" in text:
            if found := list(self._matching([text])):
                return found
            raise RequestError(f"task {PREFIX}{text}: no eval of {self.folder} has such a name; try a wider pattern")
        near = did_you_mean(text, [*self.evals, *self.sets])
        raise RequestError(f"task {PREFIX}{text}{near}: {self.folder} has no eval and no set of this name")

    def _matching(self, patterns: list[str]) -> Iterator[EvalSpec]:
        """A star stands for any text; that of a base name is its `id`'s eval, which comes once."""
        tests = [re.compile(".*".join(map(re.escape, p.split("*")))) for p in patterns]
        seen: set[str] = set()
        for name in self.evals:
            if any(t.fullmatch(name) for t in tests):
                spec = self.spec(name)
                if spec.key not in seen:
                    seen.add(spec.key)
                    yield spec

    def spec(self, name: str) -> EvalSpec:
        """The eval of a name, through as many ``id``s as there are."""
        value = self._resolve("eval", self.evals, name)
        if not isinstance(value.get("class"), str):
            raise DataError(f"{value['_where']}: eval {value['_name']} names no 'class'; add it, or an 'id'")
        args = value.get("args") or {}
        if not isinstance(args, dict):
            raise DataError(f"{value['_where']}: the 'args' of {value['_name']} are no mapping; write name: value")
        return EvalSpec(value["_name"], value["class"], args, Path(value["_where"]).stem)

    def completion_spec(self, name: str) -> Mapping[str, Any]:
        """The completion function of a name, through as many ``id``s as there are."""
        value = self._resolve("completion function", self.completion_fns, name)
        if not isinstance(value.get("class"), str):
            raise DataError(f"{value['_where']}: {value['_name']} names no 'class'; add it, or an 'id'")
        return value

    def _resolve(self, what: str, entries: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        seen: list[str] = []
        while name in entries and name not in seen:
            seen.append(name)
            value = entries[name]
            if "id" not in value:
                return value
            name = value["id"]
        why = "leads back to itself" if name in seen else f"leads to '{name}', which is nowhere"
        raise DataError(f"{what} {seen[0]} of {self.folder}: its id {why}; mend the id")

    def grading(self, name: Any) -> Mapping[str, Any]:
        """The model-graded spec of a name."""
        if name not in self.graded:
            near = did_you_mean(str(name), list(self.graded))
            raise DataError(f"{self.folder}/modelgraded: has no spec '{name}'{near}; name one that is there")
        return self.graded[name]

    def _read(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for path in sorted((self.folder / kind).glob("*.yaml")):
            value = _yaml(path)
            for name, entry in value.items() if isinstance(value, dict) else ():
                if isinstance(entry, str):
                    entry = {"id": entry}
                if not isinstance(entry, dict) or not isinstance(name, str):
                    raise DataError(f"{path}: entry {name!r} is no mapping; write name: and its fields below")
                if name in found:
                    raise DataError(f"{path}: {name} stands in {found[name]['_where']}, too; keep one of them")
                if reserved := next((r for r in _RESERVED if r in entry), None):
                    raise DataError(f"{path}: {name} has a field '{reserved}', which the owner keeps; rename it")
                found[name] = {**entry, "_name": name, "_where": str(path)}
        return found


def _set_patterns(name: str, value: Mapping[str, Any]) -> list[str]:
    patterns = value.get("evals")
    if not isinstance(patterns, list) or not all(isinstance(p, str) for p in patterns):
        raise DataError(f"{value['_where']}: set {name} has no list 'evals' of names; add it")
    return patterns


def _yaml(path: Path) -> Any:
    """A YAML file by the safe loader (libyaml's where it is there); DataError with the line where it is none."""
    import yaml

    try:
        return yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except UnicodeDecodeError as e:
        raise DataError(f"{path}: not UTF-8 text at byte {e.start}; save it as UTF-8") from None
    except (yaml.YAMLError, RecursionError) as e:
        mark = getattr(e, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise DataError(f"{path}{line}: not YAML ({getattr(e, 'problem', None) or 'too deep'}); mend it") from None
