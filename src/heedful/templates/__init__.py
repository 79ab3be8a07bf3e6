"""The built-in chat templates, as Jinja files, and the sandbox in which every template is rendered.

A template sees what transformers' `apply_chat_template` shows it: `messages`, `tools`, `add_generation_prompt`, the
special tokens by name, `raise_exception`. A message may also have `context` (Alpaca's input). The sandbox has
transformers' settings, so that the same text comes out here and there.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from heedful.errors import TemplateError, did_you_mean

# The tokens that a template's markers must be in the model's vocabulary. Without them the markers
# would fall into pieces that the model has never seen as one thing, and an answer could not end.
NEEDS_TOKENS: dict[str, tuple[str, ...]] = {
    "alpaca": (),
    "alpaca-stanford": (),
    "phi3": ("<|user|>", "<|end|>", "<|assistant|>"),
    "phi3-plain": (),
    "chatml": ("<|im_start|>", "<|im_end|>"),
    "llama3": ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "gemma": ("<start_of_turn>", "<end_of_turn>"),
}
BUILT_IN = tuple(NEEDS_TOKENS)


def template_text(name: str, own: str | None) -> str:
    """The Jinja text of a template by name: a built-in one, ``model`` (`own`, the tokenizer's), or a file's path.

    Raises TemplateError if there is none of that name.
    """
    if name in NEEDS_TOKENS:
        return (Path(__file__).parent / f"{name}.jinja").read_text(encoding="utf-8").rstrip("\n")
    if name == "model":
        if not own:
            raise TemplateError(
                "template 'model': this model's tokenizer brings no chat template; "
                "choose one with --template, such as alpaca"
            )
        return own
    if name.endswith((".jinja", ".jinja2", ".j2")):
        try:
            return Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as e:
            reason = getattr(e, "strerror", None) or "it is not UTF-8 text"
            raise TemplateError(f"template file {name}: cannot be read ({reason}); check the path") from None
    known = [*BUILT_IN, "model"]
    raise TemplateError(
        f"unknown template '{name}'{did_you_mean(name, known)}; "
        f"choose {', '.join(BUILT_IN)}, model (the tokenizer's own) or a file that ends in .jinja"
    )


class _Generation(Extension):
    """`{% generation %}...{% endgeneration %}`, transformers' marks for masks: its body is rendered as it is."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 wants a plain set

    def parse(self, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)  # a scope of its own, as there

    def _body(self, caller: Any) -> str:
        return caller()


class _Namespace(jinja2.utils.Namespace):
    """A namespace that takes no name with an underscore before it: templates come from strangers."""

    def __init__(*args: Any, **values: Any):  # so that a template may say namespace(self=...)
        self, *rest = args
        values = dict(*rest, **values)
        for name in values:
            _refuse_private(name)
        jinja2.utils.Namespace.__init__(self, values)

    def __setitem__(self, name: str, value: Any) -> None:
        _refuse_private(name)
        super().__setitem__(name, value)


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox. Names of a namespace are looked up at every message; the sandbox's own question takes long."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if type(obj) is _Namespace:
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)


def _refuse_private(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace cannot hold '{name}'")


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


@functools.lru_cache(maxsize=32)
def compile_template(text: str) -> jinja2.Template:
    """Compile a template in the sandbox; TemplateError with the line where it is not valid Jinja."""
    environment = _Environment(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["namespace"] = _Namespace
    environment.globals["strftime_now"] = lambda pattern: datetime.now().strftime(pattern)
    try:
        return environment.from_string(text)
    except jinja2.TemplateSyntaxError as e:
        raise TemplateError(
            f"the chat template is not valid Jinja (line {e.lineno}: {e.message}); mend the template"
        ) from None
    except Exception as e:  # nested too deeply, a break outside of its loop, a constant that cannot be computed
        raise TemplateError(
            f"the chat template cannot be compiled ({type(e).__name__}: {e}); mend the template"
        ) from None


@functools.lru_cache(maxsize=32)
def _globals_of(text: str) -> dict[str, Any]:
    return dict(compile_template(text).globals)


def render(
    text: str,
    messages: Sequence[Mapping[str, Any]],
    add_generation_prompt: bool,
    tokens: Mapping[str, str],
    tools: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Render messages (role, content and perhaps context, tool calls, ...) and the tools that may be called to text.

    TemplateError if the template refuses them.
    """
    template = compile_template(text)
    values = {
        **_globals_of(text),
        "messages": list(messages),
        "tools": list(tools) or None,
        "documents": None,
        "add_generation_prompt": add_generation_prompt,
        **tokens,
    }
    try:
        # What `template.render` does, without gathering the globals anew each time, which is a third of its work.
        return "".join(template.root_render_func(template.new_context(values, shared=True)))
    except jinja2.TemplateError as e:
        raise TemplateError(f"the chat template refuses this conversation: {e.message or e}") from None
    except Exception as e:  # a template is a program: it can fail in any way, as by a range that is too long
        raise TemplateError(f"the chat template fails on this conversation: {type(e).__name__}: {e}") from None


@functools.lru_cache(maxsize=32)
def has_place_for_context(text: str) -> bool:
    """Whether a template reads a message's `context`: as an attribute, an item or by ``get``."""
    tree = compile_template(text).environment.parse(text)
    names = {node.attr for node in tree.find_all(nodes.Getattr)}
    names |= {node.arg.value for node in tree.find_all(nodes.Getitem) if isinstance(node.arg, nodes.Const)}
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Getattr) and call.node.attr == "get":
            names |= {arg.value for arg in call.args[:1] if isinstance(arg, nodes.Const)}
    return "context" in names
