"""The shipped starter data: it is what the builder makes, and what can be checked in it is right."""

import ast
import calendar
import hashlib
import importlib
import json
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "src" / "heedful" / "data" / "starter"
CONTENT = (FOLDER / "rows.jsonl").read_bytes()
CARD = (FOLDER / "DATA_CARD.md").read_text(encoding="utf-8")
ROWS: list[dict[str, str]] = [json.loads(line) for line in CONTENT.decode().split("\n")[:-1]]

NUMBER_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}

# Typed apart from the builder: how many of a small unit make one of the large unit.
RATIOS = {
    ("kilometre", "metre"): "1000",
    ("metre", "centimetre"): "100",
    ("metre", "millimetre"): "1000",
    ("centimetre", "millimetre"): "10",
    ("kilogram", "gram"): "1000",
    ("gram", "milligram"): "1000",
    ("metric tonne", "kilogram"): "1000",
    ("litre", "millilitre"): "1000",
    ("centilitre", "millilitre"): "10",
    ("cubic metre", "litre"): "1000",
    ("hectare", "square metre"): "10000",
    ("foot", "inch"): "12",
    ("yard", "foot"): "3",
    ("yard", "metre"): "0.9144",
    ("inch", "centimetre"): "2.54",
    ("pound", "ounce"): "16",
    ("nautical mile", "metre"): "1852",
    ("byte", "bit"): "8",
    ("minute", "second"): "60",
    ("hour", "minute"): "60",
    ("day", "hour"): "24",
    ("week", "day"): "7",
    ("year", "month"): "12",
    ("decade", "year"): "10",
    ("century", "year"): "100",
}
ODD_PLURALS = {"feet": "foot", "inches": "inch", "centuries": "century"}


def of_kind(kind: str) -> list[dict[str, str]]:
    found = [row for row in ROWS if row["kind"] == kind]
    assert found, f"no rows of kind {kind}"
    return found


def asked(row: dict[str, str]) -> str:
    return f"{row['instruction']} {row['input']}".strip()


def singular(unit: str) -> str:
    return ODD_PLURALS.get(unit, unit.removesuffix("s"))


def worked_out(expression: str) -> Fraction:
    """The value of a sum of whole numbers, by walking its syntax tree."""

    def value(node: ast.expr) -> Fraction:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return Fraction(node.value)
        assert isinstance(node, ast.BinOp), expression
        left, right = value(node.left), value(node.right)
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                return left / right
        raise AssertionError(expression)

    return value(ast.parse(expression.replace("×", "*").replace("÷", "/").strip(), mode="eval").body)


def test_builder_makes_the_shipped_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    content, card = importlib.import_module("starter.make").build()
    assert content == CONTENT
    assert card == CARD


def test_rows_have_the_promised_form() -> None:
    for number, row in enumerate(ROWS, 1):
        assert list(row) == ["id", "kind", "instruction", "input", "output"]
        assert row["id"] == f"starter-{number:04}"
        for text in row.values():
            assert text == text.strip()
        assert 4 <= len(row["instruction"]) <= 140, row
        assert len(row["input"]) <= 250, row
        assert 1 <= len(row["output"]) <= 250, row


def test_ids_and_questions_are_unique() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert len({(row["instruction"], row["input"]) for row in ROWS}) == len(ROWS)
    assert len({asked(row).casefold() for row in ROWS}) == len(ROWS)


def test_numbers_of_rows_and_kinds() -> None:
    assert 950 <= len(ROWS) <= 1100
    assert len({row["kind"] for row in ROWS}) >= 25
    assert len(of_kind("japanese")) >= 50
    assert 80 <= len(of_kind("japanese")) + len(of_kind("other_languages")) <= 120
    assert 0.4 <= sum(bool(row["input"]) for row in ROWS) / len(ROWS) <= 0.65


def test_every_stretch_holds_a_fair_share_of_every_kind() -> None:
    totals = Counter(row["kind"] for row in ROWS)
    for start, end in [(0, 100), (0, 400), (len(ROWS) - 200, len(ROWS))]:
        found = Counter(row["kind"] for row in ROWS[start:end])
        for kind, total in totals.items():
            assert abs(found[kind] - total * (end - start) / len(ROWS)) <= 1.5, (kind, start, end)


def test_json_outputs_parse_and_hold_the_asked_keys() -> None:
    for row in of_kind("json_extraction"):
        found = json.loads(row["output"])
        assert list(found) == re.findall(r'"(\w+)"', row["instruction"])
        for value in found.values():
            assert str(value) in row["input"], row


def test_sums_are_right() -> None:
    arithmetic = of_kind("arithmetic") + [row for row in of_kind("japanese") if "=" in row["output"]]
    for row in arithmetic:
        found = re.match(r"([\d +×÷-]+) = (\d+)(, so |なので、)(.*)", row["output"])
        assert found, row
        expression, result, _, sentence = found.groups()
        assert worked_out(expression) == int(result), row
        assert re.search(rf"(?<!\d){result}(?!\d)", sentence), row
        question = asked(row).casefold()
        given = {int(number) for number in re.findall(r"\d+", question)}
        given |= {number for word, number in NUMBER_WORDS.items() if re.search(rf"\b{word}\b", question)}
        assert {int(number) for number in re.findall(r"\d+", expression)} <= given, row


def test_conversions_are_right() -> None:
    checked = 0
    for row in of_kind("unit_conversion") + of_kind("time_conversion"):
        if "degrees" in row["output"] or "-hour time" in row["output"]:
            continue
        found = re.fullmatch(r"([\d,.]+) ([a-z ]+) is ([\d,.]+) ([a-z ]+)\.", row["output"])
        assert found, row
        before, after = (Fraction(found[group].replace(",", "")) for group in (1, 3))
        for amount, unit in ((before, found[2]), (after, found[4])):
            assert (singular(unit) == unit) == (amount == 1), row
        unit, target = singular(found[2]), singular(found[4])
        if (unit, target) in RATIOS:
            assert after == before * Fraction(RATIOS[unit, target]), row
        else:
            assert before == after * Fraction(RATIOS[target, unit]), row
        assert f"{found[1]} {found[2]}" in asked(row)
        assert found[4] in asked(row) or after == 1
        checked += 1
    assert checked > 30


def test_temperatures_are_right() -> None:
    rows = [row for row in of_kind("unit_conversion") if "degrees" in row["output"]]
    assert rows
    for row in rows:
        found = re.fullmatch(r"(\d+) degrees (\w+) is (\d+) degrees (\w+)\.", row["output"])
        assert found, row
        degrees = {found[2]: int(found[1]), found[4]: int(found[3])}
        assert degrees["Fahrenheit"] * 5 == degrees["Celsius"] * 9 + 160, row
        assert row["instruction"].endswith(f"to {found[4]}."), row


def test_clock_times_are_right() -> None:
    rows = [row for row in of_kind("time_conversion") if "-hour time" in row["output"]]
    assert rows
    for row in rows:
        half = re.search(r"(\d+):(\d\d) ([ap])\.m\.", row["output"])
        full = re.search(r"(\d\d):(\d\d)(?! [ap]\.m\.)", row["output"])
        assert half, row
        assert full, row
        hour = int(half[1]) % 12 + (12 if half[3] == "p" else 0)
        assert (hour, half[2]) == (int(full[1]), full[2]), row
        assert (half[0] if "24" in row["instruction"] else full[0]) in asked(row), row


def test_sorted_answers_are_sorted() -> None:
    days = list(calendar.day_name)
    months = list(calendar.month_name)
    for row in of_kind("sorting"):
        cut = "\n" if "\n" in row["input"] else ", "
        mixed, answer = row["input"].split(cut), row["output"].split(cut)
        assert Counter(mixed) == Counter(answer), row
        assert mixed != answer, row
        falling = "descending" in row["instruction"] or "largest to smallest" in row["instruction"]
        if cut == "\n":
            keys: list[int] | list[str] = [int(text[-5:-1]) for text in answer]
        elif answer[0] in days:
            keys = [days.index(day) for day in answer]
        elif answer[0] in months:
            keys = [months.index(month) for month in answer]
        elif ":" in answer[0]:
            keys = [int(time.replace(":", "")) for time in answer]
        elif answer[0].isdigit():
            keys = [int(number) for number in answer]
        else:
            keys = [word.casefold() for word in answer]
        assert len(set(keys)) == len(keys), row
        assert sorted(keys, reverse=falling) == keys, row


def test_counts_are_right() -> None:
    for row in of_kind("counting"):
        number = int(re.findall(r"\d+", row["output"])[0])
        quoted = re.findall(r'"([^"]+)"', row["output"])
        if "sentence" in row["instruction"]:
            right = len(re.findall(r"\w+", row["input"]))
        elif "appear" in row["instruction"]:
            letter, word = quoted
            right = len(re.findall(letter, word))
        elif "vowels" in row["instruction"]:
            right = len(re.findall("[aeiou]", quoted[0]))
        else:
            right = len(re.findall("[a-z]", quoted[0]))
        assert number == right, row
        assert all(word in asked(row) for word in quoted), row


def test_odd_and_even_are_right() -> None:
    for row in of_kind("odd_or_even"):
        number = re.findall(r"\d+", asked(row))[0]
        assert row["output"] == f"{number} is an {'odd' if number[-1] in '13579' else 'even'} number."


def test_the_chosen_thing_is_one_of_those_on_offer() -> None:
    for row in of_kind("odd_one_out"):
        offered = row["instruction"].removesuffix("?").split(": ")[1].split(", ")
        assert row["output"].removesuffix(".").split()[-1] in offered, row
    for row in of_kind("combining_sentences"):
        word = re.findall(r'"(\w+)"', row["instruction"])[0]
        assert re.search(rf"\b{word}\b", row["output"], re.IGNORECASE), row


def test_lists_have_one_thing_a_line() -> None:
    for row in of_kind("three_examples"):
        assert [line[:2] for line in row["output"].split("\n")] == ["- "] * 3, row
    for row in of_kind("three_steps"):
        assert [line[:3] for line in row["output"].split("\n")] == ["1. ", "2. ", "3. "], row


def test_sentences_look_like_sentences() -> None:
    for row in ROWS:
        assert "  " not in asked(row), row
        if row["kind"] != "formulas":  # where "a" is also a length
            assert not re.search(r"\ba [aeio]\w", row["output"]), row
        assert not re.search(r"\ban [bcdfgjklmnpqrstvwyz]\w", row["output"]), row
        assert not re.search(r"\b(\w+) \1\b", row["output"], re.IGNORECASE), row
        assert not re.search(r"[{}]", row["instruction"] + row["input"]), row


def test_the_data_card_tells_the_truth() -> None:
    assert hashlib.sha256(CONTENT).hexdigest() in CARD
    counts = Counter(row["kind"] for row in ROWS)
    assert dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", CARD, re.MULTILINE)) == {
        kind: str(count) for kind, count in counts.items()
    }
    assert f"| Rows | {len(ROWS):,}, of which {sum(bool(row['input']) for row in ROWS)} have an input |" in CARD
    assert f"in {len(counts)} kinds of everyday task" in CARD
    assert f"{counts['japanese']} rows in Japanese, {counts['other_languages']} rows in eight other" in CARD
