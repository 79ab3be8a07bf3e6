"""A question's way to two models at once, and what they say as it comes.

Each side has a thread of its own while it answers; what it says comes through the event loop to whoever listens. The
exchange does not hang on the listener: it ends by itself, or by `stop`, and what was said is kept either way.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from heedful.arena.entrants import Entrants
from heedful.arena.ledger import Said
from heedful.backends.base import GenerationSettings
from heedful.errors import HeedfulError, printable
from heedful.records import Message
from heedful.report.text import visible

LONGEST = 200_000  # characters of an answer; the rest is cut off
SIDES = ("a", "b")
Event = dict[str, Any]


@dataclass
class Side:
    """One model's answer as it comes. `listening` ends when the visitor stops it."""

    name: str
    messages: Sequence[Message]
    settings: GenerationSettings
    said: list[str] = field(default_factory=list)
    length: int = 0
    end: Said | None = None
    listening: bool = True


class Exchange:
    """Two answers under way. `keep` is awaited with both when they have ended, and gives the last event."""

    def __init__(
        self,
        entrants: Entrants,
        sides: dict[str, Side],
        keep: Callable[[dict[str, Said]], Awaitable[Event]],
    ):
        self.entrants, self.sides, self.keep = entrants, sides, keep
        self.loop = asyncio.get_running_loop()
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()  # None: nothing more
        self._came: asyncio.Queue[tuple[str, str, Said | None] | None] = asyncio.Queue()
        self.task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """End both answers where they are."""
        self._came.put_nowait(None)

    async def _run(self) -> None:
        for key, side in self.sides.items():
            # A daemon: a server that is silent does not keep the command from ending.
            threading.Thread(target=self._speak, args=(key, side), name="heedful-answer", daemon=True).start()
        try:
            while any(s.end is None for s in self.sides.values()):
                item = await self._came.get()
                if item is None:
                    self._stop()
                else:
                    self._note(*item)
        finally:
            for side in self.sides.values():
                side.listening = False
        try:
            self.events.put_nowait(await self.keep({k: s.end for k, s in self.sides.items() if s.end is not None}))
        except HeedfulError as e:
            self.events.put_nowait({"error": str(e)})
        finally:
            self.events.put_nowait(None)

    def _note(self, key: str, text: str, end: Said | None) -> None:
        side = self.sides[key]
        if side.end is not None:
            return
        if text and end is None:
            text = text[: LONGEST - side.length]
            side.length += len(text)
            side.said.append(text)
            self.events.put_nowait({"side": key, "text": visible(text)})
            if side.length >= LONGEST:
                end = Said("".join(side.said), "length")
                side.listening = False
        if end is not None:
            self._end(key, side, end)

    def _end(self, key: str, side: Side, end: Said) -> None:
        side.end = end
        event: Event = {"side": key, "end": end.end}
        if end.text != "".join(side.said):  # a stop string was taken back, say
            event["whole"] = visible(end.text)
        self.events.put_nowait(event)

    def _stop(self) -> None:
        for key, side in self.sides.items():
            side.listening = False
            if side.end is None:
                self._end(key, side, Said("".join(side.said), "stopped"))

    def _speak(self, key: str, side: Side) -> None:
        """In a thread: ask, and hand on what is said until the end or until nobody listens."""
        end = Said("", "error", "the model said nothing")
        try:
            with self.entrants.speaker(side.name) as speaker:
                if not side.listening:
                    return
                with contextlib.closing(speaker.say(side.messages, side.settings)) as spoken:  # type: ignore[type-var]
                    for piece in spoken:
                        if not side.listening:
                            return
                        if piece.answer is not None:
                            answer = piece.answer
                            kind = answer.finish_reason
                            end = Said(answer.text[:LONGEST], kind, answer.error or ("" if kind == "error" else None))
                            break
                        self._tell(key, piece.text, None)
        except HeedfulError as e:
            end = Said("", "error", str(e))
        except Exception as e:  # out of memory, a defect of a backend: this answer is lost, the page goes on
            end = Said("", "error", f"the model failed ({type(e).__name__}: {str(e)[:200]})")
        if end.end == "error":
            print(printable(f"{side.name}: {end.error}"), file=sys.stderr)
        self._tell(key, "", end)

    def _tell(self, key: str, text: str, end: Said | None) -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended
            self.loop.call_soon_threadsafe(self._came.put_nowait, (key, text, end))
