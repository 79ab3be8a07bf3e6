# ruff: noqa: E501 - tables of texts read better in long lines
"""Conversations to ids and masks, with tokenizers of every kind, against `apply_chat_template` and by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.chat.chat_rows import (
    LLAMA2,
    THREE,
    alone,
    answer,
    clean,
    own,
    prompt_of,
    row,
    squeeze,
    theirs,
    trained,
    user,
)

from heedful import templates
from heedful.chat import Chat
from heedful.control_tokens import adds_bos, control_texts, special_ids
from heedful.errors import TemplateError
from heedful.records import Example, Message

PIECES = (
    "### Response:\n", "### Instruction:", "<|im_end|>", "<|User|>", "</s>", "<|end|>", "<start_of_turn>", "<s>", "\n", "\n\n",
    " ", "  ", "\t", "\u3000", "\u00a0", ":", ":)", ")", "(", "e\u0301", "\u0301", "日本", "東京です。", "🙂", "👨‍👩‍👧", "\u200b", "ﬁ①",
    "𝔘", "x", "Paris", "def f():\n    return 1\n", "<", "|>", "▁", "<0x0A>", "'s", "a b", "\r\n", "1234", "\\n", "{{ x }}", "\x00",
)  # fmt: skip
TEXT = st.one_of(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=6).map("".join), st.text(max_size=12)
).filter(lambda t: not any("\ud800" <= c <= "\udfff" for c in t))
LOOSE = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="session", params=templates.BUILT_IN)
def chat(request, kind, make) -> Chat:
    return Chat.bind(request.param, make(kind))


@LOOSE
@given(question=TEXT, context=st.none() | TEXT, content=TEXT)
def test_one_turn(chat, kind, lossless, question, context, content):
    messages = (user(question, context), answer(content))
    made, prompt = chat.encode(row(*messages)), chat.prompt_ids(messages[:1])
    n = len(prompt)
    assert list(made.ids[:n]) == prompt  # the model is asked with the beginning of what it was trained on
    assert made.loss_mask == (False,) * n + (True,) * (len(made.ids) - n)  # nothing of the question, all of the answer
    assert made.ids[-1] == chat.stop_id
    assert prompt == theirs(chat, messages[:1], add_generation_prompt=True)
    text = chat.render(messages)
    shown = text[len(prompt_of(chat, messages[:1])) : len(text) - len(chat.tail)]
    assert shown in (content + chat.stop_token, content.strip() + chat.stop_token)
    decoded = chat.tokenizer.decode(made.ids[n:])
    if kind in lossless:
        assert decoded == alone(chat, shown)
    else:
        assert squeeze(alone(chat, "\n" + shown)).endswith(squeeze(decoded))
        assert decoded.endswith(chat.stop_token)
    whole = theirs(chat, messages)
    if clean(chat, messages):
        assert list(made.ids) == whole[: len(made.ids)]
        assert chat.stop_id not in whole[len(made.ids) :]
    else:
        assert list(made.ids) != whole[: len(made.ids)]


@LOOSE
@given(texts=st.lists(TEXT, min_size=4, max_size=4), system=st.none() | TEXT)
def test_two_turns(chat, kind, lossless, texts, system):
    messages = (user(texts[0]), answer(texts[1]), user(texts[2]), answer(texts[3]))
    if system is not None:
        messages = (Message("system", system), *messages)
    made = chat.encode(row(*messages))
    whole = theirs(chat, messages)
    if clean(chat, messages):
        assert list(made.ids) == whole[: len(made.ids)]
        assert chat.prompt_ids(messages[:-1]) == list(made.ids[: len(chat.prompt_ids(messages[:-1]))])
    assert chat.prompt_ids(messages[:-3]) == list(made.ids[: len(chat.prompt_ids(messages[:-3]))])
    ends = [t for t, m in enumerate(made.loss_mask) if m and not (*made.loss_mask, False)[t + 1]]
    assert [made.ids[t] for t in ends] == [chat.stop_id] * 2
    if kind in lossless:
        text, spans = chat.spans(messages)
        assert trained(chat, row(*messages)) == [alone(chat, text[s.start : s.end]) for s in spans]
        assert chat.tokenizer.decode(made.ids) == alone(chat, text[: len(text) - len(chat.tail)])
    # The other choices mark parts of the same row.
    last = chat.encode(row(*messages), "last-answer")
    start = max(t for t, m in enumerate(made.loss_mask) if m and not (False, *made.loss_mask)[t])
    if last.ids == made.ids:
        assert last.loss_mask == (False,) * start + made.loss_mask[start:]
    everything = chat.encode(row(*messages), "everything")
    assert everything.ids == made.ids
    assert everything.loss_mask == (False,) + (True,) * (len(made.ids) - 1)


# ---- boundaries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gpt2", "llama2"])
def test_a_merge_across_the_boundary_cuts_the_text(kind, make):
    """``:`` and ``)`` are one token in ``### Response::)``, but the model is asked with ``:`` alone."""
    chat = Chat.bind("alpaca-stanford", make(kind))
    messages = (user("Smile."), answer(") is half a smile"))
    made, prompt = chat.encode(row(*messages)), chat.prompt_ids(messages[:1])
    whole = theirs(chat, messages)
    assert whole[: len(prompt)] != prompt  # the case is real
    assert list(made.ids[: len(prompt)]) == prompt
    assert trained(chat, row(*messages)) == [") is half a smile" + chat.stop_token]
    assert not made.loss_mask[len(prompt) - 1]
    # The plain text is the same, and a piece does not begin with a space that nobody wrote.
    assert chat.tokenizer.decode(made.ids) == chat.tokenizer.decode(whole[: len(whole)])


def test_pieces_after_a_cut_are_encoded_as_they_stand(make):
    """Where the first answer needs a cut, what follows its stop token is encoded as it is after a stop token."""
    for kind in ("gpt2", "llama2", "gemma", "metaspace"):
        chat = Chat.bind("alpaca-stanford", make(kind))
        cut = (user("Smile."), answer(") :)"), user("Foo bar"), answer("Yes :)"))
        plain = (user("Smile."), answer("Ha :)"), user("Foo bar"), answer("Yes :)"))
        a, b = chat.encode(row(*cut)), chat.encode(row(*plain))
        stop_a, stop_b = a.ids.index(chat.stop_id), b.ids.index(chat.stop_id)
        assert a.ids[stop_a:] == b.ids[stop_b:], kind


def test_a_piece_that_the_tokenizer_changes(make):
    """NFKC makes a letter of a full-width one and the unknown fuses: a piece is still encoded without a space."""
    tokenizer = make("unigram")
    tokenizer.add_tokens([":)"])
    chat = Chat.bind("alpaca-stanford", tokenizer)
    for content, expected in ((") ①", [")", "▁", "1"]), (")Ａ①", [")", "<unk>", "1"]), (")ﬁ", [")", "f", "i"])):
        made = chat.encode(row(user("Smile."), answer(content)))
        n = len(chat.prompt_ids((user("Smile."),)))
        assert tokenizer.convert_ids_to_tokens(made.ids[n:]) == [*expected, "</s>"]


def test_white_space_after_a_marker_that_swallows_it(make):
    """Phi-3's markers swallow white space after them; what apply_chat_template does is done, and no more."""
    chat = Chat.bind("phi3", make("phi3"))
    messages = (user("Q"), answer("\n  A \n"), user(" R"), answer("B"))
    assert list(chat.encode(row(*messages)).ids) == theirs(chat, messages)
    assert [t.strip() for t in trained(chat, row(*messages))] == ["A \n<|end|>", "B<|end|>"]


def test_unknown_characters_do_not_hide_the_stop_token(make):
    """Unigram without byte fallback reads a line break as <unk>, itself a special token."""
    chat = Chat.bind("alpaca", make("unigram"))
    assert chat.stop_token == "</s>"
    unk = chat.tokenizer.convert_tokens_to_ids("<unk>")
    made = chat.encode(row(user("Q"), answer("\n☃\n")))
    assert unk in made.ids
    assert made.ids[-1] == chat.stop_id


# ---- what is trained --------------------------------------------------------------------------------------------


def flagged(*flags: bool | None) -> Example:
    turns = iter(flags)
    return row(*(answer(m.content, next(turns)) if m.role == "assistant" else m for m in THREE))


@pytest.mark.parametrize(
    ("flags", "train_on", "expected"),
    [
        ((None, None, None), "answers", ["one</s>", "two</s>", "three</s>"]),
        ((None, False, None), "answers", ["one</s>", "three</s>"]),
        ((True, False, False), "answers", ["one</s>"]),
        ((False, False, False), "answers", []),
        ((None, None, None), "last-answer", ["three</s>"]),
        ((True, None, None), "last-answer", ["one</s>", "three</s>"]),
        ((None, None, False), "last-answer", []),
    ],
)
def test_flags(flags, train_on, expected, make):
    assert trained(Chat.bind("alpaca", make("bytes")), flagged(*flags), train_on) == expected


def test_everything_leaves_out_the_first_token_and_flagged_turns(make):
    chat = Chat.bind("phi3-plain", make("bytes"))
    assert trained(chat, flagged(None, None, None), "everything") == [chat.render(THREE)[1:]]
    runs = trained(chat, flagged(None, False, None), "everything")
    assert "".join(runs) == chat.render(THREE)[1:].replace("two</s>", "")


def test_by_hand(make):
    """One token a byte: the mask can be read off the text."""
    chat = Chat.bind("phi3-plain", make("bytes"))
    made = chat.encode(row(user("Hi?"), answer("Hé")))
    text = "<|User|>\nHi?\n\n<|Assistant|>\nHé"
    assert len(made.ids) == len(text.encode()) + 1
    assert made.trained_tokens == len("Hé".encode()) + 1
    assert made.loss_mask == (False,) * (len(text.encode()) - 3) + (True,) * 4


@pytest.mark.parametrize("messages", [(), (user("a"),), (user("a"), answer("b"), user("c")), (Message("system", "s"),)])
def test_a_row_without_a_last_answer(messages, make):
    chat = Chat.bind("alpaca", make("bytes"))
    with pytest.raises(TemplateError, match="must end with the assistant's answer"):
        chat.encode(row(*messages))
    with pytest.raises(TemplateError, match="choose answers, last-answer, everything"):
        chat.encode(row(user("a"), answer("b")), "answer")


def test_an_answer_without_a_question_and_an_empty_one(make):
    chat = Chat.bind("chatml", make("bytes"))
    assert trained(chat, row(answer("Hello!"))) == ["Hello!<|im_end|>"]
    assert trained(chat, row(user(""), answer(""))) == ["<|im_end|>"]


# ---- BOS and special tokens -------------------------------------------------------------------------------------


def test_at_most_one_bos(chat):
    bos = chat.tokenizer.bos_token
    made = chat.encode(row(Message("system", "Be brief."), *THREE))
    if adds_bos(chat.tokenizer):
        assert made.ids[0] == chat.tokenizer.convert_tokens_to_ids(bos)
    if bos and bos != chat.tokenizer.eos_token:
        assert made.ids.count(chat.tokenizer.convert_tokens_to_ids(bos)) == adds_bos(chat.tokenizer)


def test_a_template_with_bos_gets_no_second(make):
    chat = own(make, "llama2", LLAMA2)
    assert chat.text == LLAMA2
    ids = list(chat.encode(row(user("Hi"), answer("Ho"))).ids)
    assert ids.count(chat.tokenizer.convert_tokens_to_ids("<s>")) == 1


def test_control_texts(make):
    tokenizer = make("phi3")
    texts = control_texts(tokenizer)
    assert {"<|user|>", "<|end|>", "<s>", "<|endoftext|>"} <= texts.keys()
    assert set(texts.values()) == special_ids(tokenizer)
    assert all(tokenizer.encode(t, add_special_tokens=False) == [i] for t, i in texts.items())


@pytest.mark.parametrize(
    ("name", "token"), [("phi3", "<|user|>"), ("chatml", "<|im_start|>"), ("gemma", "<start_of_turn>")]
)
def test_a_template_whose_markers_are_no_tokens(name, token):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    bare: Any = Tokenizer(WordLevel({"[UNK]": 0, "[EOS]": 1}, unk_token="[UNK]"))  # whatever it does not know is one id
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="[EOS]", unk_token="[UNK]")
    with pytest.raises(TemplateError, match="choose alpaca or phi3-plain") as e:
        Chat.bind(name, tokenizer)
    assert token in str(e.value)


@pytest.mark.parametrize("train_on", ["answers", "last-answer", "everything"])
def test_many_rows_at_once_are_what_they_are_one_by_one(kind, make, train_on, monkeypatch):
    """With merges across boundaries (``:)``), and batches that end in the middle."""
    monkeypatch.setattr("heedful.chat.AT_ONCE", 3)
    c = own(make, kind, LLAMA2.replace("bos_token + ", "(bos_token or '') + "))
    texts = (":)", "one two", " led", "", "日本 語", "one two", "x" * 40)
    rows = [
        Example(f"r{n}", (user(f"q{n}:"), answer(text, train=False if n % 3 == 2 else None), user(")"), answer(text)))
        for n, text in enumerate(texts)
    ]
    assert list(c.encode_all(rows, train_on)) == [c.encode(r, train_on) for r in rows]


def test_a_row_that_is_refused_among_many_keeps_its_place(make):
    c = Chat.bind("alpaca", make("gpt2"))
    good, bad = row(user("q"), answer("a")), row(user("q"))
    made = list(c.try_encode_all([good, bad, good]))
    assert made[0] == made[2] == c.encode(good)
    assert isinstance(made[1], TemplateError)
    with pytest.raises(TemplateError, match="must end with the assistant's answer"):
        list(c.encode_all([good, bad]))
