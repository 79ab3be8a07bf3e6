"""The documentation: its checks hold, and its commands print what the pages show."""

import contextlib
import io
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path[:0] = [str(DOCS), str(Path(__file__).parent)]

import blocks  # noqa: E402
import check  # noqa: E402
import generate  # noqa: E402
import parts  # noqa: E402
import stage  # noqa: E402  # pyright: ignore[reportMissingImports]

CONSOLE = [
    pytest.param(block, id=f"{block.path.stem}-{block.line}")
    for page in generate.pages()
    for block in blocks.blocks(page)
    if block.kind == "console"
]


@pytest.mark.slow  # `make check` has it too
def test_every_check_holds():
    assert list(check.faults()) == []


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the files that the pages speak of."""
    stage.write(tmp_path, {**stage.FILES, "rows.jsonl": stage.starter(60)})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_command(line: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """What a command prints, on both streams, and its exit status."""
    import shlex

    from heedful.cli.main import main

    line, _, given = line.partition(" < ")
    if given:
        monkeypatch.setattr(sys, "stdin", io.StringIO(Path(given).read_text(encoding="utf-8")))
    program, *words = shlex.split(line)
    if program == "cat":
        return "".join(Path(w).read_text(encoding="utf-8") for w in words), 0
    assert program == "heedful"
    monkeypatch.setattr(sys, "argv", ["heedful", *words])
    printed, status = io.StringIO(), 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            main()
        except SystemExit as e:
            status = int(e.code or 0)
    return printed.getvalue(), status


@pytest.mark.parametrize("block", CONSOLE)
def test_a_console_block_shows_what_its_commands_print(block, desk, monkeypatch):
    commands = blocks.console(block)
    assert commands
    for command in commands:
        program, *names = command.line.split()
        if program == "cat" and not Path(names[0]).exists():  # the page says what stands in it
            stage.write(desk, {names[0]: command.output})
        printed, status = run_command(command.line, monkeypatch)
        shown = blocks.Block("text", command.output, block.path, block.line, 0, 0)
        assert blocks.differs(shown, printed) is None
        assert status == command.status, printed


# The checks themselves: each finds the fault that it is there for.


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("heedful train --model M --data f.jsonl --out RUN", None),
        ("heedful train recipe.yaml --set epochs=3 --set seed=1 --out RUN > log", None),
        ("heedful data check a.jsonl b.csv --split=80/10/10   # a remark", None),
        ("heedful train --modle M", "no option --modle"),
        ("heedful tarin", "no command 'tarin'"),
        ("heedful report a b", "more arguments"),
        ("heedful train --out", "--out has no value"),
        ("heedful chatt M", "no command 'chatt'"),
        ("heedful chat M < questions.txt", None),
    ],
)
def test_wrong_commands_are_found(line, fault):
    found = check.wrong_command(line)
    assert (found is None) if fault is None else fault in (found or "")


def test_dead_links_missing_files_and_long_lines_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n[x](nothing.md) [y](#a-page) [z](#nowhere) `src/nothing.py`\n" + "word " * 30 + "\n")
    text = page.read_text()
    assert list(check._dead_links(page, text)) == [
        "page.md: the link to nothing.md leads nowhere",
        "page.md: the page has no heading #nowhere",
    ]
    assert list(check._missing_files(page, text)) == ["page.md: names src/nothing.py, which does not exist"]
    assert list(check._long_lines(page, text)) == ["page.md:4: 150 characters; break the line before 120"]


def test_an_option_that_is_not_on_its_page_is_found(tmp_path, monkeypatch):
    (tmp_path / "commands").mkdir()
    page = (DOCS / "commands" / "train.md").read_text(encoding="utf-8")
    (tmp_path / "commands" / "train.md").write_text(page.replace("`--preset", "`preset"), encoding="utf-8")
    monkeypatch.setattr(check, "DOCS", tmp_path)
    monkeypatch.setattr(check, "ROOT", tmp_path)
    found = list(check._undocumented())
    assert "commands/train.md: --preset of heedful train is not documented" in found
    assert "commands/demo.md: heedful demo is not documented" in found


def test_a_stale_part_is_found():
    page = (DOCS / "recipe.md").read_text(encoding="utf-8")
    assert generate.fresh_page(page) == page
    assert generate.fresh_page(page.replace("`lora_rank` | `16`", "`lora_rank` | `99`")) == page


def test_every_built_in_template_marks_the_answer_and_its_stop_token():
    text = parts.template_pages("")
    marked = re.findall(r"\[\[(.*?)\]\]", text, re.DOTALL)
    assert len(marked) == text.count("### ") - text.count("### In") - text.count("### Res")
    assert all(re.fullmatch(r"3, 5, 8<[^>]+>", m) for m in marked)


@pytest.mark.parametrize(
    ("kind", "shown", "printed", "same"),
    [
        ("text", "a\nb\n", "a\nb\n", True),
        ("text", "a\n", "a\nb\n", False),
        ("text", "a...z\n", "a to z\n", True),
        ("text about", "loss 1.00\n", "loss 1.05\n", True),
        ("text about", "loss 1.00\n", "loss 1.50\n", False),
        ("text like", "loss 1.00\n", "something\n", True),
        ("text like", "loss 1.00\n", "two\nlines\n", False),
    ],
)
def test_outputs_are_compared_as_the_block_says(kind, shown, printed, same):
    block = blocks.Block(kind, shown, Path("page.md"), 1, 0, 0)
    assert (blocks.differs(block, printed) is None) == same


def test_every_test_that_the_footguns_name_exists():
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "footguns.md").read_text(encoding="utf-8")))
    known = {
        n
        for p in (ROOT / "tests").rglob("test_*.py")
        for n in re.findall(r"^def (test_\w+)", p.read_text("utf-8"), re.M)
    }
    assert len(named) > 30
    assert named <= known
