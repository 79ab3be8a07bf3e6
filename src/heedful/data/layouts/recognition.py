"""Which format a file has, told by many of its rows; and where it has none, how to name one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from heedful.data.layouts.base import names
from heedful.data.layouts.conversation import LISTS, first_turn
from heedful.data.layouts.mapped import TARGETS
from heedful.data.layouts.registry import FORMATS, Format
from heedful.data.layouts.turn_rows import role_column
from heedful.data.sources import Row
from heedful.errors import DataError


@dataclass(frozen=True)
class Recognised:
    """A file's format, and where another fits some of the rows too, why this one was taken, in a sentence."""

    format: Format
    why: str | None = None

    @property
    def name(self) -> str:
        """The format's name."""
        return self.format.name


# A column that is a question by its name, and the format that reads it where no answer is needed.
ASKING = {"prompt": "prompt-completion", "instruction": "alpaca", "question": "qa", "query": "qa", "problem": "qa"}
# What people call the columns of a question and of its answer, in small letters, besides the formats' own names.
_CALLED = (
    (
        "question",
        "frage",
        "kundenfrage",
        "anfrage",
        "kundenanfrage",
        "request",
        "pregunta",
        "demande",
        "質問",
        "お問い合わせ",
    ),
    ("answer", "antwort", "reply", "response", "respuesta", "réponse", "回答", "返信", "返答"),
)


def recognise(rows: Iterable[Row], answers: bool = True) -> Recognised:
    """The format that most of `rows` have; of two that fit equally many, the one that stands first in `FORMATS`.

    With ``answers=False`` rows of no known format are questions where one of their columns is one by its name.
    Raises DataError, with the columns that were found and how to name them, where no format fits half of the rows.
    """
    rows = list(rows)
    fitting = {name: sum(f.fits(row.value) for row in rows) for name, f in FORMATS.items()}
    best = max(fitting, key=lambda name: fitting[name])
    if not rows or 2 * fitting[best] < len(rows):
        if not answers and (found := _asking(rows)):
            return found
        raise DataError(_unknown_layout(rows, fitting))
    return Recognised(FORMATS[best], _why(best, fitting, len(rows)))


def _asking(rows: list[Row]) -> Recognised | None:
    """The format of rows that hold a question, and columns that are no answer (Google's file of IFEval, say)."""
    for column, name in ASKING.items():
        fitting = [row.value for row in rows if isinstance(row.value.get(column), str)]
        others = {other: None for value in fitting for other in value if other != column}
        if 2 * len(fitting) > len(rows) and not others.keys() & FORMATS[name].columns:
            return Recognised(FORMATS[name], f"{column!r} is the question and no column its answer")
    return None


def _why(best: str, fitting: Mapping[str, int], count: int) -> str | None:
    others = {name: n for name, n in fitting.items() if n and name != best}
    if not others:
        return None
    same = [best, *(name for name, n in others.items() if n == fitting[best])]
    if len(same) > 1:
        which = f"all of {count:,}" if fitting[best] == count else f"{fitting[best]:,} of {count:,}"
        why = FORMATS[best].because or "it is the first of them"
        return (
            f"{len(same)} formats fit {which} rows: {' and '.join(same)}; "
            f"took {best}, because {why}; --format names another"
        )
    rest = " and ".join(f"{name} {n:,}" for name, n in others.items())
    return f"{best} fits {fitting[best]:,} of {count:,} rows and {rest}; took {best}, which fits more"


def _unknown_layout(rows: list[Row], fitting: Mapping[str, int]) -> str:
    where = rows[0].source if rows else "no rows"
    layouts: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        layouts.setdefault(tuple(row.value), row.value)
    found = "; ".join(names(cols, 12) for cols in list(layouts)[:3])
    known = ", ".join(name for name in FORMATS if name != "heedful")
    some = [f"{n} of {len(rows)} rows are {name}" for name, n in fitting.items() if n]
    hint = f" ({', '.join(some)}, and half is needed: split the file)" if some else ""
    mend = next((said for value in layouts.values() if (said := _mend(value))), "name the columns with --map")
    who = role_column([row.value for row in rows])
    if who is not None and len(layouts) == 1:
        mend = f"each row seems to be one turn: join them with --map conversation=COLUMN,role={who},content=COLUMN"
    return f"{where}: the columns are of no known format: found {found}{hint}; known are {known}: {mend}"


def _mend(value: Mapping[str, Any]) -> str | None:
    """What to write for a row that comes near to a format."""
    turn = first_turn(value)
    if turn is not None:
        column = next(c for c in LISTS if c in value)
        return (
            f"the turns of {column!r} have the keys {names(turn)}: say which is which with "
            f"--map messages={column},role=KEY,content=KEY"
        )
    near = {c: c.strip().casefold() for c in value if isinstance(c, str)}
    mapping = {t: c for c, t in near.items() if t in TARGETS and t not in ("role", "content")}
    if mapping.keys() & {"instruction", "prompt", "messages"} and any(t != c for t, c in mapping.items()):
        said = ",".join(f"{t}={c}" for t, c in mapping.items())
        return f'name them with --map "{said}"'
    if "prompt" in value and "chosen" in value:
        said = "messages=chosen" if isinstance(value["chosen"], list) else "prompt=prompt,completion=chosen"
        return f"these are preferences; to learn the chosen answers alone, --map {said}"
    texts = [c for c, v in value.items() if isinstance(v, str) and c != "id"]
    asked, answered = (next((c for c in texts if c.strip().casefold() in said), None) for said in _CALLED)
    if asked and answered:
        return f'name them with --map "instruction={asked},output={answered}"'
    if len(texts) > 1:
        return "name the columns with --map instruction=COLUMN,output=COLUMN"
    if len(texts) == 1:
        return f"{texts[0]!r} is the only column of text, and a question and an answer are needed"
    return None
