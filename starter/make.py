"""Builds the starter data set; run `python -m starter.make` at the root of the repository."""

import hashlib
import json
from collections import defaultdict
from pathlib import Path

from starter.card import card
from starter.kinds import all_rows
from starter.kinds.core import Row

FOLDER = Path(__file__).resolve().parent.parent / "src" / "heedful" / "data" / "starter"
SEED = "heedful starter 1"


def check(rows: list[Row]) -> None:
    """Stop with a message that names the row when a row is empty, untidy or asked twice."""
    asked = set()
    for row in rows:
        question = (row.instruction, row.input)
        if question in asked:
            raise ValueError(f"asked twice: {question}")
        asked.add(question)
        if not (row.kind and row.instruction and row.output):
            raise ValueError(f"something is empty: {row}")
        if any(text != text.strip() for text in row):
            raise ValueError(f"space at an end: {row}")
        if row.output == row.input:
            raise ValueError(f"nothing to do: {row}")


def mixed(rows: list[Row]) -> list[Row]:
    """The rows in a fixed order in which every stretch holds its fair share of every kind.

    The rows of a kind are shuffled by a hash, then spread evenly from the first place to the last. Hashes give
    the same order on every version of Python.
    """

    def draw(*parts: str) -> int:
        return int.from_bytes(hashlib.sha256("\n".join((SEED, *parts)).encode()).digest()[:6], "big")

    kinds = defaultdict(list)
    for row in rows:
        kinds[row.kind].append(row)
    placed = []
    for kind, members in kinds.items():
        offset = draw(kind) / 2**48
        members.sort(key=lambda row: draw(*row))
        placed += [((turn + offset) / len(members), kind, row) for turn, row in enumerate(members)]
    return [row for _, _, row in sorted(placed)]


def jsonl(rows: list[Row]) -> bytes:
    """One JSON object a line, with an id that counts the lines."""
    lines = []
    for number, row in enumerate(rows, 1):
        record = {
            "id": f"starter-{number:04}",
            "kind": row.kind,
            "instruction": row.instruction,
            "input": row.input,
            "output": row.output,
        }
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return "".join(lines).encode()


def build() -> tuple[bytes, str]:
    """The data set and its data card, as they are written to disk."""
    rows = all_rows()
    check(rows)
    content = jsonl(mixed(rows))
    return content, card(rows, content)


def main() -> None:
    """Write the data set and its data card."""
    content, text = build()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "rows.jsonl").write_bytes(content)
    (FOLDER / "DATA_CARD.md").write_bytes(text.encode())
    print(f"{len(content.splitlines())} rows written to {FOLDER}")


if __name__ == "__main__":
    main()
