"""The data files that a path stands for: a file, all data files of a folder, or those that a pattern matches.

What lies there and is not taken is told in notes.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path

from heedful.data.files import COMPRESSIONS, KNOWN, kind_by_ending
from heedful.errors import DataError

# JSON files that describe a data set and hold no rows of it; Hugging Face datasets writes them beside the rows.
_ABOUT = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})
_SHOWN = 5  # names in a note


def files_at(path: str, notes: list[str]) -> list[str]:
    """The files that `path` stands for, sorted. A file that exists goes before a pattern.

    Folders are searched with all that is in them; hidden files are left out. Raises DataError where there is nothing
    to take. A path that is neither a folder nor a pattern is given back as it is: reading says what is wrong with it.
    """
    if not path:
        raise DataError("a data file's name is empty; name a file, or leave the empty argument out")
    try:
        if Path(path).is_dir():
            return _in_folder(path, notes)
        if Path(path).exists() or not glob.has_magic(path):
            return [path]
    except (OSError, ValueError):  # names too long or with NUL: reading says so
        return [path]
    return _matching(path, notes)


def _in_folder(folder: str, notes: list[str]) -> list[str]:
    taken, passed = [], []
    seen: set[tuple[int, int]] = set()  # folders by device and inode: links may lead in circles

    def refuse(e: OSError) -> None:
        raise DataError(f"{e.filename}: this folder may not be read ({e.strerror}); check its permissions") from None

    for here, inside, names in os.walk(folder, followlinks=True, onerror=refuse):
        status = Path(here).stat()
        if (status.st_dev, status.st_ino) in seen:
            inside.clear()
            passed.append(f"{os.path.relpath(here, folder)} (a link to a folder that was searched already)")
            continue
        seen.add((status.st_dev, status.st_ino))
        passed += [os.path.relpath(Path(here) / name, folder) + " (hidden)" for name in inside if name.startswith(".")]
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        for name in names:
            path = Path(here) / name
            why = _passed_over(path)
            if why:
                passed.append(f"{os.path.relpath(path, folder)} ({why})")
            else:
                taken.append(str(path))
    taken.sort()
    if not taken:
        left = f"; passed over: {_listed(sorted(passed))}" if passed else ""
        raise DataError(f"{folder}: no data file in this folder ({KNOWN}{left}); name the files")
    notes.append(f"{folder}: {_count(taken)} read: {_listed([os.path.relpath(p, folder) for p in taken])}")
    _note_passed(folder, passed, notes)
    return taken


def _matching(pattern: str, notes: list[str]) -> list[str]:
    """What a pattern matches. Where it names an ending of its own (``*.txt``), files with that ending are taken."""
    ending = Path(pattern).suffix
    named = bool(ending) and not glob.has_magic(ending)
    taken, passed = [], []
    for path in _globbed(pattern):
        if Path(path).is_dir():
            if "**" not in pattern:
                passed.append(f"{path} (a folder)")
            continue
        why = _passed_over(Path(path), any_ending=named)
        if why:
            passed.append(f"{path} ({why})")
        else:
            taken.append(path)
    if not taken:
        left = f" (passed over: {_listed(passed)})" if passed else ""
        raise DataError(f"{pattern}: no data file matches this pattern{left}; check it")
    notes.append(f"{pattern}: {_count(taken)} read: {_listed(taken)}")
    _note_passed(pattern, passed, notes)
    return taken


def _globbed(pattern: str) -> list[str]:
    """What a pattern matches, sorted. Unlike glob.glob, Path.glob follows no links to folders under ``**``, so links
    in a circle do no harm; but it matches hidden names, which are left out where the pattern itself names none."""
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    rest = [*parts[fixed:], "*"] if parts[-1] == "**" else list(parts[fixed:])
    base = Path(*parts[:fixed])
    try:
        matches = [path.relative_to(base).parts for path in base.glob("/".join(rest))]
    except (OSError, ValueError) as e:
        raise DataError(f"{pattern}: this pattern cannot be searched ({e}); write such as 'data/**/*.jsonl'") from None
    asked = any(part.startswith(".") for part in rest)
    return sorted(str(base.joinpath(*m)) for m in matches if asked or not any(part.startswith(".") for part in m))


def _passed_over(path: Path, any_ending: bool = False) -> str | None:
    """Why a file is no data file, or None."""
    if path.name.startswith("."):
        return "hidden"
    if not path.exists():
        return "a broken link"
    if not path.is_file():
        return "not a regular file"
    inner = path.with_suffix("") if path.suffix.lower() in COMPRESSIONS else path
    if inner.name in _ABOUT:
        return "describes a data set"
    return None if any_ending or kind_by_ending(path) else "no data by its ending"


def _note_passed(where: str, passed: list[str], notes: list[str]) -> None:
    if passed:
        notes.append(f"{where}: passed over: {_listed(sorted(passed))}")


def _count(files: list[str]) -> str:
    return "1 file" if len(files) == 1 else f"{len(files):,} files"


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
