"""The sources that a list of paths stands for: files, folders, patterns, data sets of the hub, with options.

    collect(["data/", "more/*.jsonl.gz", "big.parquet::cap=5000,weight=0.5", "hub:owner/name@REVISION:train"])

Options stand after two colons: ``cap`` (at most so many rows), ``weight`` (how often a row is taken), ``format``.
With a folder or a pattern they hold for each of its files.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.data.files import open_file
from heedful.data.folders import files_at
from heedful.data.formats import named_format
from heedful.data.hub import PREFIX, folder_sha256, hub_rows, parse_hub, pinned
from heedful.data.sources import Row, kind_of, read_rows, sha256_of
from heedful.errors import RequestError, did_you_mean

OPTIONS = ("cap", "weight", "format")
MOST_WEIGHT = 100


@dataclass(frozen=True, slots=True)
class Source:
    """A file or a data set of the hub (`path` as ``hub:...``, at the commit that was found), and how much of it is
    taken. `name` stands in the places of its rows."""

    path: str
    name: str
    cap: int | None = None  # rows at most
    weight: float = 1.0  # times that each row is taken, on average
    format: str | None = None

    @property
    def is_hub(self) -> bool:
        return self.path.startswith(PREFIX)

    @property
    def kind(self) -> str:
        """``json``, ``jsonl``, ``csv``, ``tsv``, ``parquet``, ``arrow`` or ``hub``. Raises what `kind_of` raises."""
        return "hub" if self.is_hub else kind_of(self.path)

    @property
    def revision(self) -> str | None:
        """The revision of a data set of the hub, a commit where that could be found out."""
        return parse_hub(self.path).revision if self.is_hub else None

    def rows(self) -> Iterator[Row]:
        """All its rows, whatever the cap and the weight. Raises DataError where it cannot be read."""
        if self.is_hub:
            return (Row(value, place) for value, place in hub_rows(parse_hub(self.path)))
        return read_rows(self.path, self.name)

    def sha256(self) -> str | None:
        """The SHA-256 of the bytes of its file, or of all files of a folder in the hub's layout, as 64 hexadecimal
        digits; None for a data set of the hub itself, whose `revision` says what it is."""
        if not self.is_hub:
            return sha256_of(self.path)
        data = parse_hub(self.path)
        return folder_sha256(data.id) if data.is_folder else None


def collect(paths: Sequence[str | Path], notes: list[str] | None = None) -> list[Source]:
    """The sources that `paths` stand for, in their order; those of a folder or a pattern sorted by name.

    `notes` receives a sentence for each thing that a reader ought to know: what was taken from a folder, what was
    passed over, revisions that are not pinned. Raises RequestError for options that are wrong and for a file that is
    named twice, DataError for a folder or a pattern without data. Files are opened first when they are read.
    """
    if not paths:
        raise RequestError("no data file was named; name at least one")
    notes = [] if notes is None else notes
    found: list[tuple[str, str, dict[str, Any]]] = []  # path, the argument that named it, options
    for given in map(str, paths):
        path, options = _with_options(given)
        if path.startswith(PREFIX) and not Path(path).exists():
            found.append((str(pinned(parse_hub(path), notes)), given, options))
        else:
            found += [(file, given, options) for file in files_at(path, notes)]
    _refuse_twice(found)
    bare = Counter(Path(path).name for path, _, _ in found)
    return [Source(path, _name(path, bare), **options) for path, _, options in found]


def _name(path: str, bare: Counter[str]) -> str:
    """The file's name, where no two are the same, else its path."""
    if path.startswith(PREFIX):
        return parse_hub(path).name
    return Path(path).name if bare[Path(path).name] == 1 else path


def _refuse_twice(found: list[tuple[str, str, dict[str, Any]]]) -> None:
    seen: dict[object, tuple[str, str]] = {}
    for path, given, _ in found:
        key: object = path
        if not path.startswith(PREFIX):
            with open_file(Path(path)):  # what cannot be opened is told here, before anything is read
                status = Path(path).stat()
            key = (status.st_dev, status.st_ino)  # the same for links
        if key in seen:
            first, by = seen[key]
            link = "" if first == path else f", which is {first}"
            raise RequestError(
                f"a data file was named twice: {path}{link} (by {by!r} and {given!r}); name each file once"
            )
        seen[key] = path, given


def _with_options(given: str) -> tuple[str, dict[str, Any]]:
    """A path and its options. A path with two colons that exists is a path."""
    path, colons, text = given.rpartition("::")
    if not colons or _exists(given):
        return given, {}
    options: dict[str, Any] = {}
    mistakes = [] if path else ["no path stands before '::'"]
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in OPTIONS:
            hint = did_you_mean(key, OPTIONS)
            mistakes.append(f"there is no option {key!r}{hint}, only {', '.join(OPTIONS)}")
        elif not equals or not value:
            mistakes.append(f"{key} needs a value ({key}=...)")
        elif key in options:
            mistakes.append(f"{key} is given twice")
        else:
            try:
                options[key] = _READ[key](value)
            except RequestError as e:
                mistakes.append(str(e))
    if mistakes:
        raise RequestError(f"{given}: {'; '.join(mistakes)}")
    return path, options


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _cap(value: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,17}", value):
        raise RequestError(f"cap must be a number of rows from 1 on, not {value[:40]!r}")
    return int(value)


def _weight(value: str) -> float:
    try:
        weight = float(value)
    except ValueError:
        weight = math.nan
    if not 0 < weight <= MOST_WEIGHT:
        raise RequestError(f"weight must be a number above 0 and up to {MOST_WEIGHT}, not {value[:40]!r}")
    return weight


def _format(value: str) -> str:
    try:
        return named_format(value).name
    except RequestError as e:
        raise RequestError(str(e).removeprefix("--format: ")) from None


_READ = {"cap": _cap, "weight": _weight, "format": _format}
