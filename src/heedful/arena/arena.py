"""What a visitor may do in an arena: begin, ask, ask again, stop, vote. Everything is checked here; HTTP is app.py's.

A conversation belongs to the browser that began it. Before the vote nothing that leaves here says which models answer;
why an answer failed can name one, so in a hidden conversation it is told on the terminal alone.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from heedful.arena import ledger
from heedful.arena.asking import Event, Exchange, Side
from heedful.arena.board import Board
from heedful.arena.entrants import Entrants
from heedful.arena.exchange import conversations_of, looks_of
from heedful.arena.giveaway import named_in
from heedful.arena.journal import Journal
from heedful.arena.language import language_of
from heedful.arena.ledger import Conflict, Said, Talk, Turn, Visitor
from heedful.arena.pairs import Chooser, Pair
from heedful.arena.saved import Saved
from heedful.backends.base import GenerationSettings
from heedful.errors import HeedfulError, RequestError
from heedful.ratings import Vote, Winner
from heedful.ratings.cells import Floats
from heedful.records import Message
from heedful.report.text import visible
from heedful.web.limits import Buckets

T = TypeVar("T")
VOTES: dict[str, Winner] = {"a": "model_a", "b": "model_b", "tie": "tie", "both_bad": "tie (bothbad)"}
SHOWN = {published: shown for shown, published in VOTES.items()}


class Busy(HeedfulError):
    """Too much at once; it may be asked again in a moment."""


@dataclass(frozen=True)
class Limits:
    """What a visitor may ask for, and all of them together."""

    question: int = 12_000  # characters
    turns: int = 50
    under_way: int = 64  # pairs of answers
    each: int = 2  # of one visitor
    asked: Buckets = field(default_factory=lambda: Buckets(rate=2, burst=30, keys=4096))


@dataclass(frozen=True)
class Setup:
    """How models are asked. `names`: of each model its full name, beside the one that the votes give it."""

    settings: GenerationSettings = field(default_factory=lambda: GenerationSettings(512, 0.7))
    system: str | None = None
    pairs: str = "learn"
    seed: int | None = None
    names: dict[str, str] = field(default_factory=dict)


class Arena:
    """An arena of models, or of saved answers."""

    def __init__(
        self, journal: Journal, source: Entrants | Saved, setup: Setup | None = None, limits: Limits | None = None
    ):
        self.journal, self.source = journal, source
        self.setup, self.limits = setup or Setup(), limits or Limits()
        self.entrants = source if isinstance(source, Entrants) else None
        self.saved = source if isinstance(source, Saved) else None
        self.shared = self.saved.shared() if self.saved else {}
        self.models = source.names if isinstance(source, Entrants) else source.models
        self.rng = random.Random(self.setup.seed)
        self.chooser = Chooser(self.models, self.setup.pairs, self.rng, self._wins)
        self.board = Board(journal, self.models)
        self.under_way: dict[str, tuple[int, Exchange]] = {}  # by conversation: whose, and the exchange
        self._latest: dict[tuple[int, bool], str] = {}  # a visitor's conversation that has no vote yet
        self._won: Floats = np.zeros((len(self.models), len(self.models)))
        self._last = 0

    def close(self) -> None:
        """Let go of the models. The file of votes is the caller's."""
        if self.entrants:
            self.entrants.close()

    def _wins(self) -> Floats:
        """(M, M): the wins so far of the models that are here; only what is new is read."""
        with self.journal.reading() as db:
            rows = ledger.outcomes(db, self._last)
        place, value = self.chooser.place, {"model_a": 1.0, "model_b": 0.0}
        for number, a, b, winner in rows:
            self._last = number
            if a in place and b in place and a != b:
                self._won[place[a], place[b]] += (o := value.get(winner, 0.5))
                self._won[place[b], place[a]] += 1 - o
        return self._won

    def _read(self, ask: Callable[..., T], *values: Any) -> T:
        """A few rows by their key, read where it is asked: a reader waits for nobody, and a thread takes longer."""
        with self.journal.reading() as db:
            return ask(db, *values)

    async def _write(self, job: Callable[..., T], *values: Any) -> T:
        return await asyncio.wrap_future(self.journal.submit(lambda db: job(db, *values)))

    async def visitor(self, secret: str) -> Visitor | None:
        """Whose browser has this secret."""
        return self._read(ledger.find_visitor, secret) if secret else None

    async def welcome(self, name: str | None = None) -> tuple[Visitor, str]:
        """A new visitor, and the secret for their browser."""
        secret = secrets.token_urlsafe(24)
        return await self._write(ledger.add_visitor, secret, name), secret

    async def rename(self, visitor: Visitor, name: str | None) -> Visitor:
        return await self._write(ledger.rename, visitor, name)

    async def latest(self, visitor: Visitor, hidden: bool) -> Talk | None:
        return self._read(ledger.last_talk, visitor, hidden)

    def state(self, talk: Talk | None) -> dict[str, Any] | None:
        """What a page may know of a conversation."""
        if talk is None:
            return None
        names = {"a": talk.model_a, "b": talk.model_b} if talk.vote or not talk.hidden else None
        vote = talk.vote and {"winner": SHOWN[talk.vote.winner], "gave_away": talk.vote.gave_away}
        return {
            "id": talk.id,
            "hidden": talk.hidden,
            "turns": [
                {"question": visible(t.question), "a": _shown(t.a, talk.hidden), "b": _shown(t.b, talk.hidden)}
                for t in talk.turns
            ],
            "under_way": talk.id in self.under_way,
            "can_vote": can_vote(talk),
            "can_ask": self.saved is None and talk.vote is None and len(talk.turns) < self.limits.turns,
            "vote": vote,
            "names": names,
        }

    async def begin(self, visitor: Visitor, hidden: bool, models: Pair | None = None) -> Talk:
        """A new conversation, with two models of the visitor's choice or of ours."""
        if self.limits.asked.wait(str(visitor.id)):
            raise Busy("that was fast; wait a moment")
        if models and (models[0] == models[1] or not set(models) <= set(self.models)):
            raise RequestError("choose two different models of this arena")
        if self.saved:
            pair, question = await asyncio.to_thread(self._saved_question, visitor, models)
        else:
            pair, question = models or (await asyncio.to_thread(self.chooser.ranked))[0], None
        left, right = pair if models else self.chooser.sides(pair)
        turns: tuple[Turn, ...] = ()
        if question is not None and self.saved:
            found = self.saved.questions[question]
            a, b = (found.answers[m] for m in (left, right))
            turns = (Turn(found.text, Said(a.text, a.finish_reason), Said(b.text, b.finish_reason)),)
        talk = Talk(secrets.token_urlsafe(15), visitor.id, hidden, left, right, question, turns)
        await self._write(ledger.add_talk, talk)
        if hidden:
            self.chooser.ended(self._latest.get((visitor.id, hidden), ""))
            self._latest[visitor.id, hidden] = talk.id
            self.chooser.begun(talk.id, (left, right))
        return talk

    def _saved_question(self, visitor: Visitor, models: Pair | None) -> tuple[Pair, str]:
        """The pair to show and a question that the visitor has not seen with it."""
        among = [p for p in self.shared if models is None or set(p) == set(models)]
        for pair in self.chooser.ranked(among):
            with self.journal.reading() as db:
                seen = ledger.seen_examples(db, visitor, pair)
            if left := [q for q in self.shared[pair] if q not in seen]:
                return models or pair, self.rng.choice(left)
        what = "have no question in common that you have not seen" if models else "are all seen"
        raise Conflict(f"these models {what}" if models else f"the questions {what}; thank you")

    async def ask(self, visitor: Visitor | None, name: str, question: str | None) -> Exchange:
        """Ask both models; without a question the last one again. Busy where too much is under way."""
        talk = self._read(ledger.find_talk, name, visitor)
        if self.entrants is None:
            raise RequestError("these answers are saved ones; there is no model to ask")
        if talk.vote:
            raise Conflict("this conversation has a vote, and with it an end; begin a new one")
        if question is None and not talk.turns:
            raise Conflict("nothing has been asked yet")
        if question is not None and (not question.strip() or len(talk.turns) >= self.limits.turns):
            raise RequestError("the question is empty" if not question.strip() else "the conversation is long enough")
        if question is not None and talk.turns and not _whole(talk.turns[-1]):
            raise Conflict("the last answer failed; ask it again, or begin a new conversation")
        if name in self.under_way:
            raise Conflict("the models are answering already")
        self._check_load(talk.visitor)
        before = talk.turns if question is not None else talk.turns[:-1]
        take = 0 if question is not None else talk.turns[-1].take + 1
        asked = question if question is not None else talk.turns[-1].question

        async def keep(said: dict[str, Said]) -> Event:
            turn = Turn(asked, said["a"], said["b"], take)
            try:
                await self._write(ledger.add_take, talk.id, len(before) + 1, turn)
            finally:
                self.under_way.pop(talk.id, None)
            return {"done": self.state(dataclasses.replace(talk, turns=(*before, turn)))}

        sides = {k: self._side(n, k, before, asked) for k, n in (("a", talk.model_a), ("b", talk.model_b))}
        exchange = Exchange(self.entrants, sides, keep)
        self.under_way[name] = (talk.visitor, exchange)
        return exchange

    def _check_load(self, visitor: int) -> None:
        if self.limits.asked.wait(str(visitor)):
            raise Busy("that was fast; wait a moment")
        own = sum(who == visitor for who, _ in self.under_way.values())
        if own >= self.limits.each or len(self.under_way) >= self.limits.under_way:
            raise Busy("too many answers are under way; try again in a moment")

    def _side(self, model: str, key: str, before: tuple[Turn, ...], asked: str) -> Side:
        messages = [Message("system", self.setup.system)] if self.setup.system else []
        for turn in before:
            messages += [Message("user", turn.question), Message("assistant", getattr(turn, key).text)]
        settings = dataclasses.replace(self.setup.settings, seed=self.rng.randrange(1 << 31))
        return Side(model, [*messages, Message("user", asked)], settings)

    async def stop(self, visitor: Visitor | None, name: str) -> None:
        """End the answers that are under way; what was said stays."""
        if visitor is not None and name in self.under_way and self.under_way[name][0] == visitor.id:
            self.under_way[name][1].stop()
        else:
            self._read(ledger.find_talk, name, visitor)

    async def vote(self, visitor: Visitor | None, name: str, shown: str, key: str) -> Talk:
        """Keep a vote: it is on disk when this returns. The same one sent again changes nothing."""
        talk = self._read(ledger.find_talk, name, visitor)
        assert visitor is not None
        if name in self.under_way:
            raise Conflict("the models are still answering; stop them, or wait")
        if not talk.vote and not can_vote(talk):
            raise Conflict("there are no two answers to vote on; ask, or ask again")
        vote, gave_away = await asyncio.to_thread(self._vote, visitor, talk, VOTES[shown])
        cast = await self._write(ledger.add_vote, talk, key, vote, gave_away)
        self.chooser.ended(name)
        return dataclasses.replace(talk, vote=cast)

    def _vote(self, visitor: Visitor, talk: Talk, winner: Winner) -> tuple[Vote, str | None]:
        both = conversations_of(talk.turns)
        gave_away = None
        for key, model in (("a", talk.model_a), ("b", talk.model_b)):
            names = [model, self.setup.names.get(model, model)]
            said = named_in((getattr(t, key).text for t in talk.turns), names)
            gave_away = gave_away or said
        vote = Vote(
            model_a=talk.model_a,
            model_b=talk.model_b,
            winner=winner,
            judge=visitor.judge,
            turn=len(talk.turns),
            anony=talk.hidden,
            language=language_of("\n".join(t.question for t in talk.turns)),
            tstamp=round(time.time(), 3),
            question_id=talk.id,
            conv_metadata=looks_of(both["conversation_a"], both["conversation_b"]),
        )
        return vote, gave_away


def can_vote(talk: Talk) -> bool:
    """Whether a conversation has answers of both, and no vote."""
    return talk.vote is None and bool(talk.turns) and _whole(talk.turns[-1])


def _whole(turn: Turn) -> bool:
    return turn.a.can_be_judged and turn.b.can_be_judged


def _shown(said: Said, hidden: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"text": visible(said.text), "end": said.end}
    if said.error and not hidden:
        out["error"] = visible(said.error)
    return out
