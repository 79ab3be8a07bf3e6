"""What can only be seen over all rows: questions and answers that come again, and sentences that many answers share.

`RowMemory` keeps 32 bytes for each row (hashes, lengths and the place), `FrequentTexts` a fixed number of texts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from heedful.data.checks.kinds import SHOWN, Tally


@dataclass
class RowMemory:
    """Rows by the hash of their question (8 bytes) and of their answer (8), their lengths (4 + 4) and place (4 + 4).

    The hash is Python's SipHash of 64 bits, keyed anew in each process: among a million rows two different texts
    share one with a chance of 3 in 100 million, and no file can be made to force it.
    """

    questions: array[int] = field(default_factory=lambda: array("q"))
    answers: array[int] = field(default_factory=lambda: array("q"))
    question_lengths: array[int] = field(default_factory=lambda: array("i"))
    answer_lengths: array[int] = field(default_factory=lambda: array("i"))
    names: dict[str, int] = field(default_factory=dict)
    files: array[int] = field(default_factory=lambda: array("I"))
    lines: array[int] = field(default_factory=lambda: array("I"))

    def __len__(self) -> int:
        return len(self.questions)

    def add(self, question: str, answer: str, question_length: int, answer_length: int, source: str) -> None:
        """Remember a row: its levelled texts by their hashes, the lengths in characters, its place (FILE:LINE)."""
        self.questions.append(hash(question))
        self.answers.append(hash(answer))
        self.question_lengths.append(question_length)
        self.answer_lengths.append(answer_length)
        name, _, line = source.rpartition(":")
        if not (name and line.isascii() and line.isdigit() and len(line) < 10 and line[0] != "0"):
            name, line = source, "0"  # an odd place is kept as it is
        self.files.append(self.names.setdefault(name, len(self.names)))
        self.lines.append(int(line))

    def place(self, row: int) -> str:
        """The place of a row, as it was given."""
        name = list(self.names)[self.files[row]]
        return f"{name}:{self.lines[row]}" if self.lines[row] else name

    def duplicates_and_conflicts(self) -> tuple[Tally, Tally]:
        """Rows whose question stood before: with an answer that was given then, or only with others."""
        import numpy as np

        duplicates, conflicts = Tally(), Tally()
        asked, said = (np.frombuffer(a, np.int64) for a in (self.questions, self.answers))
        order = np.argsort(asked, kind="stable")
        ordered = asked[order]
        again = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
        # Only questions that come again are looked at one by one.
        found: list[tuple[int, int, bool]] = []
        first, seen, group = -1, {}, None
        for at in again.tolist():
            if group != ordered[at]:
                group, first = ordered[at], int(order[at - 1])
                seen = {int(said[first]): first}
            row = int(order[at])
            answer = int(said[row])
            found.append((row, seen.get(answer, first), answer in seen))
            seen.setdefault(answer, row)
        for row, other, same in sorted(found):
            tally, verb = (duplicates, "repeats") if same else (conflicts, "contradicts")
            tally.count += 1
            if len(tally.where) < SHOWN:
                tally.where.append(f"{self.place(row)} {verb} {self.place(other)}")
        return duplicates, conflicts

    def same_answers(self, shortest: int, least: int) -> Tally:
        """Rows whose answer, of `shortest` characters or more, is that of `least` rows or more with other questions."""
        import numpy as np

        said, asked = (np.frombuffer(a, np.int64) for a in (self.answers, self.questions))
        rows = np.flatnonzero(np.frombuffer(self.answer_lengths, np.int32) >= shortest)
        hashes, counts = np.unique(said[rows], return_counts=True)
        groups = (rows[said[rows] == h] for h in hashes[counts >= least].tolist())
        found = sorted(int(r) for group in groups if len(np.unique(asked[group])) >= least for r in group)
        return Tally(len(found), [self.place(r) for r in found[:SHOWN]])

    def where(self, shortest: int, longest: int) -> Tally:
        """Rows whose answer has from `shortest` to `longest` characters."""
        import numpy as np

        lengths = np.frombuffer(self.answer_lengths, np.int32)
        rows = np.flatnonzero((lengths >= shortest) & (lengths <= longest))
        return Tally(len(rows), [self.place(int(r)) for r in rows[:SHOWN]])


@dataclass
class FrequentTexts:
    """The texts that come most often, in bounded memory.

    Misra and Gries, "Finding repeated elements", Science of Computer Programming 2 (1982): with `room` counters after
    n texts each count is short by n / (room + 1) at most, and exact while there were no more than `room` texts.
    """

    room: int = 2000
    seen: dict[str, Tally] = field(default_factory=dict)
    total: int = 0

    def add(self, text: str, place: str) -> None:
        """Count a text that stands at a place."""
        self.total += 1
        tally = self.seen.get(text)
        if tally is None and len(self.seen) >= self.room:
            # All lose one and the new text is not taken in: a counter at nought makes room for a later one.
            for t in self.seen.values():
                t.count -= 1
            self.seen = {k: t for k, t in self.seen.items() if t.count > 0}
            return
        if tally is None:
            tally = self.seen[text] = Tally()
        tally.add(place)

    def above(self, least: float) -> Iterator[tuple[str, Tally]]:
        """The texts with a count of `least` or more, the most frequent first."""
        for text, tally in sorted(self.seen.items(), key=lambda item: (-item[1].count, item[0])):
            if tally.count >= least:
                yield text, tally
