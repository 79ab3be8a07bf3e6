"""The generated parts of the documentation, one function each: from an argument to Markdown."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import typer.main

import heedful
from heedful import templates
from heedful.chat import Chat
from heedful.cli.main import app
from heedful.convert import PROGRAMS
from heedful.data.formats import FORMATS
from heedful.errors import HeedfulError
from heedful.records import Example, Message
from heedful.train.recipe import PRESETS, Recipe, make_recipe


@functools.cache
def root() -> Any:
    """The command line as a whole; typer takes long to make it."""
    return typer.main.get_command(app)


def command(path: str) -> Any:
    """The command-line object of a command by its path, ``data check``."""
    found = root()
    for word in path.split():
        found = found.commands[word]
    return found


def commands(group: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its path."""
    group = group or root()
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from commands(found, f"{path}{name} ")
        else:
            yield f"{path}{name}", found


def is_option(parameter: Any) -> bool:
    """Whether a parameter of a command is an option, not an argument."""
    return parameter.opts[0].startswith("-")


def options(path: str) -> str:
    """The arguments and options of a command as a table."""
    rows = ["| argument or option | default | meaning |", "|---|---|---|"]
    for p in command(path).params:
        name = " ".join(p.opts) if is_option(p) else p.name.upper() + (" ..." if p.nargs == -1 else "")
        value = "" if getattr(p, "is_flag", False) else f" {(p.metavar or p.name.upper())}" if is_option(p) else ""
        default = "required" if p.required else "" if p.default is None or p.default is False else f"`{p.default}`"
        many = " May be given several times." if getattr(p, "multiple", False) and "again" not in p.help else ""
        rows.append(f"| `{name}{value}` | {default} | {_cell((p.help or '') + many)} |")
    return "\n".join(rows)


def command_table(_: str) -> str:
    """All commands with the first sentence of their help."""
    rows = ["| command | what it does |", "|---|---|"]
    for path, found in commands():
        page = f"commands/{path.split()[0]}.md"
        rows.append(f"| [`heedful {path}`]({page}) | {_cell(inspect.cleandoc(found.help or '').splitlines()[0])} |")
    return "\n".join(rows)


def recipe_fields(_: str) -> str:
    """The fields of a recipe with their defaults and sentences."""
    rows = ["| field | default | meaning |", "|---|---|---|"]
    for name, value in make_recipe({}).to_json().items():
        shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else value
        rows.append(f"| `{name}` | `{shown}` | {_cell(Recipe.model_fields[name].description or '')} |")
    return "\n".join(rows)


def presets(_: str) -> str:
    """What each preset sets, field by field; the other fields keep their defaults."""
    fields = [name for name in Recipe.model_fields if any(name in preset for preset in PRESETS.values())]
    rows = [f"| field | default | {' | '.join(PRESETS)} |", "|---|---|" + "---|" * len(PRESETS)]
    default = make_recipe({}).to_json()
    for name in fields:
        cells = [_value(preset.get(name)) if name in preset else "" for preset in PRESETS.values()]
        rows.append(f"| `{name}` | {_value(default[name])} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def signature(name: str) -> str:
    """A public function's or class's signature and the first sentence of its docstring."""
    owner, _, method = name.partition(".")
    found = getattr(importlib.import_module(f"heedful.{heedful._HOMES[owner]}"), owner)
    found = getattr(found, method) if method else found
    arguments, returned = _signature(found)
    one = f"{name}({', '.join(arguments)}){returned}"
    lines = [one] if len(one) <= 100 else [f"{name}(", *(f"    {a}," for a in arguments), f"){returned}"]
    doc = " ".join((inspect.getdoc(found) or "").split("\n\n")[0].split())
    return "```py\n" + "\n".join(lines) + f"\n```\n\n{doc}"


def _signature(found: Any) -> tuple[list[str], str]:
    """The arguments of a function or class as they would be written, and its return annotation."""
    if inspect.isclass(found) and issubclass(found, Recipe):
        return ["**fields"], ""
    known = inspect.signature(found)
    out, keyword_only = [], False
    for p in known.parameters.values():
        if p.name == "self":
            continue
        if p.kind is p.KEYWORD_ONLY and not keyword_only:
            out.append("*")
            keyword_only = True
        kind = "" if p.annotation is p.empty else f": {p.annotation}"
        default = "..." if callable(p.default) or "factory" in repr(p.default) else repr(p.default)
        out.append(p.name + kind + ("" if p.default is p.empty else f" = {default}"))
    returned = "" if known.return_annotation in (known.empty, None, "None") else f" -> {known.return_annotation}"
    return out, returned


def error_tree(_: str) -> str:
    """The public errors as a tree with their exit statuses and first sentences, whatever else has been imported."""

    def walk(cls: type[HeedfulError], depth: int) -> Iterator[str]:
        doc = (inspect.getdoc(cls) or "").splitlines()[0]
        yield f"{'  ' * depth + cls.__name__:<20}{cls.exit_status:>4}   {doc}"
        for child in cls.__subclasses__():
            if child.__module__ == HeedfulError.__module__:
                yield from walk(child, depth + 1)

    return "```text\n" + "\n".join(walk(HeedfulError, 0)) + "\n```"


def formats(_: str) -> str:
    """Every format of rows, in the order in which one is taken where two fit."""
    rows = ["| format | a row is |", "|---|---|"]
    rows += [f"| `{f.name}` | {_cell(f.shape)} |" for f in FORMATS.values()]
    return "\n".join(rows)


def convert_table(_: str) -> str:
    """Every field of other programs that `heedful convert` knows, and what it becomes."""
    out = []
    for program in PROGRAMS.values():
        rows = [f"### {program.name}", "", "| theirs | ours | remark |", "|---|---|---|"]
        for rule in program.rules:
            ours = f"`{rule.ours}`" if rule.ours else "not needed" if rule.harmless else "left"
            note = rule.note or ("" if rule.ours else "unless it is off, or as Heedful does anyway")
            rows.append(f"| `{rule.theirs}` | {ours} | {_cell(note)} |")
        defaults = ", ".join(f"`{name}: {_value(value)}`" for name, value in program.defaults.items())
        out.append("\n".join([*rows, f"| (where the file says nothing) | {defaults} | |"]))
    return "\n\n".join(out)


class ControlToken(str):
    """A control token as tokenizers describe it."""

    special = True


class LetterTokenizer:
    """A tokenizer for these pages: a token for each character and for each control token. It needs no model."""

    chat_template = None
    bos_token = None
    eos_token = "<|endoftext|>"
    special_tokens_map: dict[str, Any] = {"eos_token": "<|endoftext|>"}  # noqa: RUF012

    def __init__(self) -> None:
        needed = [t for tokens in templates.NEEDS_TOKENS.values() for t in tokens]
        self.controls = list(dict.fromkeys([self.eos_token, *needed]))
        first = 0x110000  # after the last code point
        self.added_tokens_decoder = {first + i: ControlToken(t) for i, t in enumerate(self.controls)}
        self.all_special_ids = list(self.added_tokens_decoder)

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        pieces = re.split("(" + "|".join(map(re.escape, self.controls)) + ")", text)
        return [i for p in pieces for i in ([self.convert_tokens_to_ids(p)] if p in self.controls else map(ord, p))]

    def decode(self, token_ids: Any, **options: Any) -> str:
        return "".join(self.controls[i - 0x110000] if i >= 0x110000 else chr(i) for i in token_ids)

    def convert_tokens_to_ids(self, tokens: str) -> int:
        return 0x110000 + self.controls.index(tokens)


ROW = Example(
    "row",
    (
        Message("user", "Sort these numbers from smallest to largest.", context="8, 3, 5"),
        Message("assistant", "3, 5, 8"),
    ),
)


def template_pages(_: str) -> str:
    """Each built-in template: what it needs, how it ends an answer, and a row with its trained tokens marked."""
    out = []
    for name, needs in templates.NEEDS_TOKENS.items():
        chat = Chat.bind(name, LetterTokenizer())
        comment = re.match(r"\{#- (.*?) -#\}", templates.template_text(name, None))
        about = re.sub(r"<[^>]+>", r"`\g<0>`", comment[1]) if comment else ""
        row = chat.encode(ROW)
        first = row.loss_mask.index(True)
        text = chat.tokenizer.decode(row.ids[:first]) + f"[[{chat.tokenizer.decode(row.ids[first:])}]]"
        vocabulary = ", ".join(f"`{t}`" for t in needs) or "nothing"
        stop = f"`{chat.stop_token}`" if needs else "the model's own end-of-text token (here `<|endoftext|>`)"
        out.append(
            f"### {name}\n\n{about}\n\nNeeds in the vocabulary: {vocabulary}. "
            f"Stop token: {stop}.\n\n```text\n{text}\n```"
        )
    return "\n\n".join(out)


PARTS: dict[str, Callable[[str], str]] = {
    "formats": formats,
    "options": options,
    "commands": command_table,
    "recipe": recipe_fields,
    "presets": presets,
    "signature": signature,
    "errors": error_tree,
    "templates": template_pages,
    "convert": convert_table,
}
