"""What a person sees who presses Ctrl-C in the middle of a step that takes a minute."""

from __future__ import annotations

import io
import os
import signal
import sys

import pytest

from heedful.train.signals import StopRequests


@pytest.mark.parametrize(("terminal", "rank", "told"), [(True, "0", 1), (True, "1", 0), (False, "0", 0)])
def test_a_person_is_told_once_that_the_step_is_finished_first(terminal, rank, told, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("RANK", rank)
    said: list[bytes] = []
    monkeypatch.setattr(os, "write", lambda number, text: said.append(text) or len(text))
    stop = StopRequests()
    stop._handle(signal.SIGINT, None)
    stop._handle(signal.SIGTERM, None)
    with pytest.raises(KeyboardInterrupt):
        stop._handle(signal.SIGINT, None)
    assert stop.requested
    assert [b"Ctrl-C again" in text for text in said] == [True] * told
