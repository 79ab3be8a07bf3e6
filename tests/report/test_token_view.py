"""A row token by token: the pieces are the text, whatever the tokenizer, and nothing in them is invisible."""

from __future__ import annotations

import doctest
import importlib.util
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from heedful.chat import Chat
from heedful.records import Example, Message
from heedful.report import token_text, token_view
from heedful.report.token_text import row_lines
from heedful.report.token_view import ShownRow, ShownToken, pieces, shown_row, visible_parts, visible_text
from heedful.train.truncation import Cut, Fitted, fit_row

_spec = importlib.util.spec_from_file_location("kinds", Path(__file__).parents[1] / "chat" / "conftest.py")
assert _spec
assert _spec.loader
kinds = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(kinds)
TOKENIZERS = {kind: kinds.make_tokenizer(kind) for kind in kinds.KINDS}
TEXTS = st.text("ab cé日🙂👍🏽\n\t.:)\u0301\ufffd<|im_end|>", max_size=25)


@pytest.mark.parametrize("kind", TOKENIZERS)
@settings(deadline=None, max_examples=40)
@given(text=TEXTS)
def test_pieces_are_the_text(kind, text):
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(text, add_special_tokens=False)
    found = pieces(tokenizer, ids)
    assert len(found) == len(ids)
    assert "".join(found) == tokenizer.decode(ids)


def test_a_character_of_several_tokens_is_shown_by_the_last():
    tokenizer = TOKENIZERS["bytes"]
    assert pieces(tokenizer, tokenizer.encode("a日b", add_special_tokens=False)) == ["a", "", "", "日", "b"]
    tokenizer = TOKENIZERS["llama2"]  # decode() takes the space from the first token of what it is given
    ids = tokenizer.encode("the quick fox", add_special_tokens=False)
    assert "".join(pieces(tokenizer, ids)).endswith("the quick fox")
    assert any(p.startswith(" ") for p in pieces(tokenizer, ids)[1:])


def test_long_rows_take_linear_time():
    calls = []

    class Counting:
        def decode(self, ids, **options):
            calls.append(len(ids))
            return TOKENIZERS["gpt2"].decode(ids)

    tokenizer = TOKENIZERS["gpt2"]
    ids = tokenizer.encode("the quick brown fox 日本 " * 400, add_special_tokens=False)
    pieces(Counting(), ids)  # type: ignore[arg-type]
    assert max(calls) <= 24
    assert len(calls) <= 2 * len(ids)


@given(st.text(max_size=30))
def test_nothing_is_invisible(text):
    shown = "".join(part for _, part in visible_parts(text))
    for k, c in enumerate(shown):
        if c == "\n":
            assert shown[k - 1] == "↵"
        elif c == " ":
            assert k == 0
        else:
            assert unicodedata.category(c)[0] in "LMNPS"
    assert not {c for c in visible_text(text) if unicodedata.category(c)[0] == "C" and c != "\n"}


def test_visible_by_hand():
    def shown(text: str) -> str:
        return "".join(part for _, part in visible_parts(text))

    assert shown(" word") == " word"
    assert shown(" ") == "·"
    assert shown("  x") == "··x"
    assert shown("\r\n\t") == "‹U+000D›↵\n⇥"
    assert shown("\u00a0\u200d\u2028") == "‹U+00A0›‹U+200D›‹U+2028›"
    assert shown("\u0301") == "◌\u0301"
    assert shown("") == "‹›"


@pytest.mark.parametrize("kind", ["gpt2", "llama3", "bytes", "metaspace", "llama2"])
def test_answers_that_are_not_trained_are_told_from_questions(kind):
    chat = Chat.bind("phi3-plain", TOKENIZERS[kind])
    turns = (Message("user", "one"), Message("assistant", "two", train=False), Message("user", "x"))
    made = fit_row(Example("r", (*turns, Message("assistant", "three")), "a:1"), chat)
    assert isinstance(made, Fitted)
    runs = [(state, "".join(t.text for _, t in run)) for state, run in shown_row(chat, made).runs()]
    assert [state for state, _ in runs] == ["read", "masked", "read", "trained"]
    assert runs[1][1].strip() == f"two{chat.stop_token}"
    assert runs[3][1].strip() == f"three{chat.stop_token}"
    assert [t.stop for t in shown_row(chat, made).tokens].count(True) == 2


def row_of(*tokens: str, trained: int = 0, cuts: tuple[Cut, ...] = ()) -> ShownRow:
    made = tuple(
        ShownToken(k, t, "trained" if k >= len(tokens) - trained else "read", False, False)
        for k, t in enumerate(tokens)
    )
    return ShownRow("r", "a:1", made, cuts, 0)


def test_lines_by_hand():
    row = row_of("One", " two", ".\n", "\n", "[end", "]", trained=2)
    assert row_lines(row) == ["One│ two│.↵", "│↵", "│[[[end│]]]"]
    # What a token has after a line break goes on without the mark that parts tokens.
    assert row_lines(row_of("a", "\n\n  b", "c")) == ["a│↵", "↵", "··b│c"]
    # The mark that ends what is trained stands on the line that it ends.
    assert row_lines(row_of("a", "b\n", trained=1)) == ["a│[[b↵]]"]
    assert row_lines(row_of("a", "b", cuts=(Cut("turns", 3, 1), Cut("later turns", 1, 2)))) == [
        "a",
        "✂ 3 tokens of the oldest turns were cut here",
        "│b",
        "✂ 1 token of turns after the last trained answer was cut here",
    ]


@settings(deadline=None)
@given(st.lists(st.text("ab 日\n", max_size=30), min_size=1, max_size=30), st.integers(0, 30), st.integers(10, 80))
def test_lines_hold_every_token_and_fit(tokens, trained, width):
    row = row_of(*tokens, trained=min(trained, len(tokens)))
    lines = row_lines(row, width)
    assert max(map(cell_len, lines)) <= width + 2  # a mark that closes may stand past the end of a full line
    body = "".join(line + "\n" if line.removesuffix("]]").endswith("↵") else line for line in lines)
    body = body.replace("[[", "").replace("]]", "").replace("↵\n", "\n").replace("·", " ").replace("‹›", "")
    assert body.split("│") == tokens
    coloured = row_lines(row, width, colour=True)
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in coloured] == lines


@pytest.mark.parametrize("module", [token_view, token_text])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0
