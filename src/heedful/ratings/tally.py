"""Files of votes as counts, read once and in order: what is left out is counted, what is broken is named.

Kept of each vote are its cell (4 bytes), a hash that tells a repeated vote (8 bytes) and its time (8 bytes), with style
eight counts (64 bytes), whatever else the file says: a million votes take 20 MB, conversations included or not.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from heedful.data.sources import read_rows
from heedful.errors import DataError, RequestError, did_you_mean
from heedful.ratings.cells import Cells, Floats, Ints, sums
from heedful.ratings.quickly import Odd, quick_rows
from heedful.ratings.style import counts_of
from heedful.ratings.votes import LONG, WINNERS, Vote, anony_of, tstamp_of, vote_of, vote_row

_OUTCOME = np.array([1.0, 0.0, 0.5, 0.5])  # of WINNERS
_NO_TIME = float("nan")
MOST_MODELS = 2000  # a table of all pairs is kept


@dataclass(frozen=True, slots=True)
class Take:
    """Which votes count. `named`: those that show the models' names; `repeated`: those that a judge gave before.

    `where`: column and value that a vote must have. `style`: count how answers look, and leave out votes without.
    """

    named: bool = False
    repeated: bool = False
    where: tuple[tuple[str, str], ...] = ()
    style: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes as counts. `sequence[v]` is the cell of the v-th vote by time (by place where some have no time).

    Shapes: `sequence` (V,), `counts` (V, 8) in the same order, None without style. The figures: `read` rows, of which
    `filtered`, `themselves` (a model against itself), `named`, `repeated` and `unstyled` were left out in this
    order; where they count, `named` and `repeated` say how many there are all the same. `timed`: all votes have a time.
    """

    models: tuple[str, ...]
    cells: Cells
    sequence: Ints
    counts: Floats | None
    read: int
    filtered: int
    themselves: int
    named: int
    repeated: int
    unstyled: int
    ties: int
    both_bad: int
    timed: bool

    @property
    def used(self) -> int:
        """How many votes count."""
        return len(self.sequence)


def tally(votes: str | Path | Sequence[str | Path] | Iterable[Vote], take: Take | None = None) -> Tally:
    """Count the votes of files, or those given.

    Raises DataError naming file and line where a vote cannot be read, RequestError where none is left.
    """
    counting = _Counting(take or Take())
    if isinstance(votes, str | Path):
        votes = [votes]
    if isinstance(votes, Sequence) and all(isinstance(v, str | Path) for v in votes):
        for path in votes:
            _count_file(Path(str(path)), counting)
    else:
        counting.add_rows(vote_row(v) for v in votes if isinstance(v, Vote))
    return counting.finish()


def _count_file(path: Path, counting: _Counting) -> None:
    """By the quick reader; what it or the counting stumbles over is looked up by the strict one."""
    before = counting.read
    try:
        counting.add_rows(quick_rows(path))
        stumbled = counting.read == before
    except (Odd, DataError, TypeError):
        stumbled = True
    if not stumbled:
        return
    done = counting.read - before  # rows that were counted; the next one is the reason
    rows = read_rows(path, str(path))
    for row in islice(rows, done, None):
        vote_of(row.value, row.source)
        counting.add_rows([row.value], row.source)


@dataclass(slots=True)
class _Counting:
    take: Take
    read: int = 0
    filtered: int = 0
    themselves: int = 0
    unstyled: int = 0
    keys: dict[Any, int] = field(default_factory=dict)  # (model_a, model_b, winner): cell
    known: list[tuple[str, str, int]] = field(default_factory=list)  # of each cell: models and place in WINNERS
    pair: list[int] = field(default_factory=list)  # of each cell: the same number for a pair either way round
    pairs: dict[tuple[str, str], int] = field(default_factory=dict)
    cell: array[int] = field(default_factory=lambda: array("i"))
    same: array[int] = field(default_factory=lambda: array("q"))  # 0: nothing to tell a repeated vote by
    time: array[float] = field(default_factory=lambda: array("d"))
    shown: array[int] = field(default_factory=lambda: array("b"))  # 1: the names were shown
    counts: array[float] = field(default_factory=lambda: array("d"))
    columns: set[str] = field(default_factory=set)

    def add_rows(self, rows: Iterable[Mapping[str, Any]], where: str = "the vote") -> None:
        """Count rows; a row that cannot be read raises DataError, and those before it are counted."""
        keys, pair, style = self.keys, self.pair, self.take.style
        filters = self.take.where
        add_cell, add_same, add_time, add_shown = (
            self.cell.append,
            self.same.append,
            self.time.append,
            self.shown.append,
        )
        for row in rows:
            if filters and not self._wanted(row):
                self.read += 1
                continue
            get = row.get
            try:
                cell = keys[get("model_a"), get("model_b"), get("winner")]
            except (KeyError, TypeError):
                cell = self._new_cell(row, where)
            anony = get("anony", True)
            shown = 0 if anony is True or anony == "True" else int(not anony_of(row, where))
            time = get("tstamp")
            seconds = time if type(time) is float and time - time == 0 else tstamp_of(row, where)  # or not finite
            judge = get("judge")
            question = get("question_id") or seconds
            same = hash((judge, question, get("turn"), pair[cell])) or 1
            if not judge or question is None:
                same = 0
            if style and not self._add_style(row, where, pair[cell] < 0):
                continue
            self.read += 1
            if pair[cell] < 0:
                self.themselves += 1
                continue
            add_cell(cell)
            add_same(same)
            add_time(_NO_TIME if seconds is None else seconds)
            add_shown(shown)

    def _add_style(self, row: Mapping[str, Any], where: str, itself: bool) -> bool:
        """Whether the looks of both answers are known; those of a model against itself are not kept."""
        if any(isinstance(row.get(column), str) for column in LONG):  # JSON text in the cells of a table
            row = vote_row(vote_of(row, where))
        looks = counts_of(row, where)
        if looks is None:
            self.unstyled, self.read = self.unstyled + 1, self.read + 1
            return False
        if not itself:
            self.counts.extend(looks)
        return True

    def _wanted(self, row: Mapping[str, Any]) -> bool:
        self.columns.update(row)
        for column, value in self.take.where:
            found = row.get(column)
            text = {True: "true", False: "false"}.get(found, str(found)) if isinstance(found, bool) else str(found)
            if text.casefold() != value.casefold():
                self.filtered += 1
                return False
        return True

    def _new_cell(self, row: Mapping[str, Any], where: str) -> int:
        vote = vote_of(row, where)
        a, b, winner = vote.model_a, vote.model_b, WINNERS.index(vote.winner)
        number = self.pairs.setdefault((min(a, b), max(a, b)), len(self.pairs))
        self.pair.append(-1 if a == b else number)
        self.known.append((a, b, winner))
        self.keys[a, b, row["winner"]] = len(self.known) - 1
        return len(self.known) - 1

    def finish(self) -> Tally:
        """The counts of all that was read."""
        self._check_columns()
        cell, same, time = (np.array(v) for v in (self.cell, self.same, self.time))
        shown = np.array(self.shown, dtype=bool)
        kept = np.ones(len(cell), dtype=bool) if self.take.named else ~shown
        repeated = kept & _repeated(same, kept)
        if not self.take.repeated:
            kept &= ~repeated
        place = np.flatnonzero(kept)
        timed = bool(len(place)) and not np.isnan(time[place]).any()
        if timed:
            place = place[np.argsort(time[place], kind="stable")]
        if not len(place):
            raise RequestError(self._nothing_left(int(shown.sum())))
        models, cells, of_known, winners = self._cells(cell[place])
        return Tally(
            models=models,
            cells=cells,
            sequence=of_known[cell[place]],
            counts=np.array(self.counts).reshape(-1, 8)[place] if self.take.style else None,
            read=self.read,
            filtered=self.filtered,
            themselves=self.themselves,
            named=int(shown.sum()),
            repeated=int(repeated.sum()),
            unstyled=self.unstyled,
            ties=int(winners[2] + winners[3]),
            both_bad=int(winners[3]),
            timed=timed,
        )

    def _cells(self, used: Ints) -> tuple[tuple[str, ...], Cells, Ints, Ints]:
        """The models by name, the cells, the cell of each known one, and how often each winner was named."""
        often = np.bincount(used, minlength=len(self.known))
        models = tuple(sorted({m for k in np.flatnonzero(often) for m in self.known[k][:2]}))
        if len(models) > MOST_MODELS:
            raise RequestError(
                f"the votes name {len(models):,} models, such as {models[0]!r:.40}, and {MOST_MODELS:,} are the most; "
                "check that model_a and model_b hold names"
            )
        number = {m: k for k, m in enumerate(models)}
        rows = np.array([(number.get(a, 0), number.get(b, 0), w) for a, b, w in self.known])
        outcome = _OUTCOME[rows[:, 2]]
        keys = (rows[:, 0] * len(models) + rows[:, 1]) * 3 + (2 * outcome).astype(int)
        keys[often == 0] = -1
        unique, of_known = np.unique(keys, return_inverse=True)
        count = sums(of_known, often, len(unique))
        skip = int(unique[0] == -1)
        unique, of_known, count = unique[skip:], of_known - skip, count[skip:]
        cells = Cells(len(models), unique // 3 // len(models), unique // 3 % len(models), unique % 3 / 2, count)
        return models, cells, of_known, np.bincount(rows[:, 2], often, minlength=4).astype(int)

    def _check_columns(self) -> None:
        for column, _ in self.take.where:
            if self.read and column not in self.columns:
                near = did_you_mean(column, sorted(self.columns))
                raise RequestError(f"--filter {column}=...: no vote has a column {column}{near}; check its name")

    def _nothing_left(self, named: int) -> str:
        figures = (
            (self.filtered, "are not what --filter names"),
            (self.themselves, "set a model against itself"),
            (named if not self.take.named else 0, "showed the models' names (--with-named counts them)"),
            (self.unstyled, "have neither conversations nor conv_metadata, which --style-control needs"),
        )
        reasons = "; ".join(f"{count:,} {what}" for count, what in figures if count)
        return f"no vote is left of {self.read:,}: {reasons or 'the file has none'}"


def _repeated(same: Ints, kept: Ints) -> Ints:
    """(V,): whether a vote that counts has the hash of one before it that counts."""
    out = np.zeros(len(same), dtype=bool)
    place = np.flatnonzero(kept & (same != 0))
    order = place[np.argsort(same[place], kind="stable")]
    out[order[1:]] = same[order[1:]] == same[order[:-1]]
    return out
