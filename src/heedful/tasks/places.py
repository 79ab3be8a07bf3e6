"""Where a task's files are looked for: a folder in the owner's layout, else the Hugging Face hub at a pinned commit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heedful.errors import RequestError
from heedful.tasks.base import Source


@dataclass
class Places:
    """Finds files for one task. `looked` keeps every place that was tried, `used` the files that were found.

    `folder` is what the user gave with ``--data-dir``: the task's own folder, or one that holds it under the task's
    name. Names are matched whatever their capitals. Nothing outside of the folder is read.
    """

    task: str
    folder: Path | None = None
    looked: list[str] = field(default_factory=list)
    used: list[Path] = field(default_factory=list)

    def find(self, *names: str) -> Path | None:
        """The first of these files (``test/law_test.csv``) that there is, in the folder or under the task's name."""
        for root in self._roots():
            for name in names:
                path = _without_case(root, name)
                if path is not None and path.is_file():
                    if path not in self.used:
                        self.used.append(path)
                    return path
                self.looked.append(str(root / name))
        return None

    def need(self, source: Source, *names: str) -> Path:
        """`find`, or a RequestError that says what is needed, where it was looked for and how to get it."""
        if found := self.find(*names):
            return found
        where = f"{self.folder} has none" if self.folder is not None else "no --data-dir was given"
        hub = f", or leave --data-dir out to load {source.hub} from the hub (pip install 'heedful[hub]')"
        raise RequestError(
            f"task {self.task} needs {source.files} ({names[0]}), and {where}; name a folder that holds it with "
            f"--data-dir{hub if source.hub else ''}"
        )

    def listing(self, *names: str) -> list[Path]:
        """The folders of these names that there are, for benchmarks with a folder for each part."""
        found = (_without_case(root, name) for root in self._roots() for name in names)
        return [p for p in found if p is not None and p.is_dir()]

    def matching(self, pattern: str) -> list[Path]:
        """The files of the task's folder whose name is like this (``*dev*.jsonl``), for mirrors, which name as they
        like; the folder above it, which holds other tasks too, is not looked through."""
        roots = self._roots()[:1]
        self.looked.extend(str(root / pattern) for root in roots)
        found = [p for root in roots for p in sorted(root.glob(pattern)) if p.is_file()]
        self.used.extend(p for p in found[:1] if p not in self.used)
        return found

    def hub_rows(self, source: Source, config: str | None, split: str) -> Iterator[tuple[dict[str, Any], str]]:
        """Rows of the hub's copy, each with its place; only without a folder, so that a run never mixes the two."""
        from heedful.data.hub import HubData, hub_rows

        return hub_rows(HubData(source.hub, config, source.revision, split))

    def _roots(self) -> list[Path]:
        if self.folder is None:
            return []
        named = _without_case(self.folder, self.task)
        return [p for p in (named, self.folder) if p is not None]


def _without_case(root: Path, name: str) -> Path | None:
    """``root / name`` with capitals as the disk has them; None where there is none such, or where it leads outside."""
    at = root
    for part in Path(name).parts:
        if part in ("..", "/"):
            return None
        if not (at / part).exists():
            try:
                same = [p for p in at.iterdir() if p.name.casefold() == part.casefold()]
            except OSError:
                return None
            if not same:
                return None
            at = sorted(same)[0]
        else:
            at = at / part
    return at
