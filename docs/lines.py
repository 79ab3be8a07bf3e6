"""The commands of a page, as lines that can be run on small stand-ins.

The info string of a block says what becomes of it in tests/docs:

    sh, console ran        the commands are run, with small things in place of those that the page names, and must end
                           with the status shown; what stands below them was printed by the real ones
    console                the same as it stands, and what is printed is compared (docs/blocks.py)
    ... shown: REASON      not run; how many there are is fixed in tests/docs/test_commands_run.py

Only lines that begin with ``heedful`` or ``cat`` are run. A line of another program (``pip``, ``jq``) is not.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

import blocks
import generate

SHELLS = ("sh", "console")
OTHERS = ("jq", "make", "pip", "python", "taskset", ".venv/bin/python", "tar", "accelerate", "eval")
# What a page names and only its reader has, and what stands in for it. SERVER is the address of a server on loopback.
STAND_INS = (
    (re.compile(r"\bpip:smollm2-135m-instruct\b"), "hf:other"),
    (re.compile(r"\bpip:[\w.-]+"), "hf:tiny"),
    (re.compile(r"^heedful demo(?!.* --model)"), "heedful demo --model hf:tiny"),
    (re.compile(r"\bMODEL\b"), "hf:tiny"),
    (re.compile(r"\bopenai:([\w.:-]+)@https?://\S+"), r"openai:\1@SERVER"),
    (re.compile(r"\bopenai:NAME@URL\b"), "openai:name@SERVER"),
    (re.compile(r"\b(?:run|hf):my-judge\b"), "openai:my-judge@SERVER"),
    (re.compile(r"--annotator weighted_alpaca_eval_gpt4_turbo"), "--annotator annotator"),
    (re.compile(r"--quant q4_k_m\b"), "--quant q8_0"),  # llama.cpp makes it
    (re.compile(r" --llama-python \S+"), ""),
    (re.compile(r"^HEEDFUL_API_KEY=\.\.\."), "HEEDFUL_API_KEY=a-key-that-only-the-docs-know"),
    (re.compile(r"^(.*heedful serve (?!.*--port).*)$"), r"\1 --port 0"),
)


@dataclass(frozen=True)
class Line:
    """A command: its words, what is set for it, the files it reads and writes by the shell, and how it must end."""

    text: str
    words: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    given: str | None = None
    into: str | None = None
    status: int = 0
    output: str = ""

    @property
    def program(self) -> str:
        return self.words[0]


def shell_blocks() -> Iterator[blocks.Block]:
    """Every block of commands in the documentation."""
    for page in generate.pages():
        yield from (b for b in blocks.blocks(page) if b.kind.split(" ")[0] in SHELLS)


def reason(block: blocks.Block) -> str | None:
    """Why a block is only shown; None where it is run. '' where it does not say."""
    _, shown, why = block.kind.partition(" shown")
    return why.removeprefix(":").strip() if shown else None


def is_exact(block: blocks.Block) -> bool:
    """Whether what the commands print is compared with the page."""
    return block.kind == "console"


def lines(block: blocks.Block) -> list[Line]:
    """The commands of a block, as the page has them."""
    if block.kind.startswith("console"):
        return [parse(c.line, c.status, c.output) for c in blocks.console(block)]
    whole = block.text.replace("\\\n", " ").splitlines()
    return [parse(text) for text in whole if re.sub(r"(^|\s)#\s.*", "", text).strip()]


def parse(text: str, status: int = 0, output: str = "") -> Line:
    """A command line, without its remark.

    >>> parse("KEY=x heedful chat M < q.txt   # a remark").words
    ('heedful', 'chat', 'M')
    """
    text = re.sub(r"(^|\s)#\s.*", "", text).strip()
    words = shlex.split(text)
    env, given, into, kept = {}, None, None, []
    while words and re.match(r"[A-Z_]+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    while words:
        word = words.pop(0)
        if word in ("<", ">"):
            given, into = (words.pop(0), into) if word == "<" else (given, words.pop(0))
        else:
            kept.append(word)
    return Line(text, tuple(kept), env, given, into, status, output)


def stand_in(line: Line, server: str) -> Line:
    """The same line with what only the reader has replaced."""
    text = line.text
    for pattern, other in STAND_INS:
        text = pattern.sub(other, text)
    return parse(text.replace("SERVER", server), line.status, line.output)


def shown() -> dict[str, str]:
    """The blocks with a command of Heedful that no test runs: where, and why."""
    return {b.where: why for b in shell_blocks() if (why := reason(b)) is not None}


def strangers() -> Iterator[str]:
    """A fault for each block whose lines nobody knows how to treat, or that does not say why it is only shown."""
    for block in shell_blocks():
        if reason(block) == "":
            yield f"{block.where}: is only shown, and does not say why; write `shown: REASON`"
        if reason(block) is None:
            for line in lines(block):
                if line.program not in ("heedful", "cat", *OTHERS):
                    yield f"{block.where}: nobody knows how to run `{line.program}`; name it in docs/lines.py"
