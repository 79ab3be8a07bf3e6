"""Write the generated parts of the documentation: `python docs/generate.py`; docs/check.py fails where one is stale.

In a page, what stands between these two lines is written from the code:

    <!-- generated: options data check -->
    <!-- end -->

The word after the colon names a function of docs/parts.py, what follows is its argument. The files in docs/schemas
are generated whole, and of docs/architecture.svg the layers (docs/picture.py).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import parts
import picture

from heedful.records import Example, Message, Response, Score, json_schema

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
MARKED = re.compile(r"<!-- generated: (\S+)(?: ([^\n]*?))? -->\n(.*?)<!-- end -->", re.DOTALL)
SCHEMAS = {"message": Message, "example": Example, "response": Response, "score": Score}


def pages() -> list[Path]:
    """The pages in Markdown: those of the project's root and of docs."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def fresh_page(text: str) -> str:
    """A page with its generated parts as they should be."""

    def renew(found: re.Match[str]) -> str:
        function, argument = found[1], found[2] or ""
        if function not in parts.PARTS:
            raise SystemExit(f"docs/parts.py has no part '{function}'; there are {', '.join(parts.PARTS)}")
        body = parts.PARTS[function](argument).strip("\n")
        return f"<!-- generated: {function}{' ' + argument if argument else ''} -->\n\n{body}\n\n<!-- end -->"

    return MARKED.sub(renew, text)


def fresh_schema(name: str) -> str:
    """The text of docs/schemas/NAME.json."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **json_schema(SCHEMAS[name])}
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def wanted() -> dict[Path, str]:
    """Each file that has generated parts, with the text that it should have."""
    out = {page: fresh_page(page.read_text(encoding="utf-8")) for page in pages()}
    drawn = DOCS / "architecture.svg"
    out[drawn] = picture.fresh_picture(drawn.read_text(encoding="utf-8"))
    return out | {DOCS / "schemas" / f"{name}.json": fresh_schema(name) for name in SCHEMAS}


def stale() -> list[Path]:
    """The files that are not as they should be."""
    return [path for path, text in wanted().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


if __name__ == "__main__":
    for path in stale():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted()[path], encoding="utf-8")
        print(f"written: {path.relative_to(ROOT)}")
