"""A conversation: what is kept, what a model sees of it, and the file."""

from __future__ import annotations

import json

import pytest

from heedful.conversation import Conversation, load_conversation, save_conversation
from heedful.errors import DataError, RequestError
from heedful.records import Message


def words(messages):
    return sum(len(m.content.split()) for m in messages)


def talk(*texts, system=None):
    made = Conversation(system)
    for k, text in enumerate(texts):
        (made.answered if k % 2 else made.ask)(text)
    return made


def test_turns_are_taken_back():
    c = talk("a", "b", "c", "d", system="s")
    assert c.asked() == (Message("system", "s"), Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    assert (c.question, c.answer) == ("c", "d")
    c.drop_answer()
    assert (c.question, c.answer) == ("c", None)
    assert [c.undo(), c.undo(), c.undo()] == ["c", "a", None]
    assert c.messages == (Message("system", "s"),)


def test_the_oldest_turns_are_left_out_where_there_is_no_room():
    c = talk("one two three", "four", "five", "six", "seven eight", system="be brief")
    whole = words(c.asked())
    assert whole == 10
    assert c.seen(words, 15, 5).left_out == 0
    cut = c.seen(words, 14, 5)
    assert (cut.left_out, [m.content for m in cut.messages]) == (2, ["be brief", "five", "six", "seven eight"])
    assert c.seen(words, 9, 5).left_out == 4
    with pytest.raises(RequestError, match="4 tokens with its template, and the model has room for 8, of which 5"):
        c.seen(words, 8, 5)
    assert len(c.turns) == 5, "nothing was taken from the conversation itself"


def test_a_file_comes_back_and_is_a_row_of_data(tmp_path):
    from heedful.data import load_examples

    path = tmp_path / "talk.json"
    c = talk("Où?", "Là 🌊", "a\nb", "c", system="s")
    save_conversation(path, c, {"model": "m"}, mine=False)
    assert load_conversation(path) == c
    assert json.loads(path.read_text())[0]["model"] == "m"
    save_conversation(tmp_path / "talk.jsonl", c, {}, mine=False)
    for file in (path, tmp_path / "talk.jsonl"):
        (example,), _ = load_examples([str(file)])
        assert example.messages == c.messages
        assert load_conversation(file) == c
    with pytest.raises(RequestError, match="exists and is not from this conversation"):
        save_conversation(path, c, {}, mine=False)
    save_conversation(path, talk("x", "y"), {}, mine=True)
    assert load_conversation(path).question == "x"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not one JSON document"),
        ("[1]", "has no 'messages'"),
        ('{"messages": []}', "has no 'messages'"),
        ('{"messages": [{"role": "boss", "content": "x"}]}', "message 1: not a Message"),
        ('{"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": "y"}]}', "message 2"),
        ('{"messages": [{"role": "user", "content": 7}]}', "message 1: not a Message: content"),
        ("[" * 100_000, "not one JSON document"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_conversation(tmp_path, text, said):
    path = tmp_path / "talk.json"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        load_conversation(path)
    with pytest.raises(DataError, match="no such file"):
        load_conversation(tmp_path / "none.json")
    with pytest.raises(RequestError, match="nothing has been said"):
        save_conversation(tmp_path / "new.json", Conversation(), {}, mine=False)
