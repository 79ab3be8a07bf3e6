"""The shape of an answer: loops, code blocks left open, the question given back, an end in mid-sentence."""

from __future__ import annotations

import re
import zlib
from collections import Counter

TIMES = 5  # a phrase that stands so often in a row is a loop
_LONGEST = 60  # words (or characters, where a script has no spaces) of a phrase looked for
_LETTERS = re.compile(r"[^\W\d_]{2}")
_FENCE = re.compile(r"^ {0,3}```", re.MULTILINE)
_LIST = re.compile(r"\s*(?:[-*+•|>#=]|\d{1,3}[.)]|[a-zA-Z][.)] |\|)")
_PROGRAM = re.compile(r"[{}<>=\\|_]")
_CODE_SIGNS = re.compile(r"[;{}<>=\\|_]|\bhttps?:|[)\]]\s*$")


def shape_kinds(answer: str, question: str) -> list[str]:
    """The kinds of odd shapes of one answer to the question that stands before it."""
    kinds = []
    if "```" in answer and len(_FENCE.findall(answer)) % 2:
        kinds.append("open_fence")
    if len(answer) == len(question) or abs(len(answer) - len(question)) < 16:
        level = " ".join(answer.casefold().split())
        if len(level) >= 8 and level == " ".join(question.casefold().split()):
            kinds.append("echo")
    if len(answer) >= 50 and has_loop(answer):
        kinds.append("loops")
    return kinds


def has_loop(text: str) -> bool:
    """Whether a line stands five times or more, or a phrase five times or more in a row.

    Lines and phrases have two letters together at least and nothing of code, so that tables, rules and programs do
    not count, and a phrase's repetitions fill 50 characters or more.
    """
    if text.count("\n") >= TIMES - 1:
        lines = [line for line in (line.strip() for line in text.split("\n")) if len(line) >= 15]
        if len(lines) >= TIMES and len(set(lines)) <= len(lines) - TIMES + 1:
            line, count = Counter(lines).most_common(1)[0]
            prose = _LETTERS.search(line) and not _CODE_SIGNS.search(line)
            if count >= TIMES and prose and count * 3 >= len(lines):
                return True
    words = text.split()
    if len(words) * 15 >= len(text):
        if len(words) >= 2 * TIMES:
            if len(set(words)) * 2 <= len(words):
                return _periodic(words)
            for tail in (words[-60:], words[-24:]):  # a model that falls into a loop ends in it
                if len(set(tail)) * 2 <= len(tail) and _periodic(tail):
                    return True
        return False
    raw = text.encode("utf-8", "replace")
    return len(zlib.compress(raw, 1)) * 4 <= len(raw) and _periodic(list(text))


def _periodic(units: list[str]) -> bool:
    import numpy as np

    joint = "" if all(len(u) == 1 for u in units) else " "
    codes = np.fromiter((hash(u) for u in units), np.int64, len(units))
    for period in range(1, min(_LONGEST, len(units) // TIMES) + 1):
        same = codes[period:] == codes[:-period]
        if int(same.sum()) < (TIMES - 1) * period:
            continue
        breaks = np.flatnonzero(~np.concatenate(([False], same, [False])))
        runs = np.diff(breaks) - 1
        for at in np.flatnonzero(runs >= (TIMES - 1) * period):
            start = int(breaks[at])
            phrase = joint.join(units[start : start + period])
            length = (len(phrase) + len(joint)) * (int(runs[at]) // period + 1)
            if length >= 50 and _LETTERS.search(phrase) and not _PROGRAM.search(phrase):
                return True
    return False


def ends_whole(answer: str) -> bool | None:
    """Whether a longer answer in sentences ends like one; None where that cannot be said (lists, code, short ones).

    Only an end in a small letter or a comma after a line of prose is taken for a cut.
    """
    if len(answer) < 200:
        return None
    text = answer.rstrip()
    last = text[text.rfind("\n") + 1 :]
    if len(last) < 60 or _LIST.match(last) or "```" in answer:
        return None
    end = last[-1]
    if last.split()[-1][0] in "#@":  # a post may end with its hashtags
        return None
    if not (end == "," or end.islower()):
        return None if end.isalnum() else True
    sentences = any(mark in text for mark in ".!?")
    return None if not sentences or _CODE_SIGNS.search(last[-80:]) else False
