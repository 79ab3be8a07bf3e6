"""Who is still there: each of several processes beats, and where one falls silent the others end the run and say so.

A process that is killed closes its connections, and the next exchange with it fails at once. A host that loses power or
its network closes nothing: the others would wait inside the exchange until its time-out, which has to be long because
process 0 may answer questions for hours. So a thread of each process counts up in the launcher's key-value store every
few seconds, and one whose count has stood still for `lost_after` seconds is lost.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from heedful.errors import RequestError, TrainingError
from heedful.train.processes import process_count, process_index

LOST_AFTER = 120.0  # seconds; a process that is only slow goes on beating, since the beat is a thread of its own
DONE = b"done"


def lost_after() -> float:
    """Seconds of silence after which a process counts as lost: ``$HEEDFUL_LOST_AFTER``, else 120."""
    text = os.environ.get("HEEDFUL_LOST_AFTER", str(LOST_AFTER))
    try:
        return float(text)
    except ValueError:
        raise RequestError(f"HEEDFUL_LOST_AFTER is '{text}'; give a number of seconds") from None


@contextlib.contextmanager
def watch_processes(folder: Path) -> Iterator[None]:
    """While entered, a lost process ends this one: TrainingError, or exit status 1 where it waits for the lost one.

    The first that finds out says so in one sentence, on stderr where it cannot raise; the others end in silence.
    """
    if process_count() == 1:
        yield
        return
    beat = _Beat(folder)
    try:
        yield
    except RuntimeError as e:
        if not _is_loss(e):
            raise
        if beat.first_to_tell():
            raise TrainingError(_sentence(folder, "a process")) from e
        raise SystemExit(1) from e
    finally:
        beat.stop()


def _is_loss(error: RuntimeError) -> bool:
    kinds: Any = tuple(k for k in (getattr(torch.distributed, "DistError", None),) if k)
    return isinstance(error, kinds) or any(word in str(error) for word in ("gloo", "Gloo", "NCCL"))


def _sentence(folder: Path, who: str) -> str:
    return (
        f"{who} of {process_count()} was lost (killed, or its machine or network failed); nothing before the last "
        f"checkpoint is: start them all again with --resume --out {folder}"
    )


class _Beat:
    """Two threads: one beats and listens, the other looks whether it still does.

    The connection to the store is its own: the process's first one may be waiting.
    """

    def __init__(self, folder: Path):
        self.folder, self.patience = folder, lost_after()
        self.prefix = f"heedful/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
        self.ended = threading.Event()
        store: Any = torch.distributed  # whose stub does not name the class
        self.store = store.TCPStore(
            os.environ["MASTER_ADDR"],
            int(os.environ["MASTER_PORT"]),
            is_master=False,
            wait_for_workers=False,
            timeout=datetime.timedelta(seconds=max(5.0, self.patience)),
        )
        now = time.monotonic()
        self.alive = now  # when the store last answered
        self.heard = {rank: (b"", now) for rank in range(process_count()) if rank != process_index()}
        self.thread = threading.Thread(target=self._exchange, name="heedful-heartbeat", daemon=True)
        self.thread.start()
        threading.Thread(target=self._guard, name="heedful-guard", daemon=True).start()

    def stop(self) -> None:
        self.ended.set()
        self._soon(lambda: self.store.set(self._key(process_index()), DONE.decode()))

    def first_to_tell(self) -> bool:
        """Whether no other process has told of the loss; True where that cannot be known."""
        return self._soon(lambda: self.store.add(f"{self.prefix}/told", 1)) in (None, 1)

    def _soon(self, ask: Callable[[], Any]) -> Any:
        """What the store answers; None where it is gone or silent for 5 seconds: its calls may wait for ever."""
        answers: list[Any] = []

        def work() -> None:
            with contextlib.suppress(Exception):  # whatever torch raises of a connection that is gone
                answers.append(ask())

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(5)
        return answers[0] if answers else None

    def _key(self, rank: int) -> str:
        return f"{self.prefix}/beat/{rank}"

    def _exchange(self) -> None:
        """Beat and listen, until the end or until the store is gone or stands still."""
        count = 0
        with contextlib.suppress(Exception):  # the guard sees that nothing comes any more
            while True:
                count += 1
                self.store.set(self._key(process_index()), str(count))
                for rank, (before, _) in self.heard.items():
                    now = self.store.get(self._key(rank)) if self.store.check([self._key(rank)]) else b""
                    if now != before:
                        self.heard[rank] = (now, time.monotonic())
                self.alive = time.monotonic()
                if self.ended.wait(min(5.0, self.patience / 4)):
                    return

    def _guard(self) -> None:
        while not self.ended.wait(min(1.0, self.patience / 4)):
            now = time.monotonic()
            if now - self.alive > self.patience:
                self._leave("the process that keeps the others together, or the way to it,")
            # One that has not begun is no concern: it may be loading a large model.
            silent = [r for r, (last, at) in self.heard.items() if last not in (b"", DONE) and now - at > self.patience]
            if silent:
                self._leave(f"process {silent[0]}")

    def _leave(self, who: str) -> None:
        """Leave at once: the main thread waits inside a library for what will not come."""
        if self.ended.wait(1.0):  # the main thread has noticed by itself, or is done
            return
        if self.first_to_tell():
            print(f"heedful: error: {_sentence(self.folder, who)}", file=sys.stderr, flush=True)
        os._exit(1)
