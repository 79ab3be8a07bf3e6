"""The live view of a run on stderr: where it is, what the losses do, how long is left.

On a terminal one line is drawn again and again; elsewhere (a log file, CI) a plain line comes every now and then.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from dataclasses import dataclass, field
from typing import Any, TextIO

from heedful.data import ledger_lines

PLAIN_EVERY = 10.0  # seconds between progress lines where there is no terminal


@dataclass
class Plan:
    """What a run is expected to take, phase by phase in seconds, to say how long is left before it can be measured."""

    seconds: dict[str, float] = field(default_factory=dict)


def duration(seconds: float) -> str:
    """Seconds as people say them: ``45 s``, ``3 min 20 s``, ``2 h 5 min``."""
    s = max(0, round(seconds))
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60} s" if s < 600 else f"{s // 60} min"
    return f"{s // 3600} h {s % 3600 // 60} min"


class Live:
    """A `workflow.View` that writes to stderr. With a `plan` it tells the time left of all phases, else of this one."""

    def __init__(
        self, plan: Plan | None = None, out: TextIO | None = None, brief: bool = False, thing: str = "question"
    ):
        self.brief = brief
        self.thing = thing
        self.out = out or sys.stderr
        self.tty = self.out.isatty()
        self.plan = plan
        self.began = self.phase_began = time.monotonic()
        self.name, self.share, self.speed = "", 0.0, 1.0
        self.last_plain = 0.0
        self.drawn = False
        self.last_loss = ""

    def phase(self, name: str, title: str) -> None:
        """A phase begins; what the one before took, against what was expected, tells how fast this machine is."""
        now = time.monotonic()
        if self.plan and self.name in ("before", "train") and (expected := self.plan.seconds.get(self.name)):
            self.speed = (now - self.phase_began) / expected
        if self.plan and self.name:
            self.plan.seconds.pop(self.name, None)
        self.name, self.share, self.phase_began, self.last_plain = name, 0.0, now, now
        self._line(f"{self._clock()} {title}" + (f" ({self._left()})" if self.plan and self.plan.seconds else ""))

    def say(self, sentence: str) -> None:
        for line in textwrap.wrap(sentence, 71, break_long_words=False, break_on_hyphens=False):
            self._line(f"        {line}")

    def ledger(self, ledger: dict[str, Any]) -> None:
        if self.brief:
            train = ledger["parts"]["train"]
            self.say(f"{ledger['read']:,} rows read: {ledger['kept']:,} kept, {ledger['dropped']:,} dropped")
            self.say(
                f"{train['tokens']:,} tokens to train on, {train['trained_tokens']:,} of them answers (only they count)"
            )
            return
        for line in ledger_lines(ledger, 72):
            self._line(f"        {line}")

    def advance(self, done: int, total: int) -> None:
        self.share = done / max(1, total)
        self._progress(f"{done} of {total} {self.thing}s")

    def step(self, line: dict[str, Any], total_steps: int) -> None:
        self.share = line["step"] / total_steps
        loss = f"loss {line['train_loss']:.3f}{self.last_loss}"
        self._progress(f"step {line['step']}/{total_steps}  {loss}  {line['tokens_per_s']:.0f} tokens/s")

    def evaluating(self, step: int) -> None:
        if self.tty:
            self._draw(f"        step {step}: loss on the validation set, and samples ...")

    def evaluated(self, line: dict[str, Any]) -> None:
        self.last_loss = f"  val {line['val_loss']:.3f}"
        self._line(f"        step {line['step']:>5}   validation loss {line['val_loss']:.3f}")

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        return f"[{minutes:>2}:{seconds:02}]"

    def _left(self) -> str:
        spent = time.monotonic() - self.phase_began
        rest = spent / self.share - spent if self.share > 0.05 else None
        if not self.plan:
            return f"{duration(rest)} left" if rest is not None else "measuring"
        here = rest if rest is not None else max(0.0, self.plan.seconds.get(self.name, 0.0) * self.speed - spent)
        later = sum(s for n, s in self.plan.seconds.items() if n != self.name) * self.speed
        return f"about {duration(here + later)} left"

    def _progress(self, text: str) -> None:
        if self.tty:
            self._draw(f"        {text}  {self._left()}")
        elif time.monotonic() - self.last_plain >= PLAIN_EVERY:
            self.last_plain = time.monotonic()
            self._line(f"        {text}  {self._left()}")

    def _draw(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self.out.write("\r\x1b[2K" + text[:width])
        self.out.flush()
        self.drawn = True

    def _line(self, text: str) -> None:
        if self.drawn:
            self.out.write("\r\x1b[2K")
            self.drawn = False
        self.out.write(text + "\n")
        self.out.flush()

    def close(self) -> None:
        """Take the live line away, so that what follows begins on a line of its own."""
        if self.drawn:
            self.out.write("\r\x1b[2K")
            self.out.flush()
            self.drawn = False
