# ruff: noqa: E501 - tables of texts read better in long lines
"""Conversations to ids and masks, with tokenizers of every kind, against `apply_chat_template` and by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heedful import templates
from heedful.chat import Chat
from heedful.control_tokens import adds_bos, control_texts, special_ids
from heedful.errors import TemplateError
from heedful.records import Example, Message

QWEN3 = """\
{%- set ns = namespace(last=0) -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}{%- endif -%}{%- endfor -%}
{%- for m in messages -%}
{%- if m.role == 'assistant' -%}
{%- set reasoning = '' -%}{%- set content = m.content -%}
{%- if '</think>' in content -%}
{%- set reasoning = content.split('</think>')[0].split('<think>')[-1].strip('\\n') -%}
{%- set content = content.split('</think>')[-1].lstrip('\\n') -%}
{%- endif -%}
{{- '<|im_start|>assistant\\n' -}}
{%- if loop.index0 > ns.last -%}{{- '<think>\\n' + reasoning + '\\n</think>\\n\\n' -}}{%- endif -%}
{{- content + '<|im_end|>\\n' -}}
{%- else -%}
{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"""
# As in microsoft/Phi-3-mini-4k-instruct: end-of-text closes a conversation that is not to be continued.
PHI3_OFFICIAL = """\
{% for message in messages %}{{'<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n'}}{% endfor %}\
{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"""
# As in meta-llama/Llama-2-7b-chat-hf, without its system part: a space before and after every answer.
LLAMA2 = """\
{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content | trim + ' [/INST]' }}\
{% else %}{{ ' ' + m.content | trim + ' ' + eos_token }}{% endif %}{% endfor %}"""
GENERATION = """\
{% for m in messages %}{% if m.role == 'assistant' %}<|im_start|>assistant
{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}

{% else %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def user(text: str, context: str | None = None) -> Message:
    return Message("user", text, context)


def answer(text: str, train: bool | None = None) -> Message:
    return Message("assistant", text, train=train)


def row(*messages: Message) -> Example:
    return Example("r", messages)


def own(make: Any, kind: str, template: str) -> Chat:
    tokenizer = make(kind)
    tokenizer.chat_template = template
    return Chat.bind("model", tokenizer)


def trained(chat: Chat, example: Example, train_on: str = "answers") -> list[str]:
    """The text of each run of trained tokens."""
    made, runs = chat.encode(example, train_on), []
    for t, (i, mask) in enumerate(zip(made.ids, made.loss_mask, strict=True)):
        if mask and (t == 0 or not made.loss_mask[t - 1]):
            runs.append([])
        if mask:
            runs[-1].append(i)
    return [chat.tokenizer.decode(r) for r in runs]


def squeeze(text: str) -> str:
    return "".join(text.split())


# ---- properties -------------------------------------------------------------------------------------------------

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


def prompt_of(chat: Chat, messages: tuple[Message, ...]) -> str:
    return chat.render(messages, add_generation_prompt=True)


def clean(chat: Chat, messages: tuple[Message, ...]) -> bool:
    """Whether no merge crosses a boundary, by the tokenizer alone."""
    encode = chat.tokenizer.encode
    whole = encode(chat.render(messages), add_special_tokens=False)
    heads = [
        encode(prompt_of(chat, messages[:k]), add_special_tokens=False)
        for k, m in enumerate(messages)
        if m.role == "assistant"
    ]
    return all(whole[: len(h)] == h for h in heads)


def alone(chat: Chat, text: str) -> str:
    """A text after encoding and decoding: what a tokenizer makes of it (SentencePiece reads ``▁`` as a space)."""
    return chat.tokenizer.decode(chat.tokenizer.encode(text, add_special_tokens=False))


def theirs(chat: Chat, messages: tuple[Message, ...], add_generation_prompt: bool = False) -> list[int]:
    """The ids that transformers gives, once the template is installed."""
    tokenizer: Any = chat.tokenizer
    chat.install(tokenizer)
    return tokenizer.apply_chat_template(
        chat.as_dicts(messages), add_generation_prompt=add_generation_prompt, tokenize=True, return_dict=False
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

THREE = (user("a"), answer("one"), user("b"), answer("two"), user("c"), answer("three"))


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


# ---- templates of others ----------------------------------------------------------------------------------------


def test_the_models_own_template(make):
    chat = own(make, "phi3", PHI3_OFFICIAL)
    assert (chat.stop_token, chat.after, chat.tail) == ("<|end|>", "<|end|>", "\n<|endoftext|>")
    messages = (user("a"), answer("b"), user("c"), answer("d"))
    made, whole = chat.encode(row(*messages)), theirs(chat, messages)
    assert list(made.ids) == whole[: len(made.ids)]
    assert whole[len(made.ids) :] == [chat.tokenizer.convert_tokens_to_ids("<|endoftext|>")]
    assert [t.strip() for t in trained(chat, row(*messages))] == ["b<|end|>", "d<|end|>"]
    assert trained(chat, row(user("a", "more"), answer("b"))) == trained(chat, row(user("a"), answer("b")))
    assert "a\n\nmore<|end|>" in chat.render((user("a", "more"),))


def test_a_template_that_writes_before_the_answer_trains_it(make):
    """Servers ask with the template's generation prompt: what comes after it is the model's to write."""
    chat = own(make, "llama2", LLAMA2)
    assert (chat.before, chat.after, chat.tail) == (" ", " </s>", "")
    messages = (user("Hi"), answer("Ho"))
    prompt = chat.prompt_ids(messages[:1])
    assert prompt == theirs(chat, messages[:1], add_generation_prompt=True)
    made = chat.encode(row(*messages))
    assert list(made.ids) == theirs(chat, messages)
    assert list(made.ids[: len(prompt)]) == prompt
    assert made.trained_tokens == len(made.ids) - len(prompt)


def test_a_template_that_rewrites_earlier_turns(make):
    chat = own(make, "bytes", QWEN3)
    assert chat.before == "<think>\n\n</think>\n\n"
    two = row(user("a"), answer("<think>\nhm\n</think>\n\nb"), user("c"), answer("<think>\nso\n</think>\n\nd"))
    for train_on in ("answers", "everything"):
        with pytest.raises(TemplateError, match=r"changes an earlier answer.*use train_on: last-answer"):
            chat.encode(two, train_on)
    assert trained(chat, two, "last-answer") == ["<think>\nso\n</think>\n\nd<|im_end|>"]
    assert (
        list(chat.encode(two, "last-answer").ids)
        == theirs(chat, two.messages)[: len(chat.encode(two, "last-answer").ids)]
    )
    assert trained(chat, row(user("a"), answer("b"))) == ["<think>\n\n</think>\n\nb<|im_end|>"]
    prompt = chat.prompt_ids((user("a"),))
    assert prompt == theirs(chat, (user("a"),), add_generation_prompt=True)


def test_a_template_that_loses_words_of_an_answer(make):
    """DeepSeek-R1's template leaves out the reasoning of the last turn too: a row must not lose it in silence."""
    chat = own(make, "bytes", QWEN3.replace("'<think>\\n' + reasoning", "'<think>\\n' + ''"))
    assert trained(chat, row(user("a"), answer("b")))
    with pytest.raises(TemplateError, match="changes the last answer"):
        chat.encode(row(user("a"), answer("<think>\nwell\n</think>\n\nb")))


def test_generation_tags(make):
    chat = own(make, "bytes", GENERATION)
    plain = Chat.bind("chatml", make("bytes"))
    assert chat.render(THREE) == plain.render(THREE)
    assert chat.encode(row(*THREE)) == plain.encode(row(*THREE))


def test_a_template_file(tmp_path, make):
    path = tmp_path / "mine.jinja"
    path.write_text(templates.template_text("chatml", None), encoding="utf-8")
    chat = Chat.bind(str(path), make("bytes"))
    assert chat.encode(row(*THREE)) == Chat.bind("chatml", make("bytes")).encode(row(*THREE))
    assert len(chat.sha256) == 64


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{% for m in messages %}{{ m.content }}\n{% endfor %}", "does not end in a stop token"),
        ("{% for m in messages %}{{ m.content }}</s>{% endfor %}{{ add_generation_prompt }}", "add_generation_prompt"),
        ("{% for m in messages if m.role == 'user' %}{{ m.content }}</s>{% endfor %}", "not render the assistant's"),
        ("{% for m in messages %}{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}A:{% endif %}", "begins"),
        ("{% for m in messages %}", "not valid Jinja"),
        ("{{ raise_exception('No.') }}", "refuses this conversation: No."),
        ("{{ ''.__class__.__mro__ }}", "refuses this conversation"),
        ("", "does not render"),
    ],
)
@pytest.mark.parametrize("kind", ["bytes", "unigram"])
def test_templates_that_cannot_be_used(template, says, kind, make):
    tokenizer = make(kind)
    tokenizer.chat_template = template or "{# nothing #}"
    with pytest.raises(TemplateError, match=says) as e:
        Chat.bind("model", tokenizer)
    assert "\n" not in str(e.value)


def test_a_template_that_refuses_system_messages(make):
    text = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    chat = own(make, "bytes", text + templates.template_text("chatml", None))
    assert chat.encode(row(*THREE))
    with pytest.raises(TemplateError, match="refuses this conversation: System role not supported"):
        chat.encode(row(Message("system", "s"), *THREE))


def test_an_end_of_turn_token_that_is_not_marked_special(make):
    from tokenizers import AddedToken

    tokenizer = make("bytes")
    tokenizer.add_tokens([AddedToken("<|eot|>", normalized=False, special=False), AddedToken("\n\n", special=False)])
    tokenizer.chat_template = templates.template_text("chatml", None).replace("<|im_end|>", "<|eot|>")
    assert Chat.bind("model", tokenizer).stop_token == "<|eot|>"
    tokenizer.chat_template = templates.template_text("chatml", None).replace("<|im_end|>", "\n\n")
    with pytest.raises(TemplateError, match="does not end in a stop token"):
        Chat.bind("model", tokenizer)


def test_a_stop_token_that_the_tokenizer_does_not_see(make):
    """A token that counts only between words is none straight after an answer."""
    from tokenizers import AddedToken

    tokenizer = make("bytes")
    tokenizer.add_special_tokens({"extra_special_tokens": [AddedToken("EOT", single_word=True, normalized=False)]})
    tokenizer.chat_template = templates.template_text("chatml", None).replace("<|im_end|>", "EOT")
    with pytest.raises(TemplateError, match="does not end in a stop token"):
        Chat.bind("model", tokenizer)


def test_several_named_templates(make):
    tokenizer = make("bytes")
    tokenizer.chat_template = {"default": templates.template_text("chatml", None), "tool_use": "x"}
    assert Chat.bind("model", tokenizer).stop_token == "<|im_end|>"
    tokenizer.chat_template = {"tool_use": "x"}
    with pytest.raises(TemplateError, match="brings no chat template"):
        Chat.bind("model", tokenizer)


def test_install(make):
    from transformers import GenerationConfig

    chat, other = Chat.bind("chatml", make("bytes")), make("bytes")
    config = GenerationConfig(eos_token_id=7)
    chat.install(other, config)
    chat.install(other, config)
    assert other.chat_template == chat.text
    assert config.eos_token_id == [chat.stop_id, 7]
    for now, then in ((None, [chat.stop_id]), ([3, chat.stop_id], [chat.stop_id, 3])):
        config.eos_token_id = now
        chat.install(other, config)
        assert config.eos_token_id == then


# ---- the packaged models' tokenizers ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gemma3-270m", "smollm2-135m-instruct"])
def test_packaged_tokenizers(name):
    from heedful.data import read_examples
    from heedful.data.packaged import starter_path
    from heedful.errors import ModelError
    from heedful.models.loading import load_tokenizer

    try:
        tokenizer = load_tokenizer(f"pip:{name}")
    except ModelError as e:
        pytest.skip(str(e))
    bound = 0
    for template in (*templates.BUILT_IN, *(["model"] if tokenizer.chat_template else [])):
        own_template = tokenizer.chat_template
        try:
            chat = Chat.bind(template, tokenizer)
        except TemplateError as e:
            if "vocabulary has no token" not in str(e):
                raise
            continue
        bound += 1
        for example in read_examples(starter_path())[::10]:
            made, prompt = chat.encode(example), chat.prompt_ids(example.prompt)
            assert list(made.ids[: len(prompt)]) == prompt
            assert tokenizer.decode(made.ids[len(prompt) :]) == (example.reference or "") + chat.stop_token
            assert prompt == theirs(chat, example.prompt, add_generation_prompt=True)
            if clean(chat, example.messages):
                assert list(made.ids) == theirs(chat, example.messages)[: len(made.ids)]
        tokenizer.chat_template = own_template
    assert bound >= 4


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
