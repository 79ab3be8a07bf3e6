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
from collections.abc import Iterator
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
    """The thread that beats and listens. Its connection to the store is its own: the main one may be waiting."""

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
        self.thread = threading.Thread(target=self._watch, name="heedful-heartbeat", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.ended.set()
        self.thread.join(self.patience)
        with contextlib.suppress(Exception):  # the store may have gone with the process that kept it
            self.store.set(self._key(process_index()), DONE.decode())

    def first_to_tell(self) -> bool:
        """Whether no other process has told of the loss; True where that cannot be known."""
        self.ended.set()
        self.thread.join(self.patience)
        try:
            return self.store.add(f"{self.prefix}/told", 1) == 1
        except Exception:  # the store went with the process that kept it
            return True

    def _key(self, rank: int) -> str:
        return f"{self.prefix}/beat/{rank}"

    def _watch(self) -> None:
        others = [rank for rank in range(process_count()) if rank != process_index()]
        heard: dict[int, tuple[bytes, float]] = {rank: (b"", time.monotonic()) for rank in others}
        count = 0
        while not self.ended.wait(min(5.0, self.patience / 4)):
            count += 1
            try:
                self.store.set(self._key(process_index()), str(count))
                for rank in others:
                    now = self.store.get(self._key(rank)) if self.store.check([self._key(rank)]) else b""
                    if now != heard[rank][0]:
                        heard[rank] = (now, time.monotonic())
            except Exception:  # whatever torch raises of a connection that is gone
                self._end("the process that keeps the others together")
            silent = [r for r in others if heard[r][0] != DONE and time.monotonic() - heard[r][1] > self.patience]
            if silent:
                self._end(f"process {silent[0]}")

    def _end(self, who: str) -> None:
        """Leave at once: the main thread waits inside a library for what will not come."""
        if self.ended.wait(1.0):  # the main thread has noticed by itself, or is done
            return
        try:
            first = self.store.add(f"{self.prefix}/told", 1) == 1
        except Exception:
            first = True
        if first:
            print(f"heedful: error: {_sentence(self.folder, who)}", file=sys.stderr, flush=True)
        os._exit(1)
