"""Data sets of the Hugging Face hub, streamed by the optional package `datasets` (``pip install 'heedful[hub]'``).

    hub:OWNER/NAME                          the split train of the newest revision
    hub:OWNER/NAME/CONFIG@REVISION:SPLIT    all that can be said
    hub:./FOLDER:SPLIT                      a folder that is laid out as a data set of the hub is

Which files make a split is the library's to say (https://huggingface.co/docs/datasets/loading). Code of a data set is
never run: the versions of `datasets` that could are not accepted.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.data.arrow import json_value
from heedful.data.files import open_file
from heedful.errors import DataError, RequestError

PREFIX = "hub:"
_FORM = "write hub:OWNER/NAME, hub:OWNER/NAME/CONFIG@REVISION:SPLIT or hub:./FOLDER:SPLIT"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REMOTE = re.compile(
    r"(?P<id>[\w.-]+(?:/[\w.-]+)?)(?:/(?P<config>[\w.-]+))?(?:@(?P<revision>[\w./-]+))?(?::(?P<split>[\w.-]+))?"
)
_LOCAL = re.compile(r"(?P<id>[./].*?)(?::(?P<split>[\w.-]+))?")


@dataclass(frozen=True, slots=True)
class HubData:
    """A split of a data set: `id` is OWNER/NAME or a folder; `revision` a commit, a branch or a tag, None in a
    folder and for the newest."""

    id: str
    config: str | None = None
    revision: str | None = None
    split: str = "train"

    @property
    def is_folder(self) -> bool:
        return self.id.startswith((".", "/"))

    @property
    def name(self) -> str:
        """What stands in the places of its rows: ``hub:owner/name:train``."""
        config = f"/{self.config}" if self.config else ""
        return f"{PREFIX}{self.id}{config}:{self.split}"

    def __str__(self) -> str:
        config = f"/{self.config}" if self.config else ""
        revision = f"@{self.revision}" if self.revision else ""
        return f"{PREFIX}{self.id}{config}{revision}:{self.split}"


def parse_hub(text: str) -> HubData:
    """The data set that ``hub:...`` names; RequestError where it names none."""
    rest = text.removeprefix(PREFIX)
    if "[" in rest:
        raise RequestError(
            f"{text}: a part of a split cannot be streamed; name the split, and ::cap=ROWS for fewer rows"
        )
    match = (_LOCAL if rest.startswith((".", "/")) else _REMOTE).fullmatch(rest)
    if match is None:
        raise RequestError(f"{text}: this names no data set of the hub; {_FORM}")
    return HubData(**{key: value for key, value in match.groupdict().items() if value})


def pinned(data: HubData, notes: list[str]) -> HubData:
    """The data set at the commit that its revision stands for now, so that what is recorded is what is read.

    Notes say where no commit was named, and where none could be found out (without a network the copy that was
    fetched before is read). Raises DataError where the hub knows no such data set or revision.
    """
    _require()
    if data.is_folder:
        if not Path(data.id).is_dir():
            raise DataError(f"{data}: there is no folder {data.id!r}; check the path")
        return data
    if data.revision and _COMMIT.fullmatch(data.revision):
        return data
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        commit = HfApi().dataset_info(data.id, revision=data.revision, timeout=30).sha
    except RepositoryNotFoundError:
        raise DataError(f"{data}: the hub has no such data set, or it needs a login; check the name") from None
    except RevisionNotFoundError:
        raise DataError(f"{data}: the data set has no revision {data.revision!r}; check it on the hub") from None
    except Exception as e:  # offline, blocked, or an answer that is none: httpx, OSError, HfHubHTTPError and others
        notes.append(f"{data}: {_unpinned(data)}, and which commit it is could not be found out ({_reason(e)})")
        return data
    if not commit:
        notes.append(f"{data}: {_unpinned(data)}, and the hub did not say which commit it is")
        return data
    found = dataclasses.replace(data, revision=commit)
    notes.append(f"{data}: {_unpinned(data)}; this time it is {commit}: name {found} to read the same again")
    return found


def _unpinned(data: HubData) -> str:
    return f"the revision {data.revision!r} may move" if data.revision else "the revision is not pinned"


def _require() -> Any:
    """The package `datasets`, or the sentence that says how to get it."""
    # It would report each loading to the hub's counter of downloads.
    os.environ.setdefault("HF_UPDATE_DOWNLOAD_COUNTS", "0")
    try:
        import datasets

        version = importlib.metadata.version("datasets")
    except ImportError:
        raise RequestError("data of the hub needs the package datasets; pip install 'heedful[hub]'") from None
    if int(version.split(".")[0]) < 4:  # older ones may run code that comes with the data
        raise RequestError(f"datasets {version} is too old; pip install 'heedful[hub]'")
    return datasets


def hub_rows(data: HubData) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of a data set in their order, each with its place (``hub:owner/name:train: row 17``), streamed.

    Raises RequestError where the package is missing, DataError where the data set cannot be read or has no rows.
    """
    datasets = _require()
    from huggingface_hub.utils import logging

    number, level = 0, logging.get_verbosity()
    logging.set_verbosity_error()  # a line for each try to reach the hub; what came of them is told in one
    try:
        rows = datasets.load_dataset(
            data.id, name=data.config, split=data.split, revision=data.revision, streaming=True
        )
        for row in rows:
            number += 1
            where = f"{data.name}: row {number}"
            yield {key: json_value(value, where, key) for key, value in row.items()}, where
    except DataError:
        raise
    except ConnectionError as e:
        raise DataError(
            f"{data}: the hub cannot be reached and no copy is here ({_reason(e)}); check the network and the name"
        ) from None
    except Exception as e:  # the library answers with errors of every kind: its own, pyarrow's, httpx's
        place = f" after row {number}" if number else ""
        raise DataError(f"{data}: cannot be read{place} ({_reason(e)}); check the name and the split") from None
    finally:
        logging.set_verbosity(level)
    if not number:
        raise DataError(f"{data}: no rows in it; name a split that has some")


def folder_sha256(folder: str) -> str:
    """The SHA-256 over the names and the bytes of all files in a folder, hidden ones left out."""
    total = hashlib.sha256()
    for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts):
            continue
        with open_file(path) as f:
            total.update(f"{inside.as_posix()}\0{hashlib.file_digest(f, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _reason(e: Exception) -> str:
    text = re.sub(r"\s+", " ", str(e)).strip().rstrip(".")[:160]
    return text or type(e).__name__
