"""Check the documentation against the code: one sentence for each fault, exit status 1 where there is one.

- every generated part is fresh; every command and every option is on its command's page;
- every link inside the project leads somewhere, and so does every file that a page names;
- no line of prose is longer than 120 characters;
- every line in a code block that begins with ``heedful`` names a command and options that exist;
- a block of commands that no test runs says why.

Needs no model and no network.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import blocks
import generate
import lines
import parts

DOCS, ROOT = generate.DOCS, generate.ROOT
WIDEST = 120
TOP = ("src/", "docs/", "tests/", "scripts/", "benchmarks/", "starter/")
LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"`([\w./-]+)`")


def faults() -> Iterator[str]:
    """Every fault as a sentence."""
    for path in generate.stale():
        yield f"{_name(path)}: its generated part is stale; run python docs/generate.py"
    yield from _undocumented()
    yield from lines.strangers()
    for page in generate.pages():
        text = page.read_text(encoding="utf-8")
        yield from _dead_links(page, text)
        yield from _missing_files(page, text)
        yield from _long_lines(page, text)
        yield from _wrong_commands(page, text)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _undocumented() -> Iterator[str]:
    for path, command in parts.commands():
        page = DOCS / "commands" / f"{path.split()[0]}.md"
        text = page.read_text(encoding="utf-8") if page.is_file() else ""
        if f"heedful {path}" not in text:
            yield f"{_name(page)}: heedful {path} is not documented"
            continue
        for parameter in command.params:
            for name in parameter.opts if parts.is_option(parameter) else [parameter.name.upper()]:
                if not re.search(rf"`[^`\n]*{re.escape(name)}(?![\w-])", text):
                    yield f"{_name(page)}: {name} of heedful {path} is not documented"


def _dead_links(page: Path, text: str) -> Iterator[str]:
    for target in LINK.findall(_prose(text)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        goal = (page.parent / file).resolve() if file else page
        if not goal.exists():
            yield f"{_name(page)}: the link to {target} leads nowhere"
        elif anchor and goal.suffix == ".md" and anchor not in _anchors(goal.read_text(encoding="utf-8")):
            yield f"{_name(page)}: {file or 'the page'} has no heading #{anchor}"


def _anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", _prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in headings}


def _missing_files(page: Path, text: str) -> Iterator[str]:
    for name in NAMED.findall(_prose(text)):
        if name.startswith(TOP) and not (ROOT / name).exists():
            yield f"{_name(page)}: names {name}, which does not exist"


def _long_lines(page: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(_prose(generate.MARKED.sub(_blank, text)).splitlines(), 1):
        if len(line) > WIDEST and not line.startswith("|") and not re.search(r"\]\(\S{60,}\)", line):
            yield f"{_name(page)}:{number}: {len(line)} characters; break the line before {WIDEST}"


def _blank(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def _prose(text: str) -> str:
    """A page without its code blocks, lines kept."""
    return blocks.BLOCK.sub(_blank, text)


def _wrong_commands(page: Path, text: str) -> Iterator[str]:
    for block in blocks.blocks(page, text):
        body = block.text.replace("\\\n", " ")
        for line in body.splitlines():
            if re.match(r"(\$ )?heedful( |$)", line) and (fault := wrong_command(line.removeprefix("$ "))):
                yield f"{_name(page)}: `{line.strip()}`: {fault}"


def wrong_command(line: str) -> str | None:
    """What is wrong with a command line as a page shows it, or None."""
    line = re.split(r"\s(?:[|<>;]|2>|&&)", re.sub(r"\s#\s.*", "", line))[0]
    try:
        words = shlex.split(line)[1:]
    except ValueError as e:
        return f"not a command line ({e})"
    found: Any = parts.command("")
    while hasattr(found, "commands"):
        if not words or words[0].startswith("-"):
            return _wrong_options(found, words)
        if words[0] not in found.commands:
            return f"there is no command '{words[0]}'"
        found = found.commands[words.pop(0)]
    return _wrong_options(found, words)


def _wrong_options(command: Any, words: list[str]) -> str | None:
    known = {name: p for p in command.params if parts.is_option(p) for name in (*p.opts, *p.secondary_opts)}
    places = [p for p in command.params if not parts.is_option(p)]
    free, at = 0, 0
    while at < len(words):
        word, at = words[at], at + 1
        if word == "--help":
            continue
        if not word.startswith("-"):
            free += 1
            continue
        name, equals, _ = word.partition("=")
        if name not in known:
            return f"there is no option {name}"
        if not getattr(known[name], "is_flag", False) and not equals:
            if at >= len(words):
                return f"{name} has no value"
            at += 1
    most = 10**6 if any(p.nargs == -1 for p in places) else len(places)
    return "more arguments than the command takes" if free > most else None


if __name__ == "__main__":
    found = list(faults())
    print("\n".join(found) or "docs: fresh and complete")
    sys.exit(bool(found))
