"""The leaderboard: ratings of the votes that count, as a page's script draws them, made anew when there are more.

A rating takes longer the more votes there are, so the next one is made ten times as long after the last as that took: a
page that follows along costs a tenth of a core at most.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from heedful.arena import ledger
from heedful.arena.journal import Journal
from heedful.errors import HeedfulError, RequestError
from heedful.ratings import Options, rate, ratings_json, take_of, tally


class Board:
    """The leaderboard of a file of votes, plain and with style held equal."""

    def __init__(self, journal: Journal, models: tuple[str, ...]):
        self.journal, self.models = journal, models
        self._made: dict[bool, tuple[dict[str, Any], float, float]] = {}  # the board, when, and how long it took
        self._lock = threading.Lock()

    def counts(self) -> ledger.Counts:
        """How many votes there are now."""
        with self.journal.reading() as db:
            return ledger.counts(db)

    def _last(self) -> int:
        with self.journal.reading() as db:
            return int(db.execute("SELECT max(id) FROM votes").fetchone()[0] or 0)

    def get(self, style: bool) -> dict[str, Any]:
        """The leaderboard; `version` changes when it does."""
        with self._lock:
            now = time.monotonic()
            if style in self._made:
                made, at, took = self._made[style]
                if now - at < 10 * took or made["counts"]["last"] == self._last():
                    return made
            made = self._make(self.counts(), style)
            self._made[style] = (made, time.monotonic(), time.monotonic() - now)
            return made

    def _make(self, counts: ledger.Counts, style: bool) -> dict[str, Any]:
        out: dict[str, Any] = {
            "version": f"{counts.last}-{int(style)}",
            "style_control": style,
            "models": list(self.models),
            "counts": {
                "votes": counts.votes,
                "hidden": counts.hidden,
                "gave_away": counts.gave_away,
                "named": counts.named,
                "imported": counts.imported,
                "judges": counts.judges,
                "last": counts.last,
            },
            "ratings": None,
        }
        if not counts.hidden:
            return out
        options = Options(style=style)
        with self.journal.reading() as db:
            votes = list(ledger.votes(db))
        try:
            return out | {"ratings": ratings_json(rate(tally(votes, take_of(options)), options))}
        except (RequestError, HeedfulError) as e:  # style that tells every vote, or nothing left to rate
            return out | {"why": str(e).split(";")[0]}
