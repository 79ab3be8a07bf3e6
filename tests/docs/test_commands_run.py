"""Every command that the documentation shows is run on small stand-ins; what is only shown is counted, with reasons."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging.config
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "docs"), str(Path(__file__).parent)]

import lines as page_lines  # noqa: E402
import stage  # noqa: E402  # pyright: ignore[reportMissingImports]

# How many blocks of commands no test runs. To add one is a decision: give it its reason, and change this number.
SHOWN = 8
# What a page means by a name that means something else on another one.
MEANINGS = {
    "judge.md": {"marks.jsonl": "marks-pairs.jsonl"},
    "compare.md": {"marks.jsonl": "marks-single.jsonl"},
    "train.md": {"recipe.yaml": "recipe-good.yaml"},
    "convert.md": {"recipe.yaml": "recipe-good.yaml"},
}
# README.ja.md has the commands of README.md, which tests/docs/test_readme.py checks.
RUN = [
    b
    for b in page_lines.shell_blocks()
    if page_lines.reason(b) is None and not page_lines.is_exact(b) and b.path.name != "README.ja.md"
]
COMMANDS = [
    pytest.param(b, id=f"{b.path.stem}-{b.line}")
    for b in RUN
    if any(line.program == "heedful" for line in page_lines.lines(b))
]


def test_what_is_only_shown_is_counted_and_says_why(capsys):
    assert list(page_lines.strangers()) == []
    shown = page_lines.shown()
    listed = "\n".join(f"  {where}: {why}" for where, why in shown.items())
    with capsys.disabled():
        print(f"\n{len(COMMANDS)} blocks of commands are run on stand-ins; {len(shown)} are only shown:\n{listed}")
    assert len(shown) == SHOWN, f"{len(shown)} blocks are only shown, not {SHOWN}:\n{listed}"


@pytest.fixture(scope="session")
def world(tiny, tiny_run, tmp_path_factory) -> Path:
    """The stage, with two folders that `heedful bench` wrote."""
    folder = stage.build(tmp_path_factory.mktemp("stage") / "world", tiny, tiny_run)
    bench = "heedful bench scripted:s.jsonl --task mmlu --data-dir data --out bench-base"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        printed, status = run(page_lines.parse(bench), patch)
    assert status == 0, printed
    shutil.copytree(folder / "bench-base", folder / "bench-tuned")
    return folder


@pytest.fixture(scope="session")
def server():
    with stage.serving() as found:
        yield found


@pytest.fixture
def hub(monkeypatch):
    """The hub's upload interface on loopback."""
    import huggingface_hub.constants as constants

    spec = importlib.util.spec_from_file_location("their_hub", ROOT / "tests/export/test_hub.py")
    assert spec is not None
    assert spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    with stage.serving(theirs.Hub) as found:
        address = f"http://127.0.0.1:{found.server_port}"
        monkeypatch.setenv("HF_TOKEN", "hf_made_up_for_this_test")
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield found


@pytest.fixture
def desk(world, tmp_path, monkeypatch) -> Path:
    """A copy of the world to stand in. Pages that are served end as soon as somebody could ask them."""
    import heedful.cli.demo
    import heedful.serve.running
    import heedful.web.server

    folder = tmp_path / "desk"
    shutil.copytree(world, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    few = {"split": "order:train=16,val=4,test=4", "limit": 24, "max_new_tokens": 8, "eval_every": 1}
    monkeypatch.setattr(heedful.cli.demo, "BUDGET", heedful.cli.demo.BUDGET | few)
    # uvicorn's set-up of logging closes all handlers, and absl's (of rouge-score) then closes pytest's own stderr.
    monkeypatch.setattr(logging.config, "dictConfig", lambda config: None)
    for module in (heedful.web.server, heedful.serve.running):
        monkeypatch.setattr(module, "make_server", ends_when_ready(module.make_server))
    return folder


def ends_when_ready(make: Any) -> Any:
    def made(*arguments: Any) -> Any:
        *others, ready = arguments

        def then_end() -> None:
            ready()
            server.should_exit = True

        server = make(*others, then_end)
        own = server.run

        def in_a_thread(**how: Any) -> None:
            # Once a browser test has run in this process, Playwright keeps an event loop running in its main thread.
            with ThreadPoolExecutor(1) as pool:
                pool.submit(own, **how).result()

        server.run = in_a_thread
        return server

    return made


def run(line: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """What a command prints, and its exit status."""
    from heedful.cli.main import main

    monkeypatch.setattr(sys, "argv", list(line.words))
    asked = Path(line.given).read_text(encoding="utf-8") if line.given else "Welcher Monat kommt nach dem Mai?\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(asked))
    for name, value in line.env.items():
        monkeypatch.setenv(name, value)
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as e:
            status = int(e.code or 0)
    if line.into:
        Path(line.into).write_text(out.getvalue(), encoding="utf-8")
    return out.getvalue() + err.getvalue(), status


def make_room(line: Any) -> None:
    """What a command is to write is not there before, unless it goes on with it or a line before it made it."""
    for option, name in zip(line.words, line.words[1:], strict=False):
        if option == "--out" and "--resume" not in line.words:
            path = Path(name)
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("block", COMMANDS)
def test_the_commands_of_a_block_run(block, desk, server, monkeypatch, request):
    if "--to hub" in block.text:
        request.getfixturevalue("hub")
    for name, meant in MEANINGS.get(block.path.name, {}).items():
        shutil.copy(desk / meant, desk / name)
    for line in page_lines.lines(block):
        line = page_lines.stand_in(line, f"http://127.0.0.1:{server.server_port}/v1")
        if line.program == "cat":
            stage.write(desk, {line.words[1]: line.output})
        if line.program != "heedful":
            continue
        if "marks-Ann.json" in line.words:
            stage.write(desk, {"marks-Ann.json": stage.sent_back(desk / "for-ann.html")})
        make_room(line)
        printed, status = run(line, monkeypatch)
        assert status == line.status, f"{block.where}: {line.text}\n{printed[-2000:]}"
