"""The readme is short and begins with what there is to see, and the Japanese one keeps step with it."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import blocks  # noqa: E402

ENGLISH, JAPANESE = ROOT / "README.md", ROOT / "README.ja.md"
TEXTS = [p.read_text(encoding="utf-8") for p in (ENGLISH, JAPANESE)]


def prose(text: str) -> str:
    return blocks.BLOCK.sub("", text)


def commands(path: Path) -> list[tuple[str, str]]:
    """Each block with its lines, without remarks."""
    return [
        (b.kind, "\n".join(re.sub(r"(^|\s+)# .*", "", line).rstrip() for line in b.text.splitlines()))
        for b in blocks.blocks(path)
    ]


def numbers(text: str) -> Counter[str]:
    """The figures of the prose, without those in names and addresses."""
    text = re.sub(r"\]\([^)]*\)|`[^`]*`|（[^）]*[分秒][^）]*）", " ", prose(text))
    return Counter(re.findall(r"(?<![\w.])\d[\d.,]*\d|(?<![\w.])\d", text))


def test_it_begins_with_a_picture_and_the_two_commands():
    lines = TEXTS[0].splitlines()
    assert len(lines) <= 150
    picture = TEXTS[0].index("docs/pictures/report.png")
    assert picture < TEXTS[0].index("make demo") < TEXTS[0].index("make test") < TEXTS[0].index("\n## ")
    assert (ROOT / "docs/pictures/report.png").stat().st_size < 200_000


def test_the_japanese_one_has_the_same_commands_in_the_same_order():
    assert commands(JAPANESE) == commands(ENGLISH)


def test_and_the_same_headings_links_and_figures():
    headings = [re.findall(r"^(#+) ", prose(t), re.MULTILINE) for t in TEXTS]
    assert headings[0] == headings[1]
    others = {"README.md", "README.ja.md"}
    links = [[x for x in re.findall(r"\]\(([^)\s]+)\)", prose(t)) if x not in others] for t in TEXTS]
    assert links[0] == links[1]
    # A one in Japanese that English has as a word or an article.
    english, japanese = (numbers(t) for t in TEXTS)
    assert not english - japanese
    assert set(japanese - english) <= {"1", "2"}


def test_the_japanese_one_is_japanese():
    text = prose(TEXTS[1])
    letters = re.findall(r"[぀-ヿ一-鿿]", text)
    assert len(letters) > 1000
    assert not re.search(r"(?<=[぀-ヿ一-鿿])[,.](?=[぀-ヿ一-鿿])", text), "Japanese has 、 and 。"
