"""heedful data show: which rows, every token in sight, marks without colour, and mistakes in one sentence each."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from heedful.cli.show import show
from heedful.errors import HeedfulError
from heedful.models.loading import load_tokenizer
from heedful.report import token_page

app = typer.Typer()
app.command()(show)


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory) -> Path:
    """A model with ChatML markers, and files: 12 rows of which 3 are dropped, and a conversation."""
    folder = tmp_path_factory.mktemp("show")
    tokenizer = tiny.tokenizer()
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tiny.make(folder / "model", tokenizer=tokenizer)
    rows: list[dict[str, Any]] = [
        {"instruction": f"Question {k}?", "input": "", "output": "word " * k + "end."} for k in range(12)
    ]
    rows[3]["output"] = ""
    rows[4] = {"instruction": "x", "input": "", "output": 7}
    rows[5]["output"] = ""
    rows[9]["id"] = "nine"
    (folder / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    turns = [("system", "Be brief."), ("user", "one"), ("assistant", "1"), ("user", "two"), ("assistant", "2")]
    talk: list[dict[str, Any]] = [{"role": role, "content": content} for role, content in turns]
    talk[2]["train"] = False
    (folder / "talk.jsonl").write_text(json.dumps({"messages": talk}) + "\n")
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("NO_COLOR", raising=False)

    def call(*arguments: object, template: str = "chatml") -> Result:
        options = ["--model", str(folder / "model"), "--template", template]
        return CliRunner().invoke(app, [*(str(a) for a in arguments), *options])

    return call


def stdout(result: Result) -> str:
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def fails(result: Result) -> str:
    assert isinstance(result.exception, HeedfulError), result.output
    assert result.exception.exit_status == 2
    return str(result.exception)


def places(result: Result) -> list[str]:
    return re.findall(r"^(\S+\.jsonl:\d+)  ", stdout(result), re.MULTILINE)


def test_a_conversation_as_it_stands_on_the_terminal(run):
    text = stdout(run("talk.jsonl"))
    assert "\x1b" not in text
    plain = text.replace("│", "")
    assert "<|im_start|>user↵\none<|im_end|>↵\n" in plain
    assert "<|im_start|>assistant↵\n((1□<|im_end|>))↵\n" in plain
    assert "<|im_start|>assistant↵\n[[2■<|im_end|>]]\n" in plain
    assert "(( )) an answer that is not trained" in text
    assert "■ stop token, trained" in text
    assert text.splitlines()[0].endswith(" trained, stop token <|im_end|>")
    assert max(map(cell_len, text.splitlines())) <= 80


def test_every_token_boundary_is_there(run):
    document = json.loads(stdout(run("rows.jsonl", "--row", 12, "--json")))[0]
    text = stdout(run("rows.jsonl", "--row", 12))
    body = text.split("\n\n")[0].split("\n", 1)[1].replace("↵\n", "↵").replace("\n", "").replace("■", "")
    body = body.replace("[[", "").replace("]]", "").replace("↵", "\n").replace("·", " ")
    assert body.split("│") == document["tokens"]
    assert document["loss_mask"].count(True) == int(re.findall(r"(\d+) trained", text)[0])
    assert document["stops"] == [len(document["ids"]) - 1]
    assert document["loss_mask"][-1]


def test_trained_tokens_are_told_in_json_and_line_by_line(run, folder):
    document = json.loads(stdout(run("talk.jsonl", "--json")))[0]
    tokenizer = load_tokenizer(str(folder / "model"))
    assert "".join(document["tokens"]) == tokenizer.decode(document["ids"])
    trained = [t for t, m in zip(document["tokens"], document["loss_mask"], strict=True) if m]
    assert "".join(trained) == "2<|im_end|>"
    lines = stdout(run("talk.jsonl", "--ids")).splitlines()[1:]
    lines = [line for line in lines if line]
    assert len(lines) == len(document["ids"])
    assert [int(line.split()[1]) for line in lines] == document["ids"]
    assert [" trained " in line for line in lines] == document["loss_mask"]
    assert lines[-1].endswith("'<|im_end|>'  stop token")


def test_colour_only_where_it_is_wanted(run, monkeypatch):
    monkeypatch.setattr("heedful.cli.show._colour_wanted", lambda: True)
    coloured = stdout(run("talk.jsonl"))
    assert "\x1b[4;32m" in coloured  # underlined, not green alone
    monkeypatch.undo()
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines()


def test_no_color_and_pipes_are_respected(monkeypatch):
    from heedful.cli.show import _colour_wanted

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for value, wanted in ((None, True), ("", True), ("1", False)):
        monkeypatch.delenv("NO_COLOR", raising=False)
        if value is not None:
            monkeypatch.setenv("NO_COLOR", value)
        assert _colour_wanted() is wanted
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert not _colour_wanted()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert not _colour_wanted()


def test_which_rows(run):
    assert places(run("rows.jsonl")) == [f"rows.jsonl:{k}" for k in (1, 2, 3)]
    assert places(run("rows.jsonl", "--limit", 2)) == ["rows.jsonl:1", "rows.jsonl:2"]
    assert places(run("rows.jsonl", "--row", 7, "--row", "nine", "--row", "rows.jsonl:2", "--row", 7)) == [
        f"rows.jsonl:{k}" for k in (7, 10, 2)
    ]
    assert places(run("rows.jsonl", "--row", "r000008")) == ["rows.jsonl:8"]
    assert places(run("rows.jsonl", "--longest", "--limit", 2)) == ["rows.jsonl:12", "rows.jsonl:11"]
    chosen = places(run("rows.jsonl", "--random", "--limit", 4))
    assert chosen == places(run("rows.jsonl", "--random", "--limit", 4))
    assert len(set(chosen)) == 4
    seeds = {tuple(places(run("rows.jsonl", "--random", "--limit", 4, "--seed", s))) for s in range(4)}
    assert len(seeds) > 1
    assert len(places(run("rows.jsonl", "--random", "--limit", 100))) == 9


def test_dropped_rows_with_the_reason_and_what_the_file_has(run):
    text = stdout(run("rows.jsonl", "--dropped", "--limit", 9))
    assert "rows.jsonl:4  dropped: empty_answer; an answer is empty" in text
    assert '"instruction": "Question 3?"' in text
    assert '"output": 7' in text
    assert "dropped rows: 3 (2 empty_answer, 1 " in text
    # One of each reason before a second of any.
    assert places(run("rows.jsonl", "--dropped", "--limit", 2)) == ["rows.jsonl:4", "rows.jsonl:5"]
    text = stdout(run("rows.jsonl", "--dropped", "--max-length", 20, "--limit", 1))
    assert "too_long" in text
    assert "; 1 shown" in text
    assert "no row is dropped" in stdout(run("talk.jsonl", "--dropped"))
    documents = json.loads(stdout(run("rows.jsonl", "--dropped", "--json")))
    assert documents[0]["row"] == {"instruction": "Question 3?", "input": "", "output": ""}
    assert documents[0]["dropped"] == "empty_answer"
    # By name too, among rows that stay; and a row that is dropped for its length only.
    assert "dropped: empty_answer" in stdout(run("rows.jsonl", "--row", 4))
    assert "dropped: too_long; longer than max_length 8 tokens" in stdout(run("rows.jsonl", "--max-length", 8))


def test_two_files_of_one_name(run, folder):
    other = folder / "deep"
    other.mkdir(exist_ok=True)
    (other / "rows.jsonl").write_text('{"instruction": "other", "output": ""}\n{"instruction": "b", "output": "c"}\n')
    text = stdout(run("rows.jsonl", "deep/rows.jsonl", "--row", "deep/rows.jsonl:1"))
    assert '"instruction": "other"' in text
    message = fails(run("rows.jsonl", "deep/rows.jsonl", "--row", 1))
    assert message == "--row 1: it fits 2 rows (rows.jsonl:1, deep/rows.jsonl:1); name one by its place"


@pytest.fixture
def shortened(run) -> tuple[object, ...]:
    """Arguments that take a token too many from the conversation."""
    whole = len(json.loads(stdout(run("talk.jsonl", "--json")))[0]["ids"])
    return ("talk.jsonl", "--max-length", whole - 1, "--overlong", "truncate")


def test_where_a_row_was_cut(run, shortened):
    text = stdout(run(*shortened))
    cut = int(re.findall(r", (\d+) cut,", text)[0])
    assert f"✂ {cut} tokens of the oldest turns were cut here\n│<|im_start|>" in text
    assert "[[2│■<|im_end|>]]" in text
    document = json.loads(stdout(run(*shortened, "--json")))[0]
    assert document["truncated"] == cut
    assert [c["part"] for c in document["cuts"]] == ["turns"]
    assert f"✂ {cut} tokens" in stdout(run(*shortened, "--ids"))
    text = stdout(run("rows.jsonl", "--row", 12, "--max-length", 30, "--overlong", "truncate-answer"))
    assert "of the answer were cut here" in text
    assert "■<|im_end|>]]" in text


MISTAKES = [
    (["--row", "99"], r"--row 99: there is no such row.*; name one by its number, its id or its place, such as rows"),
    (["--row", "nin"], r"--row nin: there is no such row \(did you mean 'nine'\?\)"),
    (["--row", "1", "--longest"], "--row and --longest were both given; choose one of"),
    (["--random", "--dropped"], "--random and --dropped were both given"),
    (["--train-on", "answer"], r"--train-on 'answer' \(did you mean 'answers'\?\): choose answers, last-answer"),
    (["--overlong", "cut", "--max-length", "20"], "--overlong 'cut': choose drop, truncate"),
    (["--overlong", "truncate"], "--overlong truncate needs a limit; give --max-length too"),
    (["--overlong", "error", "--max-length", "8"], "rows.jsonl:1: the row has .* tokens, more than max_length 8"),
    (["--html", "page"], "--html page: a page is written to a file that ends in .html"),
    (["--html", "rows.jsonl"], "ends in .html"),
    (["--html", "none/page.html"], "--html none/page.html: there is no folder none; name another file"),
    (["--html", "folder.html"], "it is a folder; name another file"),
    (["--format", "alpacas"], "no format 'alpacas'"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_mistakes_are_told_in_one_sentence(run, folder, arguments, message):
    (folder / "folder.html").mkdir(exist_ok=True)
    found = fails(run("rows.jsonl", *arguments))
    assert re.search(message, found), found
    assert "\n" not in found


def test_mistakes_in_names(run):
    assert "no such file" in fails(run("none.jsonl"))
    assert "unknown template 'chatm' (did you mean 'chatml'?)" in fails(run("rows.jsonl", template="chatm"))


# ---- the page ---------------------------------------------------------------------------------------------------

HOSTILE = "</span></div></main><script>window.hacked=1</script><img src=x onerror=hacked()> & \u202egnp.exe\x00\x1b[31m"


@pytest.fixture
def hostile(folder) -> Path:
    row = {"id": HOSTILE, "instruction": HOSTILE, "input": HOSTILE, "output": HOSTILE}
    (folder / "hostile.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | {"id": "2", "output": ""}) + "\n")
    return folder / "hostile.jsonl"


def test_nothing_in_a_row_reaches_the_terminal_or_the_page_as_it_is(run, hostile, folder):
    text = stdout(run("hostile.jsonl", "--row", 1, "--row", 2, "--html", "page.html"))
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "\x1b" not in text + page
    assert "\x00" not in text + page
    assert "\u202e" not in text + page
    assert "‹U+202E›" in text
    assert "‹U+202E›" in page
    assert "<script" not in page
    assert "<img" not in page
    assert "dropped: empty_answer" in page
    policy = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)[0].replace("&#39;", "'")
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)[0]
    assert policy == token_page.policy(style)
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert {v[:5] for v in re.findall(r'<[^>]+ (?:src|href|action)="([^"]*)"', page)} <= {
        "#rows",
        "#row1",
        "#drop",
        "data:",
    }


def test_the_page_marks_what_the_terminal_marks(run, folder, shortened):
    stdout(run(*shortened, "--html", "page.html"))
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert re.search(r'<strong class="cut">✂ \d+ tokens of the oldest turns were cut here</strong>', page)
    marked = re.findall(r'<mark><b class="hidden">.*?</b>(.*?)<b class="hidden">', page)
    assert [re.sub(r"<[^>]+>", "", m) for m in marked] == ["2&lt;|im_end|&gt;"]
    assert re.search(r'class="t special stop" title="token \d+, id \d+, trained, stop token"', page)
    stdout(run("talk.jsonl", "--html", "page.html"))
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert '<span class="masked"><b class="hidden">answer, not trained: </b>' in page
    assert "longer rows" not in page
