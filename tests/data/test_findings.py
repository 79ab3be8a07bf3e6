"""`RowChecks`: what can only be seen over many rows, the figures of the text, and that no secret gets into a ledger."""

from __future__ import annotations

import json
import math
from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.data.checks.kinds import KINDS, SEVERITIES, SHOWN, severity_of
from heedful.data.checks.language import language_of, script_of
from heedful.data.checks.lengths import describe
from heedful.data.checks.repeats import FrequentTexts, RowMemory
from heedful.data.findings import RowChecks
from heedful.data.splits import question_of
from heedful.records import Example, Message


def row(number: int, question: str, answer: str, *, context: str | None = None, system: str = "") -> Example:
    first = (Message("system", system),) if system else ()
    turns = (Message("user", question, context), Message("assistant", answer))
    return Example(f"r{number}", (*first, *turns), f"t.jsonl:{number}")


def checked(*rows: Example) -> RowChecks:
    checks = RowChecks()
    for r in rows:
        checks.add(r)
    return checks


def found(checks: RowChecks) -> dict[str, tuple[str, ...]]:
    return {f.finding: f.where for f in checks.findings()}


def test_a_clean_file_has_no_finding():
    rows = [
        row(i, f"What is {i} plus {i}?", f"{i} plus {i} is {2 * i}, since {i} is added to itself.")
        for i in range(1, 200)
    ]
    assert found(checked(*rows)) == {}


def test_duplicates_and_conflicts():
    checks = checked(
        row(1, "Name a colour.", "Red."),
        row(2, "name  a COLOUR.", "red."),  # case and spaces do not make another question or answer
        row(3, "Name a colour.", "Blue."),
        row(4, "Name a colour.", "Blue."),
        row(5, "Name a fruit.", "Red."),
    )
    assert found(checks) == {
        "duplicates": ("t.jsonl:2 repeats t.jsonl:1", "t.jsonl:4 repeats t.jsonl:3"),
        "conflicts": ("t.jsonl:3 contradicts t.jsonl:1",),
    }


def plain_way(examples: list[Example]) -> dict[str, list[str]]:
    """Duplicates and conflicts with everything kept in memory."""
    first: dict[tuple[str, str], str] = {}
    answers: dict[str, dict[str, str]] = {}
    out: dict[str, list[str]] = {"duplicates": [], "conflicts": []}
    for e in examples:
        question, answer = question_of(e), e.reference or ""
        if (question, answer) in first:
            out["duplicates"].append(f"{e.source} repeats {first[question, answer]}")
        first.setdefault((question, answer), e.source)
        others = answers.setdefault(question, {})
        if others and answer not in others:
            out["conflicts"].append(f"{e.source} contradicts {next(iter(others.values()))}")
        others.setdefault(answer, e.source)
    return out


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=40))
def test_duplicates_and_conflicts_are_those_of_the_plain_way(pairs):
    rows = [row(i, q, a) for i, (q, a) in enumerate(pairs)]
    plain = plain_way(rows)
    now = {f.finding: f for f in checked(*rows).findings() if f.finding in ("duplicates", "conflicts")}
    for name in ("duplicates", "conflicts"):
        assert (now[name].count if name in now else 0) == len(plain.get(name, ()))
        assert [p.split()[0] for p in (now[name].where if name in now else ())] == [
            p.split()[0] for p in plain.get(name, ())[:SHOWN]
        ]


def test_one_answer_to_many_questions():
    same = "The answer to this question depends on a number of factors."
    rows = [row(i, f"question {i}", same) for i in range(20)] + [row(i, f"question {i}", "yes") for i in range(20, 60)]
    finding = next(f for f in checked(*rows).findings() if f.finding == "same_answer")
    assert (finding.count, finding.where[:2]) == (20, ("t.jsonl:0", "t.jsonl:1"))
    assert "same_answer" not in found(checked(*rows[1:]))


def test_sentences_that_many_answers_share():
    rows = [
        row(
            i, f"Tell me of {i}.", f"That is a very deep question! It is {i} of them, or {i * 7}. Ask me again any day."
        )
        for i in range(25)
    ]
    rows += [row(i, f"Tell me of {i}.", f"There are {i} of them. There were {i * 3} long ago.") for i in range(25, 100)]
    rows += [row(i, f"Tell me of {i}.", "Positive.") for i in range(100, 200)]  # a label is no boilerplate
    sentences = {f.finding: f.sentence for f in checked(*rows).findings()}
    assert "'That is a very deep question!'" in sentences["same_opening"]
    assert "'Ask me again any day.'" in sentences["same_closing"]
    assert {"same_opening_2", "same_closing_2"} & set(sentences) == set()
    assert "same_opening" not in found(checked(*rows[6:]))


def test_a_shared_sentence_with_something_personal_is_not_shown():
    rows = [
        row(i, f"Tell me of {i}.", f"Ask k.tanaka@kaiun-bune now! It is {i}. Call 415-732-4418 today.")
        for i in range(30)
    ]
    text = json.dumps([f.to_json() for f in checked(*rows).findings()])
    assert "same_closing" in text
    assert "732-4418" not in text


PLANTED = (
    "k.tanaka@kaiun-bune.jp",
    "415-732-4418",
    "536-22-8714",
    "vK7qwz82Lp",
    "4539 1488 0343 6467",
    "gh" + "p_" + "q7Zr2Vn9Kx4Lb8Tw3Ym6Hc1Pd5Gf0Js7Ae2Ru9",
)


@pytest.mark.parametrize("value", PLANTED)
def test_no_value_that_is_personal_or_secret_gets_into_the_ledger(value):
    rows = [
        row(i, f"Keep this: password={value} {i}", f"I keep {value} for you. Thanks.", system=f"You are {value}.")
        for i in range(40)
    ]
    checks = checked(*rows)
    written = json.dumps([[f.to_json() for f in checks.findings()], checks.distributions()])
    assert value not in written
    assert any(f.finding.startswith(("personal", "secret")) for f in checks.findings())


def test_places_are_the_first_and_all_are_counted():
    finding = next(f for f in checked(*[row(i, f"q{i}", " a") for i in range(50)]).findings())
    assert (finding.finding, finding.count) == ("edge_whitespace", 50)
    assert finding.where == tuple(f"t.jsonl:{i}" for i in range(SHOWN))


def test_the_gravest_come_first_and_then_the_most():
    key = "gh" + "p_" + "q7Zr2Vn9Kx4Lb8Tw3Ym6Hc1Pd5Gf0Js7Ae2Ru9"
    rows = [row(i, f"q{i}", " a") for i in range(3)] + [row(i, f"q{i}", "<br>b [Your Name]") for i in range(3, 9)]
    assert [f.finding for f in checked(*rows, row(9, "q9", key)).findings()] == [
        "secret_token",
        "html",
        "edge_whitespace",
        "unfilled",
    ]
    assert all(severity in SEVERITIES for severity, _ in KINDS.values())
    assert [severity_of(name) for name in ("stop_not_trained", "same_opening_3", "unheard_of")] == [
        "error",
        "warning",
        "warning",
    ]


def test_answers_that_are_cut_count_only_where_others_are_not():
    prose = (
        "The house stands by the river. Its windows look out on the hills, and nobody has lived in it for years. " * 2
    )
    tail = "In spring the swallows come back to it and build their nests under the old eaves of"
    whole = [row(i, f"q{i}", f"{prose}{i} {tail} the house.") for i in range(9)]
    cut = [row(i, f"q{i}", f"{prose}{i} {tail}") for i in range(10, 14)]
    assert "cut_off" not in found(checked(*whole, *cut))
    assert found(checked(*whole, cut[0]))["cut_off"] == ("t.jsonl:10",)


def test_lengths_that_stand_out():
    rows = [row(i, f"q{i}", f"{i} " + "word and word " * (10 + i % 7)) for i in range(60)]
    long = row(90, "q90", " ".join(f"word{i}" for i in range(3000)))
    places = found(checked(*rows, long, row(91, "q91", "7")))
    assert (places["very_long"], places["very_short"]) == (("t.jsonl:90",), ("t.jsonl:91",))


def test_rows_of_several_turns_and_of_tool_calls():
    turns = (
        Message("system", "Be brief."),
        Message("user", "hello there, my friend"),
        Message("assistant", "I cannot help with that."),
        Message("user", "why?"),
        Message("assistant", ""),
        Message("tool", "42"),
        Message("assistant", "It is 42."),
    )
    checks = checked(Example("a", turns, "s"))
    assert found(checks) == {"refusals": ("s",)}
    figures = checks.distributions()
    assert figures["turns"] == {"7": 1}
    assert figures["roles"] == {"assistant": 3, "user": 2, "system": 1, "tool": 1}
    assert figures["system_prompts"] == {"count": 1, "distinct": 1, "top": [{"text": "Be brief.", "count": 1}]}


def test_a_row_without_an_answer_is_looked_at_too():
    checks = checked(Example("a", (Message("user", "bro\ufffdken"),), "odd place without a line"))
    assert found(checks) == {"replacement_characters": ("odd place without a line",)}
    assert checks.distributions()["answers"]["max"] == 0


def test_other_languages_and_scripts():
    question = "What is the best way to cook the rice that I have bought from the market?"
    german = (
        "Am besten kocht man den Reis mit der doppelten Menge Wasser und lässt ihn dann noch eine Weile auf dem Herd."
    )
    rows = [
        row(1, question, german),
        row(2, question + " Answer in German.", german),
        row(3, question + "!", "お米は二倍の水で炊いて、そのあと少し蒸らしてください。"),
        row(4, question + "?", "Wash it, and cook it with twice as much of the water as you have of rice."),
    ]
    checks = checked(*rows)
    assert {k: v for k, v in found(checks).items() if k.endswith("differs")} == {
        "language_differs": ("t.jsonl:1",),
        "script_differs": ("t.jsonl:3",),
    }
    assert checks.distributions()["languages"] == {"de": 2, "ja": 1, "en": 1}
    assert checks.distributions()["scripts"] == {"Latin": 3, "Japanese": 1}


SENTENCES = {
    "en": "The train from the north was late, and nobody at the station could tell us when it would come.",
    "de": "Der Zug aus dem Norden war verspätet, und niemand am Bahnhof konnte uns sagen, wann er kommen wird.",
    "fr": "Le train du nord était en retard et personne dans la gare ne pouvait nous dire quand il arriverait.",
    "es": "El tren del norte llegó tarde y en la estación nadie nos pudo decir por qué, como es habitual.",
    "it": "Il treno del nord era in ritardo e nella stazione non sapeva nessuno quando arrivava, anche se era tardi.",
    "pt": "O trem do norte estava atrasado e na estação não havia uma pessoa que soubesse dizer quando ele viria.",
    "nl": "De trein uit het noorden was te laat en op het station wist niet een van de mensen wanneer hij zou komen.",
    "sv": "Tåget från norr var sent och ingen på stationen kunde säga oss när det skulle komma, men vi väntade också.",
    "fi": "Juna pohjoisesta oli myöhässä, ja kun kysyimme, niin kukaan ei tiennyt että se on jo mennyt.",
    "pl": "Pociąg z północy był spóźniony i na stacji nie było nikogo, kto by wiedział, czy już się zbliża.",
    "cs": "Vlak ze severu měl zpoždění a na nádraží se nenašel nikdo, který by už věděl, kdy nebo jak přijede.",
    "ro": "Trenul din nord a întârziat, și nimeni nu știa când o să vină, dar am mai așteptat pentru că ploua.",
    "hu": "A vonat északról késett, és az állomáson nem volt senki, aki meg tudta volna mondani, hogy mikor jön.",
    "tr": "Kuzeyden gelen tren çok geç kaldı ve istasyonda ne olduğunu bilen bir kişi daha yoktu, ama bekledik.",
    "id": "Kereta dari utara itu terlambat dan tidak ada orang di stasiun yang dapat mengatakan kapan akan tiba.",
    "vi": "Chuyến tàu từ miền bắc đã đến muộn và không một người nào ở nhà ga có thể nói khi nào nó đến.",
    "ru": "Поезд с севера опоздал, и никто на станции не мог сказать, когда он придёт.",
    "uk": "Потяг із півночі запізнився, і ніхто на станції не міг сказати, коли він приїде.",
    "bg": "Влакът от север закъсня и никой на гарата не можеше да ни каже кога ще дойде, защото вървеше снегът.",
    "sr": "Воз са севера је каснио и нико на станици није знао да каже кад ће доћи њихов воз.",
    "el": "Το τρένο από τον βορρά άργησε και κανείς στον σταθμό δεν ήξερε πότε θα έρθει.",
    "he": "הרכבת מהצפון איחרה ואיש בתחנה לא ידע לומר מתי תגיע.",
    "ar": "تأخر القطار القادم من الشمال ولم يعرف أحد في المحطة متى سيصل.",
    "fa": "قطار شمال دیر کرد و هیچ‌کس در ایستگاه نمی‌دانست چه وقت می‌رسد.",
    "hi": "उत्तर से आने वाली गाड़ी देर से थी और स्टेशन पर कोई नहीं जानता था।",
    "th": "รถไฟจากทางเหนือมาช้าและไม่มีใครที่สถานีรู้ว่าจะมาเมื่อไร",
    "ja": "北からの列車は遅れていて、駅の誰もいつ来るのか分からなかった。",
    "zh": "从北方来的火车晚点了，车站里没有人知道它什么时候到。",
    "ko": "북쪽에서 오는 기차가 늦었고 역에 있는 누구도 언제 올지 몰랐다.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_languages(language):
    text = SENTENCES[language]
    assert language_of(text, script_of(text))[0] == language


@pytest.mark.parametrize(
    "text", ["", "42", "x", "OK", "Paris", "int main() { return 0; }", "Kyoto Tokyo Osaka", "lorem ipsum"]
)
def test_too_little_text_has_no_language(text):
    assert language_of(text, script_of(text)) == (None, False)


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=300))
def test_figures_of_lengths(lengths):
    figures = describe(array("i", lengths))
    ordered = sorted(lengths)
    assert (figures["count"], figures["min"], figures["max"]) == (len(lengths), ordered[0], ordered[-1])
    assert figures["p50"] == ordered[(len(ordered) - 1) // 2]
    assert figures["p95"] == ordered[math.floor(0.95 * (len(ordered) - 1))]
    for b in figures["histogram"]:
        assert b["count"] == sum(b["from"] <= n <= b["to"] for n in lengths)
    assert sum(b["count"] for b in figures["histogram"]) == len(lengths)
    assert describe(array("i")) == {"count": 0}


@given(st.lists(st.sampled_from("aaaabbbcdefghijkl"), max_size=200), st.integers(1, 12))
def test_counts_of_frequent_texts_are_short_by_the_proven_bound_at_most(texts, room):
    """Misra and Gries: n / (room + 1)."""
    frequent = FrequentTexts(room)
    for t in texts:
        frequent.add(t, "p")
    counted = {t: tally.count for t, tally in frequent.above(1)}
    assert len(counted) <= room
    for text, true in Counter(texts).items():
        assert true - len(texts) / (room + 1) <= counted.get(text, 0) <= true


@given(
    st.lists(
        st.sampled_from(
            ["a.jsonl:7", "a.jsonl:07", "b:0", "x", "a:b:12", ":3", "a.jsonl:", "c:４", "a.jsonl:7777777777"]
        )
    )
)
def test_places_come_back_as_they_were_given(places):
    memory = RowMemory()
    for p in places:
        memory.add("q", "a", 1, 1, p)
    assert [memory.place(i) for i in range(len(places))] == places


def test_a_row_costs_32_bytes():
    memory = RowMemory()
    memory.add("q" * 1000, "a" * 1000, 1000, 1000, "t.jsonl:1")
    arrays = (v for v in vars(memory).values() if isinstance(v, array))
    assert sum(a.itemsize * len(a) for a in arrays) == 32
