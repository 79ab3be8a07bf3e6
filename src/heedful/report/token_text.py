"""A row token by token on a terminal: marks that need no colour, and colour where there is some."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from heedful.report.token_view import ShownDrop, ShownRow, ShownToken, cut_sentence, visible_parts, visible_text

BETWEEN = "│"
MARKS = {"trained": ("[[", "]]"), "masked": ("((", "))"), "read": ("", "")}
COLOURS = {"trained": "\x1b[4;32m", "masked": "\x1b[33m", "read": ""}
SPECIAL, FAINT, PLAIN = "\x1b[35m", "\x1b[2m", "\x1b[0m"
LONGEST_RAW = 4000  # characters of a dropped row that are shown


def head_line(row: ShownRow, stop_token: str) -> str:
    """Where the row is from, and its numbers."""
    cut = f", {row.truncated:,} cut" if row.truncated else ""
    return (
        f"{visible_text(row.source)}  {len(row.tokens):,} tokens, {row.trained:,} trained{cut}, stop token {stop_token}"
    )


def row_lines(row: ShownRow, width: int = 80, colour: bool = False) -> list[str]:
    """The row's text with a mark between every two tokens, wrapped at tokens to `width` columns.

    A line that begins without the mark goes on with the token of the line before.
    """
    from rich.cells import cell_len

    lines, line, used = [], "", 0
    cuts = {c.at: c for c in row.cuts}
    for place, opens, token, closes in _marked(row):
        if place in cuts:
            lines += [*([line] if line else []), f"✂ {cut_sentence(cuts.pop(place))}"]
            line, used = "", 0
        for k, segment in enumerate(_segments(token, opens, closes, first=place == 0)):
            broken = segment.endswith("\n")
            segment = segment.removesuffix("\n")
            if k == 0 and used and used + cell_len(segment) > width:
                lines.append(line)
                line, used = "", 0
            for part in _fitting(segment, width - used, width, cell_len):
                if part is None:
                    lines.append(line)
                    line, used = "", 0
                    continue
                line += _coloured(part, token) if colour else part
                used += cell_len(part)
            if broken:
                lines.append(line)
                line, used = "", 0
    lines += [line] if line else []
    return lines + [f"✂ {cut_sentence(c)}" for c in cuts.values()]


def _marked(row: ShownRow) -> Iterator[tuple[int, str, ShownToken, str]]:
    for state, found in row.runs():
        opens, closes = MARKS[state]
        for k, (place, token) in enumerate(found):
            yield place, opens if k == 0 else "", token, closes if k == len(found) - 1 else ""


def _segments(token: ShownToken, opens: str, closes: str, first: bool) -> list[str]:
    """A token's text with its marks, cut after each line break."""
    stop = "" if not token.stop else "■" if token.state == "trained" else "□"
    text = "".join(part for _, part in visible_parts(token.text))
    whole = f"{'' if first else BETWEEN}{opens}{stop}{text}"
    if closes and whole.endswith("\n"):  # the mark that closes belongs to the line it closes
        return f"{whole[:-1]}{closes}\n".splitlines(keepends=True)
    return f"{whole}{closes}".splitlines(keepends=True)


def _fitting(segment: str, room: int, width: int, cells: Callable[[str], int]) -> Iterator[str | None]:
    """A segment in parts that fit into the lines; None between two means a new line."""
    part, used = "", 0
    for c in segment:
        if used + cells(c) > room and (part or room < width):
            yield from (part, None)
            part, used, room = "", 0, width
        part, used = part + c, used + cells(c)
    yield part


def _coloured(text: str, token: ShownToken) -> str:
    colour = SPECIAL if token.special and token.state == "read" else COLOURS[token.state]
    mark = FAINT + BETWEEN + PLAIN if text.startswith(BETWEEN) else ""
    text = text.removeprefix(BETWEEN) if mark else text
    return f"{mark}{colour}{text}{PLAIN}" if colour and text else mark + text


def id_lines(row: ShownRow) -> list[str]:
    """A line for each token: its place, its id, whether it is trained, its text."""
    lines, cuts = [], {c.at: c for c in row.cuts}
    for place, token in enumerate(row.tokens):
        if place in cuts:
            lines.append(f"✂ {cut_sentence(cuts.pop(place))}")
        state = {"trained": "trained", "masked": "masked ", "read": "   -   "}[token.state]
        text = repr(token.text) if token.text else "(a part of the next)"
        lines.append(f"{place:>6} {token.id:>8}  {state}  {text}{'  stop token' if token.stop else ''}")
    return lines + [f"✂ {cut_sentence(c)}" for c in cuts.values()]


def drop_lines(drop: ShownDrop) -> list[str]:
    """A dropped row: why, and what the file has."""
    lines = [f"{visible_text(drop.source)}  dropped: {drop.reason}; {visible_text(drop.sentence)}"]
    if drop.row is not None:
        lines.append(visible_text(raw_text(drop.row)))
    return lines


def raw_text(row: object) -> str:
    """A row as JSON; what is past `LONGEST_RAW` characters is told and left out."""
    text = json.dumps(row, ensure_ascii=False, indent=2, default=str)
    more = len(text) - LONGEST_RAW
    return text if more <= 0 else f"{text[:LONGEST_RAW]}\n... and {more:,} characters more"


def legend(rows: list[ShownRow]) -> list[str]:
    """What the marks mean, those that occur."""
    tokens = [t for row in rows for t in row.tokens]
    parts = [
        ("[[ ]] trained", any(t.state == "trained" for t in tokens)),
        ("(( )) an answer that is not trained", any(t.state == "masked" for t in tokens)),
        ("■ stop token, trained", any(t.stop and t.state == "trained" for t in tokens)),
        ("□ stop token, not trained", any(t.stop and t.state != "trained" for t in tokens)),
        (f"{BETWEEN} between tokens", len(tokens) > 1),
        ("↵ line break", any("\n" in t.text for t in tokens)),
        ("· space", any(part == "space" and "·" in s for t in tokens for part, s in visible_parts(t.text))),
        ("‹› part of the next token's character", any(not t.text for t in tokens)),
    ]
    lines = [""]
    for text in (text for text, occurs in parts if occurs):
        if lines[-1] and len(lines[-1]) + 3 + len(text) > 80:
            lines.append("")
        lines[-1] += ("   " if lines[-1] else "") + text
    return lines
