# ruff: noqa: E501 - tables of texts read better in long lines
"""Templates that others wrote: the model's own, files, those that cannot be used; and the packaged models' tokenizers."""

from __future__ import annotations

import pytest
from tests.chat.chat_rows import (
    GENERATION,
    LLAMA2,
    PHI3_OFFICIAL,
    QWEN3,
    THREE,
    answer,
    clean,
    own,
    row,
    theirs,
    trained,
    user,
)

from heedful import templates
from heedful.chat import Chat
from heedful.errors import TemplateError
from heedful.records import Message


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
