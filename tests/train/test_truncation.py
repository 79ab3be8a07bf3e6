"""Over-long rows: what goes first, what never goes, and how few encodings it takes."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from heedful.chat import Chat
from heedful.data.formats import Drop
from heedful.errors import DataError, RequestError
from heedful.records import Example, Message
from heedful.train.truncation import Cut, Fitted, cut_text, fit_row, shorten


def byte_tokenizer() -> Any:
    """One token a byte, so that lengths can be counted by hand."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made: Any = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(t, normalized=False) for t in ("</s>", "<|im_start|>", "<|im_end|>")])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>", pad_token="</s>")


TOKENIZER = byte_tokenizer()
CHAT = Chat.bind("phi3-plain", TOKENIZER)


def user(text: str, context: str | None = None) -> Message:
    return Message("user", text, context)


def answer(text: str, train: bool | None = None) -> Message:
    return Message("assistant", text, train=train)


def length(*messages: Message, train_on: str = "answers") -> int:
    return len(CHAT.encode(Example("r", messages), train_on).ids)


def fitted(turns: Any, limit: int, overlong: str = "truncate", train_on: str = "answers") -> Fitted | Drop:
    return fit_row(Example("r", tuple(turns), "x:1"), CHAT, train_on, limit, overlong)


def left(turns: Any, limit: int, overlong: str = "truncate", train_on: str = "answers") -> tuple[Message, ...] | None:
    """The messages that are left, after the checks that hold for every shortened row; None where it is dropped."""
    made = fitted(turns, limit, overlong, train_on)
    if isinstance(made, Drop):
        assert made.reason == "too_long"
        return None
    again = CHAT.encode(made.example, train_on)
    assert (made.row.ids, made.row.loss_mask) == (again.ids, again.loss_mask)
    assert len(made.row.ids) == length(*turns, train_on=train_on) - made.row.truncated <= limit
    assert made.row.ids[-1] == CHAT.stop_id
    assert made.row.loss_mask[-1]
    assert sum(c.tokens for c in made.cuts) == made.row.truncated
    assert [c.at for c in made.cuts if c.part != "later turns"] == sorted(
        c.at for c in made.cuts if c.part != "later turns"
    )
    assert made.example.source == "x:1"
    return made.example.messages


TURNS = (
    Message("system", "Be brief."),
    user("one"),
    answer("1"),
    user("two"),
    answer("2"),
    user("three", "x" * 40),
    answer("3"),
)


def test_oldest_turns_go_first_then_the_input():
    whole, system, last = length(*TURNS), TURNS[:1], TURNS[5:]
    assert left(TURNS, whole) == TURNS
    assert left(TURNS, whole - 1) == (*system, *TURNS[3:])
    two = length(*system, *TURNS[3:])
    assert left(TURNS, two) == (*system, *TURNS[3:])
    assert left(TURNS, two - 1) == (*system, *last)
    one = length(*system, *last)
    assert left(TURNS, one - 7) == (*system, user("three", "x" * 33), last[1])
    # The whole input goes, with the blank line before it, before a row is given up.
    least = length(*system, user("three"), last[1])
    assert left(TURNS, least) == (*system, user("three"), last[1])
    assert left(TURNS, least - 1) is None


def test_two_questions_in_a_row_are_one():
    turns = (user("a"), answer("b"), user("c"), user("d"), answer("e"))
    assert left(turns, length(*turns) - 1) == turns[2:]
    assert left(turns, length(*turns[2:]) - 1) is None


def test_system_messages_stay_wherever_they_stand():
    middle = Message("system", "Now in French.")
    turns = (user("a" * 20), answer("b"), middle, user("c"), answer("d"))
    chat = Chat.bind("chatml", TOKENIZER)
    row = Example("r", turns)
    made = fit_row(row, chat, "answers", len(chat.encode(row).ids) - 1, "truncate")
    assert isinstance(made, Fitted)
    assert made.example.messages == turns[2:]
    row = dataclasses.replace(row, tools=({"type": "function", "function": {"name": "weather", "parameters": {}}},))
    made = fit_row(row, chat, "answers", len(chat.encode(row).ids) - 1, "truncate")
    assert isinstance(made, Fitted)
    assert made.example.messages == turns[2:]
    assert "weather" in TOKENIZER.decode(made.row.ids)


def test_calls_and_their_results_go_with_their_question():
    call = {"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": 2}}}
    asked = (user("1 + 2?"), Message("assistant", "", tool_calls=(call,)), Message("tool", "3"), answer("It is 3."))
    turns = (*asked, user("Thanks."), answer("You are welcome."))
    chat = Chat.bind("chatml", TOKENIZER)
    row = Example("r", turns)
    made = fit_row(row, chat, "answers", len(chat.encode(row).ids) - 1, "truncate")
    assert isinstance(made, Fitted)
    assert made.example.messages == turns[4:]
    alone = Example("r", asked)
    made = fit_row(alone, chat, "answers", len(chat.encode(alone).ids) - 1, "truncate")
    assert isinstance(made, Drop)  # a result without its call would be nonsense


def test_several_inputs_go_from_the_oldest_on():
    turns = (user("a", "x" * 30), user("b", "y" * 30), answer("c"))
    assert left(turns, length(*turns) - 10) == (user("a", "x" * 20), *turns[1:])
    short = length(user("a"), user("b", "y" * 30), answer("c"))
    assert left(turns, short) == (user("a"), *turns[1:])
    assert left(turns, short - 5) == (user("a"), user("b", "y" * 25), turns[2])


def test_turns_after_the_last_trained_answer_go_before_all_others():
    """They change no loss: what is trained never reads them. Without them the trained answer may fit whole."""
    turns = (user("a"), answer("trained"), user("b" * 50), answer("not", train=False))
    assert left(turns, length(*turns[:2])) == turns[:2]
    assert left(turns, length(*turns[:2]) - 1) is None
    turns = (user("old"), answer("1"), user("a"), answer("trained"), user("b"), answer("not", train=False))
    assert left(turns, length(*turns[2:4])) == turns[2:4]
    # Where all tokens are trained the later ones are too.
    made = fitted(turns, length(*turns[4:]), train_on="everything")
    assert isinstance(made, Fitted)
    assert made.example.messages == turns[4:]


def test_the_turn_that_is_trained_is_never_the_one_that_goes():
    turns = (user("a"), answer("1", train=True), user("b"), answer("2", train=False), user("c"), answer("3", False))
    made = left(turns, length(*turns) - 1)
    assert made == turns[:2]
    made = left(turns, length(*turns) - 1, train_on="last-answer")
    assert made == turns[:2]


def test_a_row_in_which_nothing_is_trained_is_dropped_however_short():
    made = fitted((user("a"), answer("b", train=False)), 1000)
    assert isinstance(made, Drop)
    assert (made.reason, made.source) == ("nothing_trained", "x:1")


def test_answers_are_cut_only_when_asked_by_name():
    turns = (user("Q"), answer("It is red. It is big and round. The end"))
    whole = length(*turns)
    assert left(turns, whole - 1) is None
    assert left(turns, whole - 1, "truncate-answer") == (turns[0], answer("It is red. It is big and round."))
    assert left(turns, whole - 12, "truncate-answer") == (turns[0], answer("It is red. It is big and"))
    assert left(turns, whole - 20, "truncate-answer") == (turns[0], answer("It is red."))
    assert left(turns, whole - 30, "truncate-answer") == (turns[0], answer("It is"))
    assert left(turns, length(turns[0], answer("I")), "truncate-answer") == (turns[0], answer("I"))
    assert left(turns, length(turns[0], answer("I")) - 1, "truncate-answer") is None
    # The input goes before the answer is touched.
    turns = (user("Q", "x" * 30), answer("It is red."))
    assert left(turns, length(*turns) - 5, "truncate-answer") == (user("Q", "x" * 25), turns[1])


@given(st.text("ab. \n。", min_size=1, max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_cut_text_is_a_beginning_and_more_room_never_gives_less(text, a, b):
    small, large = cut_text(text, min(a, b)), cut_text(text, max(a, b))
    assert text.startswith(small)
    assert len(large) <= max(1, max(a, b))
    assert large.startswith(small) or large.rstrip() == small.rstrip()


def test_where_it_was_cut():
    made = fitted(TURNS, length(*TURNS[:1], *TURNS[5:]) - 7)
    assert isinstance(made, Fitted)
    text = [TOKENIZER.decode([i]) for i in made.row.ids]
    turns, given_input = made.cuts
    assert (turns.part, given_input) == ("turns", Cut("input", 7, given_input.at))
    # In the input the cut stands after what is left of it, before what the template writes next.
    assert "".join(text[: given_input.at]).endswith("x" * 33)
    assert not "".join(text[given_input.at :]).startswith("x")
    chat = Chat.bind("chatml", TOKENIZER)
    row = Example("r", TURNS)
    made = fit_row(row, chat, "answers", len(chat.encode(row).ids) - 1, "truncate")
    assert isinstance(made, Fitted)
    text = "".join(TOKENIZER.decode([i]) for i in made.row.ids[made.cuts[0].at :])
    assert text.startswith("<|im_start|>user\ntwo")


@st.composite
def conversations(draw: Any) -> tuple[Message, ...]:
    texts = st.text("ab é\n日.", min_size=1, max_size=9).filter(str.strip)
    turns = draw(st.lists(st.tuples(texts, texts, st.none() | st.booleans()), min_size=1, max_size=5))
    messages = [Message("system", "S")] if draw(st.booleans()) else []
    for question, reply, train in turns:
        context = draw(st.none() | st.text("xy 日", min_size=1, max_size=20))
        messages += [user(question, context), answer(reply, train)]
    return tuple(messages)


@settings(deadline=None, max_examples=150)
@given(
    conversations(),
    st.integers(8, 200),
    st.sampled_from(["truncate", "truncate-answer"]),
    st.sampled_from(["answers", "last-answer", "everything"]),
)
def test_what_holds_for_every_row(messages, limit, overlong, train_on):
    made = fitted(messages, limit, overlong, train_on)
    if isinstance(made, Drop):
        assert made.reason in ("too_long", "nothing_trained")
        assert overlong == "truncate" or made.reason == "nothing_trained" or not _least_fits(messages, limit)
        return
    row, kept = made.row, made.example.messages
    assert len(row.ids) <= limit
    again = CHAT.encode(made.example, train_on)
    assert (row.ids, row.loss_mask) == (again.ids, again.loss_mask)
    assert row.trained_tokens > 0
    assert row.ids[-1] == CHAT.stop_id
    if not row.truncated:
        assert kept == messages
        return
    # What is left is a run of turns, system messages before it, and its last turn is the last that is trained.
    turns = [m for m in messages if m.role != "system"]
    stayed = [m for m in kept if m.role != "system"]
    plain = [dataclasses.replace(m, context=None) for m in turns]
    bare = [dataclasses.replace(m, context=None) for m in stayed]
    if overlong == "truncate-answer":
        assert any(p.content.startswith(bare[-1].content) for p in plain)
        places = [k for k in range(len(plain)) if plain[k : k + len(bare) - 1] == bare[:-1]]
        assert places
    else:
        assert any(plain[k : k + len(bare)] == bare for k in range(len(plain)))
        assert row.loss_mask[-1] or train_on == "everything"
    assert [m for m in kept if m.role == "system"] == [m for m in messages if m.role == "system"]


def _least_fits(messages: tuple[Message, ...], limit: int) -> bool:
    """Whether the smallest row that may be made of a conversation fits: one question, one character of its answer."""
    shortest = min(
        length(*(m for m in messages if m.role == "system"), user(q.content), answer(a.content.lstrip()[:1] or "a"))
        for q, a in itertools.pairwise([m for m in messages if m.role != "system"])
        if a.role == "assistant"
    )
    return shortest + 60 <= limit  # white space that leads an answer stays: room for it and for other questions


@settings(deadline=None, max_examples=60)
@given(conversations(), st.integers(8, 150), st.integers(1, 40), st.sampled_from(["truncate", "truncate-answer"]))
def test_more_room_never_leaves_less(messages, limit, more, overlong):
    small, large = fitted(messages, limit, overlong), fitted(messages, limit + more, overlong)
    if isinstance(small, Fitted):
        assert isinstance(large, Fitted)
        assert len(large.row.ids) >= len(small.row.ids)


def test_few_encodings():
    """A long row is encoded whole once, and a handful of times near the limit."""
    calls: list[int] = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(TOKENIZER, name)

        def encode(self, text: str, **options: Any) -> list[int]:
            calls.append(len(text))
            return TOKENIZER.encode(text, **options)

    chat = Chat.bind("phi3-plain", Counting())  # type: ignore[arg-type]
    made = shorten(
        Example("r", (row := (user("Q", "word " * 20_000), answer("A")))),
        chat,
        "answers",
        1000,
        CHAT.encode(Example("r", row)),
    )
    assert made is not None
    assert len(made.row.ids) == 1000
    assert sum(n > 2000 for n in calls) <= 2  # the input, and nothing else of that length
    assert len(calls) < 40
    calls.clear()
    turns = tuple(m for k in range(400) for m in (user(f"question {k} " * 9), answer(f"answer {k}")))
    made = shorten(Example("r", turns), chat, "last-answer", 2000, CHAT.encode(Example("r", turns), "last-answer"))
    assert made is not None
    assert 1800 < len(made.row.ids) <= 2000
    assert sum(n > 6000 for n in calls) <= 6
    assert sum(calls) < 3 * sum(len(m.content) for m in turns)


def test_what_is_refused():
    with pytest.raises(RequestError, match=r"overlong 'trunc' \(did you mean 'truncate'\?\): choose drop"):
        fitted(TURNS, 10, "trunc")
    with pytest.raises(DataError, match=r"^x:1: the row has \d+ tokens, more than max_length 10; raise max_length"):
        fitted(TURNS, 10, "error")
    made = fitted(TURNS, 10, "drop")
    assert isinstance(made, Drop)
    assert made.sentence == "longer than max_length 10 tokens"
