"""Text while tokens come: pieces that are never taken back, and stop strings wherever tokens end."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.backends.generation.text import AnswerText

STOP = 0  # "<|end|>" of the tiny tokenizer


@cache
def tokenizer(make):
    return make()


def fed(tokenizer, ids, before="", stops=()):
    """The pieces while tokens come, until a stop string is complete; and the whole."""
    text, pieces = AnswerText(tokenizer, before, stops, {STOP}), []
    for token in ids:
        over = text.add(token)
        pieces.append(text.piece())
        if over:
            break
    pieces.append(text.last_piece())
    return pieces, text.whole(), len(text.tokens)


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.sampled_from("ab \n日🌊é\u0301."), max_size=12), stopped=st.booleans())
def test_pieces_are_the_whole_text_and_hold_whole_characters(tiny, text, stopped):
    made = tokenizer(tiny.tokenizer)
    ids = made.encode(text, add_special_tokens=False) + [STOP] * stopped
    pieces, whole, _ = fed(made, ids)
    assert "".join(pieces) == whole == text
    assert not any("\ufffd" in p for p in pieces)


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.sampled_from("ab\n#日"), max_size=14),
    stops=st.lists(st.text(st.sampled_from("ab\n#日"), min_size=1, max_size=3), max_size=2),
)
def test_an_answer_ends_before_the_first_stop_string(tiny, text, stops):
    made = tokenizer(tiny.tokenizer)
    ids = made.encode(text, add_special_tokens=False)
    pieces, whole, _ = fed(made, ids, stops=stops)
    # Which is first complete counts; of those that one token completes, the one that begins first.
    so_far = (made.decode(ids[:n]) for n in range(len(ids) + 1))
    seen = next((t for t in so_far if any(s in t for s in stops)), text)
    wanted = seen[: min((seen.find(s) for s in stops if s in seen), default=len(seen))]
    assert "".join(pieces) == whole == wanted


def test_a_stop_string_over_several_tokens_ends_the_answer_where_it_is_complete(tiny):
    made = tokenizer(tiny.tokenizer)
    ids = made.encode("Yes.\n\n### Ins and more", add_special_tokens=False)
    pieces, whole, used = fed(made, ids, stops=("\n\n###",))
    assert whole == "Yes."
    assert "".join(pieces) == "Yes."
    assert made.decode(ids[:used]).startswith("Yes.\n\n###")
    assert not made.decode(ids[: used - 1]).startswith("Yes.\n\n###")
    assert "\n" not in "".join(pieces), "what may begin a stop string is held back"


def test_what_the_template_writes_before_answers_is_no_part_of_any_piece(tiny):
    made = tokenizer(tiny.tokenizer)
    for said, wanted in (("<t></t>Yes.", "Yes."), ("<t>No.", "<t>No."), ("<t>", "<t>")):
        pieces, whole, _ = fed(made, made.encode(said, add_special_tokens=False), before="<t></t>")
        assert "".join(pieces) == whole == wanted
