"""The command line as a process: a mistake in an argument is one sentence, and torch's threads are told to sleep."""

from __future__ import annotations

import subprocess
import sys

import pytest


def heedful(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "heedful.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--modle", "x"], "no such option: --modle (did you mean --model?); see heedful train --help"),
        (["trian"], "no such command 'trian' (did you mean 'train'?); see heedful --help"),
        (["train", "--epochs", "two"], "invalid value for '--epochs': it must be a valid integer"),
        (["data", "show"], "missing argument 'files'; see heedful data show --help"),
        (["data", "check", "x", "--limit", "0"], "invalid value for '--limit': it must be greater than or equal to 1"),
        (["train", "--model"], "option '--model' requires an argument"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], said: str):
    done = heedful(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("heedful: error: ")
    assert said in done.stderr


def test_no_arguments_show_the_help():
    done = heedful()
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "train" in done.stderr


def test_the_version():
    done = heedful("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("heedful ")
