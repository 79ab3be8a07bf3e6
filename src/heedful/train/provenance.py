"""What a run was made with, and whether one that is made again has the same.

A recipe that lies in a run's folder (``RUN/recipe.yaml``) repeats that run. The new run's manifest then has `again_of`:
what the earlier run had, what differs here, and in the end whether the trained weights are equal.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any
from urllib.parse import unquote, urlsplit

from heedful.errors import DataError
from heedful.records import Example, hash_of, to_json
from heedful.store import RunFolder, read_json
from heedful.train.recipe import Recipe

PACKAGES = ("heedful", "torch", "transformers", "peft", "accelerate", "tokenizers")


def versions() -> dict[str, str]:
    """Of Python and of the libraries that numbers depend on; the commit where Heedful runs from its repository."""
    out = {"python": python_version(), **{package: package_version(package) for package in PACKAGES}}
    commit = source_commit()
    return out | ({"heedful_commit": commit} if commit else {})


@functools.cache
def package_version(package: str) -> str:
    """The version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


@functools.cache
def source_commit() -> str | None:
    """The commit that Heedful was installed from, by pip from a repository or as an editable checkout; else None."""
    try:
        origin = json.loads(Distribution.from_name("heedful").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    if commit := (origin.get("vcs_info") or {}).get("commit_id"):
        return str(commit)
    place = urlsplit(str(origin.get("url", "")))
    editable = (origin.get("dir_info") or {}).get("editable")
    return _head_of(Path(unquote(place.path)) / ".git") if editable and place.scheme == "file" else None


def _head_of(git: Path) -> str | None:
    """The commit that a git folder stands at, read from its files: git itself need not be installed."""
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head if re.fullmatch(r"[0-9a-f]{40}", head) else None
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            return (git / name).read_text().strip()
        packed = (git / "packed-refs").read_text().splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {name}")), None)
    except OSError:  # a worktree, or no repository
        return None


def resolved(recipe: Recipe, **others: Any) -> dict[str, Any]:
    """What each field that is ``auto`` in a recipe was in this run; `others` are those that the machine decided."""
    found = {
        "learning_rate": recipe.rate, "schedule": recipe.decay, "average_weights": recipe.averages, **others
    }  # fmt: skip
    return {key: value for key, value in found.items() if getattr(recipe, key) == "auto"}


def rows_hash(rows: Sequence[Example]) -> str:
    """The SHA-256 of rows in their order, whichever files they stood in."""
    return hash_of([{key: v for key, v in to_json(row).items() if key != "source"} for row in rows], 64)


def earlier_run(recipe: str | Path | None) -> dict[str, Any] | None:
    """What the run had in whose folder a recipe's file lies; None where it lies elsewhere."""
    if recipe is None or not (manifest := Path(recipe).parent / "manifest.json").is_file():
        return None
    try:
        value = read_json(manifest)
    except DataError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("recipe"), dict):
        return None
    return {"run": str(manifest.parent), **_had(value)}


def _had(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Of a manifest what must be alike for a run to be the same again."""
    data, machine = manifest.get("data") or {}, manifest.get("machine") or {}
    return {
        "recipe": manifest["recipe"],
        "data": {part: rows.get("sha256") for part, rows in (data.get("splits") or {}).items()},
        "model": (manifest.get("model") or {}).get("sha256"),
        "template": (manifest.get("template") or {}).get("sha256"),
        "versions": manifest.get("versions") or {},
        "machine": {key: machine.get(key) for key in ("cpu", "threads", "processes", "device", "precision")},
    }


def differences(earlier: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[str]:
    """What is not as it was, a few words each; where nothing is, the run is the same again."""
    return list(_differences(earlier, _had(manifest)))


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for part in then["data"].keys() | now["data"].keys():
        if then["data"].get(part) != now["data"].get(part):
            yield f"the {part} rows are others"
    for what in ("model", "template"):
        if then[what] != now[what]:
            yield f"the {what} is another (SHA-256)"
    for kind in ("recipe", "versions", "machine"):
        for key in then[kind].keys() & now[kind].keys():
            if then[kind][key] != now[kind][key]:
                place = "" if kind == "versions" else f"{kind}: "
                yield f"{place}{key} {_word(now[kind][key])}, was {_word(then[kind][key])}"


def _word(value: Any) -> str:
    return str(value)[:60] if value is not None else "null"


def tell_differences(run: RunFolder, say: Callable[[str], None]) -> None:
    """Where a run repeats another: say, and keep, what is not as it was."""
    manifest = run.read_manifest()
    earlier = manifest.get("again_of")
    if not earlier or "differences" in earlier:
        return
    found = sorted(differences(earlier, manifest))
    run.update_manifest(again_of={"differences": found})
    if found:
        say(f"Not quite {earlier['run']} again: {'; '.join(found)}.")
    else:
        say(f"{earlier['run']} again: the same data, model, template, recipe, versions and machine.")


def tell_weights(run: RunFolder, say: Callable[[str], None]) -> None:
    """Where a run repeats another whose folder is still there: say, and keep, whether the trained weights are equal."""
    earlier = run.read_manifest().get("again_of")
    if not earlier:
        return
    mine, theirs = _weights(run), _weights(RunFolder(earlier["run"]))
    if not mine or not theirs:
        return
    equal = mine == theirs
    run.update_manifest(again_of={"weights_equal": equal})
    bits = "equal to" if equal else "not equal to"
    say(f"The trained weights are {bits} those of {earlier['run']}" + (", bit for bit." if equal else "."))


def _weights(run: RunFolder) -> dict[str, str]:
    """The hashes of a run's trained weights: the adapter alone where there is one, since it is small."""
    for folder in (run.adapter, run.model):
        files = sorted(folder.glob("*.safetensors"))
        if files:
            return {f"{folder.name}/{path.name}": _sha256(path) for path in files}
    return {}


def _sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
