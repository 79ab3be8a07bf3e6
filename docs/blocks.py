"""The code blocks of the documentation: found, run, and compared with the output that the page shows.

```python                 run, in one namespace for the whole page
```text                   what the Python block before it prints, exactly; "..." stands for anything
```text about             the same, with numbers that may differ by a tenth
```text like              what differs from machine to machine: only the number of lines is compared
```console                a command after "$ ", what it prints, and "[exit status 2]" where it is not 0
```console ran, shown     what the real thing printed once; docs/lines.py has what becomes of its commands
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```[ ]*$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
TOLERANCE = 0.1


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string, its text, and where it stands."""

    kind: str
    text: str
    path: Path
    line: int
    start: int
    end: int

    @property
    def where(self) -> str:
        return f"{self.path.name}:{self.line}"


def blocks(path: Path, text: str | None = None) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = path.read_text(encoding="utf-8") if text is None else text
    return [
        Block(m[1].strip(), m[2], path, text.count("\n", 0, m.start()) + 1, m.start(2), m.end(2))
        for m in BLOCK.finditer(text)
    ]


def run_python(path: Path, namespace: dict[str, Any]) -> Iterator[tuple[Block, Block | None, str]]:
    """Run a page's Python blocks in order; yields each with the block of its output, if any, and what it printed."""
    found = blocks(path)
    for block, after in zip(found, [*found[1:], None], strict=True):
        if block.kind != "python":
            continue
        printed = io.StringIO()
        code = compile("\n" * block.line + block.text, str(path), "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        yield block, after if after and after.kind.startswith("text") else None, printed.getvalue()


def differs(expected: Block, printed: str) -> str | None:
    """Why what was printed is not what the page shows, or None."""
    shown, real = expected.text.rstrip().splitlines(), printed.rstrip().splitlines()
    if len(shown) != len(real) and "..." not in shown:
        return f"{expected.where}: shows {len(shown)} lines, the code prints {len(real)}:\n{printed}"
    if expected.kind == "text like":
        return None
    a, b = "\n".join(line.rstrip() for line in shown), "\n".join(line.rstrip() for line in real)
    if expected.kind == "text about":
        if not _close(NUMBER.findall(a), NUMBER.findall(b)):
            return f"{expected.where}: numbers differ by more than a tenth:\n{printed}"
        a, b = NUMBER.sub("0", a), NUMBER.sub("0", b)
    pattern = ".*?".join(re.escape(piece) for piece in a.split("..."))
    if not re.fullmatch(pattern, b, re.DOTALL):
        return f"{expected.where}: the code prints:\n{printed}"
    return None


def _close(shown: list[str], real: list[str]) -> bool:
    pairs = [(float(x), float(y)) for x, y in zip(shown, real, strict=False)]
    return len(shown) == len(real) and all(abs(x - y) <= TOLERANCE * max(abs(x), abs(y)) + 1e-9 for x, y in pairs)


def fill_in(path: Path, namespace: dict[str, Any]) -> None:
    """Run a page and write what its Python blocks print into the text blocks after them. Read the change before use."""
    text = path.read_text(encoding="utf-8")
    results = [(after, printed) for _, after, printed in run_python(path, namespace) if after]
    for after, printed in reversed(results):
        if "..." not in after.text:
            lines = [line.rstrip() for line in printed.rstrip().splitlines()]
            text = text[: after.start] + "\n".join(lines) + "\n" + text[after.end :]
    path.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Command:
    """A command of a console block, the output shown below it and its exit status."""

    line: str
    output: str
    status: int
    where: str


def console(block: Block) -> list[Command]:
    """The commands of a console block."""
    out = []
    for piece in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, output = piece.replace("\\\n", " ").partition("\n")
        ending = re.search(r"\[exit status (\d+)\]\n?\Z", output)
        status = int(ending[1]) if ending else 0
        out.append(Command(line.strip(), output[: ending.start()] if ending else output, status, block.where))
    return out


def main() -> None:
    """`python docs/blocks.py PAGE`: run a page in a temporary folder and write in what it prints."""
    import os
    import sys
    import tempfile

    page = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        fill_in(page, {"__name__": "__main__"})


if __name__ == "__main__":
    main()
