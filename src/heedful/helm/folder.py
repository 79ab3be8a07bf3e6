"""The folder of `heedful helm`: helm.json and helm.html, and a folder of `heedful bench` for each model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from heedful.bench.folder import BenchFolder, file_name
from heedful.errors import RequestError

_LONGEST = 80


class HelmFolder:
    """The paths of a helm folder. Making one touches nothing on disk."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.results = self.path / "helm.json"
        self.page = self.path / "helm.html"

    def model(self, name: str) -> BenchFolder:
        return BenchFolder(self.path / folder_name(name))

    def perturbed(self, name: str, key: str) -> Path:
        return self.model(name).path / "perturbed" / f"{file_name(key)}.jsonl"

    def check(self, models: Sequence[str], resume: bool) -> None:
        """RequestError where the folder cannot be begun or gone on with."""
        if self.path.is_file():
            raise RequestError(f"{self.path}: is a file; name a folder with --out")
        for number, name in enumerate(models):
            for other in models[:number]:
                if folder_name(name) == folder_name(other):
                    raise RequestError(f"{name}: would have the same folder as {other}; name one of them otherwise")
        begun = self.path.is_dir() and any(self.path.iterdir())
        ours = self.results.exists() or (begun and any(self.path.glob("*/requests")))
        ours = ours or any(self.model(name).path.is_dir() for name in models)  # killed before its first question
        if begun and not ours and (self.path / "results.json").exists():
            raise RequestError(f"{self.path}: is a folder of heedful bench; choose another --out")
        if begun and not ours:
            raise RequestError(f"{self.path}: holds something else than results of heedful helm; choose another --out")
        if begun and not resume:
            raise RequestError(f"{self.path}: exists; add --resume to go on with it, or choose another --out")
        for name in models:
            self.model(name).check(resume)


def folder_name(model: str) -> str:
    """A model's name as that of a folder; what cannot stand there becomes '-', and then a hash keeps names apart.

    >>> folder_name("pip:gemma3-270m"), folder_name("run:runs/a@base")
    ('pip-gemma3-270m', 'run-runs-a@base-f0aa5e')
    """
    kind, colon, rest = model.partition(":")
    text = f"{kind}-{rest}" if colon else kind
    safe = re.sub(r"[^A-Za-z0-9._@=-]+", "-", text).lstrip(".-") or "model"
    if safe == text and len(safe) <= _LONGEST:
        return safe
    return f"{safe[:_LONGEST].rstrip('-')}-{hashlib.sha256(model.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
