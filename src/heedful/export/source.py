"""What a run has to export, and the questions that the model and its copy are asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.errors import ModelError, RequestError
from heedful.models.names import parse_model_name
from heedful.records import Example, from_json
from heedful.store import RunFolder, read_json, read_jsonl


@dataclass(frozen=True)
class Source:
    """A finished run: its folder, its manifest, its model's configuration, and the questions of the comparison.

    `part` says which part of the split the questions are from.
    """

    run: RunFolder
    manifest: dict[str, Any]
    config: dict[str, Any]
    questions: tuple[Example, ...]
    part: str

    @property
    def name(self) -> str:
        return str(self.manifest.get("name") or self.run.path.resolve().name)

    @property
    def recipe(self) -> dict[str, Any]:
        return self.manifest["recipe"]

    @property
    def report(self) -> dict[str, Any]:
        """The run's report.json; empty where it was not written."""
        path = self.run.report("json")
        return read_json(path) if path.is_file() else {}


def read_source(name: str, questions: int) -> Source:
    """Read a run by its name, ``DIR`` or ``run:DIR``; ModelError or RunError where it has no model to export."""
    parsed = parse_model_name(name if ":" in name or not Path(name).is_dir() else f"run:{name}")
    if parsed.kind != "run":
        raise RequestError(f"'{name}': only a run is exported; name a folder that `heedful train` wrote")
    if parsed.detail:
        raise RequestError(
            f"'{name}': the best model of a run is exported, not '@{parsed.detail}'; write run:{parsed.target}"
        )
    run = RunFolder(parsed.target)
    manifest = run.read_manifest()
    if not (run.model / "config.json").is_file():
        raise ModelError(
            f"{run.path}: the run has no model yet; finish it with `heedful train --resume --out {run.path}`"
        )
    for part in ("test", "val", "train"):
        rows = read_jsonl(run.split(part))
        if rows:
            some = tuple(from_json(Example, v, f"{run.split(part)}:{n}") for n, v in enumerate(rows[:questions], 1))
            return Source(run, manifest, read_json(run.model / "config.json"), some, part)
    raise ModelError(f"{run.path}/splits: no rows to compare the model and its copy on; restore the folder")
