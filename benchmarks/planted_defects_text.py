"""Plant defects in clean rows by a seed, look for them, and print precision and recall by kind, rows a second, memory.

    python benchmarks/planted_defects_text.py --rows 20000 --seed 1

A fifth of the clean rows are made to look like a defect without being one (documented e-mail addresses, numbers of 555,
capitals with accents before a quotation mark, code with HTML, "I cannot swim", ...), so that precision can fall. The
values are made up from the seed; keys and numbers are valid by their form and their check digits only.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import string
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from heedful.data.checks import kinds, repeats
from heedful.data.checks.personal import luhn, my_number
from heedful.data.findings import RowChecks
from heedful.records import Example, Message

SUBJECTS = [
    "The river",
    "The baker",
    "A small town",
    "The old bridge",
    "My neighbour",
    "The orchestra",
    "A comet",
    "The library",
    "The engine",
]
VERBS = [
    "crosses",
    "explains",
    "remembers",
    "carries",
    "follows",
    "measures",
    "repairs",
    "describes",
    "paints",
    "gathers",
    "shelters",
    "divides",
]
OBJECTS = [
    "the valley",
    "a long story",
    "warm bread",
    "seven letters",
    "the northern road",
    "a quiet garden",
    "the harbour",
    "an answer",
]
ENDS = [
    "before the winter comes",
    "without any haste",
    "in the early morning",
    "when nobody is looking",
    "for the whole village",
]
ASKS = ["Describe", "Explain", "Summarise", "Compare", "Discuss", "Write about", "Tell me about", "Give your view of"]

Make = Callable[[random.Random, str, str], tuple[str, str]]


def sentence(r: random.Random) -> str:
    return f"{r.choice(SUBJECTS)} number {r.randrange(10**5)} {r.choice(VERBS)} {r.choice(OBJECTS)} {r.choice(ENDS)}."


def prose(r: random.Random, least: int = 2, most: int = 7) -> str:
    return " ".join(sentence(r) for _ in range(r.randint(least, most)))


def question(r: random.Random) -> str:
    return f"{r.choice(ASKS)} {r.choice(OBJECTS)} and {r.choice(OBJECTS)}, case {r.randrange(10**9)}."


def letters(r: random.Random, n: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(r.choice(alphabet) for _ in range(n))


def digits(r: random.Random, n: int) -> str:
    return letters(r, n, string.digits)


def with_check(r: random.Random, begin: str, length: int, holds: Callable[[str], bool]) -> str:
    body = begin + digits(r, length - 1 - len(begin))
    return next(body + d for d in string.digits if holds(body + d))


def iban(r: random.Random) -> str:
    body = digits(r, 18)
    check = 98 - int(body + "131400") % 97
    return f"DE{check:02d}{body}"


def inside(make: Callable[[random.Random], str]) -> Make:
    """Put a text between the sentences of the answer or at the end of the question."""

    def plant(r: random.Random, q: str, a: str) -> tuple[str, str]:
        text = make(r)
        if r.random() < 0.3:
            return f"{q} {text}", a
        parts = a.split(". ")
        parts.insert(r.randint(1, len(parts)), text)
        return q, ". ".join(parts)

    return plant


def answer(make: Callable[[random.Random, str], str]) -> Make:
    return lambda r, q, a: (q, make(r, a))


def misread(r: random.Random) -> str:
    text = r.choice(RIGHT)
    encoding = r.choice(["latin-1", "latin-1", "cp1252"])
    return text.encode().decode(encoding, "replace" if encoding == "latin-1" else "ignore")


RIGHT = [
    "le café est fermé", "è così che è", "größer als möglich", "it’s “here”",
    "日本語の文章です", "Привет, мир", "zażółć gęślą",
]  # fmt: skip
PHRASES = ["we go on and on,", "it is what it is and", "nothing more to say;", "und so weiter und so fort,"]
REFUSALS = [
    "I'm sorry, but I cannot assist with that.", "As an AI language model, I do not have feelings.",
    "I cannot provide that.",
    "Es tut mir leid, aber ich kann dabei nicht helfen.", "Je suis désolé, mais je ne peux pas vous aider.",
    "Lo siento, pero no puedo ayudar con eso.", "申し訳ありませんが、その質問にはお答えできません。",
    "抱歉，我无法提供帮助。",
]  # fmt: skip
ODD = {
    "control_characters": "\x00\x07\x1b\x9d",
    "invisible_characters": "\u200b\ufeff\u2060\xad",
    "bidi_controls": "\u202e\u202b\u2067",
}


def email(r: random.Random) -> str:
    person, host = letters(r, 7).lower(), letters(r, 8).lower()
    return f"Write to {person}.{letters(r, 5).lower()}@{host}.{r.choice(['com', 'de', 'co.jp'])}"


def phone(r: random.Random) -> str:
    line, area = r.randint(2000, 6999), r.randint(600, 989)
    near = (f"({r.randint(201, 489)}) {area}-{line}", f"090-{line}-{area}7")
    return "Call " + r.choice((*near, f"+49 30 {area} {line}", f"+81 3 {line} {area}3"))


def address(r: random.Random) -> str:
    return f"The host is {r.choice([91, 151, 185, 62])}.{r.randint(33, 250)}.{r.randint(33, 250)}.{r.randint(2, 250)}"


def token(r: random.Random) -> str:
    aws = "AKIA" + letters(r, 16, "ABCDEFGHJKLMNPQRSTUVWXYZ234567")
    face = "hf_" + letters(r, 34, string.ascii_letters)
    return "Use " + r.choice((aws, "ghp_" + letters(r, 36), "sk-" + letters(r, 48), face))


def password(r: random.Random) -> str:
    name = r.choice(("password: ", "API_KEY=", "client_secret = "))
    return name + letters(r, 9) + "7" + letters(r, 5, string.ascii_letters)


def refusal(r: random.Random, a: str) -> str:
    return f"{r.choice(REFUSALS)} {a}" if r.random() < 0.5 else r.choice(REFUSALS)


def cut(r: random.Random, a: str) -> str:
    words = f"{a} {prose(r, 3, 4)}".split(" ")
    return " ".join(words[: -r.randint(2, 4)]).rstrip(".,") + " of"


def edges(r: random.Random, a: str) -> str:
    return r.choice(["\n", " "]) + a if r.random() < 0.5 else a + r.choice(["\n", "  "])


def german(r: random.Random, q: str, a: str) -> tuple[str, str]:
    if r.random() < 0.5:  # the other half keeps a short question, whose language is not sure
        q = f"What can you tell me about how it was when they had {r.choice(OBJECTS)} and were there in {digits(r, 9)}?"
    return q, f"Das ist eine Antwort, die nicht in der Sprache der Frage steht, und sie hat die Nummer {digits(r, 9)}."


JAPANESE = "これは日本語で書かれた答えです。"
PLANTS: dict[str, Make] = {
    "personal_email": inside(email),
    "personal_phone": inside(phone),
    "personal_ip": inside(address),
    "personal_card": inside(lambda r: "It was paid with " + with_check(r, r.choice(["4", "51", "55"]), 16, luhn)),
    "personal_ssn": inside(lambda r: f"It is {r.randint(100, 665)}-{r.randint(10, 99)}-{r.randint(1000, 9999)}"),
    "personal_my_number": inside(lambda r: "マイナンバーは" + with_check(r, "", 12, my_number)),
    "personal_iban": inside(lambda r: f"Pay to {iban(r)}"),
    "secret_token": inside(token),
    "secret_private_key": inside(
        lambda r: "-----BEGIN RSA PRIVATE KEY-----\n" + letters(r, 64) + "\n" + letters(r, 64)
    ),
    "secret_password": inside(password),
    "mojibake": inside(misread),
    "replacement_characters": inside(lambda r: "bro\ufffdken"),
    **{kind: inside(lambda r, cs=cs: f"od{r.choice(cs)}d") for kind, cs in ODD.items()},
    "markers": inside(lambda r: r.choice(["<|im_end|>", "### Response:", "[/INST]", "</s>"])),
    "html": inside(lambda r: r.choice(["a<br>b", "one &amp; two", "end</p>", "&nbsp;here"])),
    "refusals": answer(refusal),
    "loops": answer(lambda r, a: f"{a} " + " ".join([r.choice(PHRASES)] * r.randint(6, 12))),
    "role_marker": answer(lambda r, a: r.choice(["Assistant: ", "AI: ", "**Assistant:** ", "User: "]) + a),
    "open_fence": answer(lambda r, a: f"{a}\n```python\nprint({r.randrange(99)})\n"),
    "cut_off": answer(cut),
    "echo": lambda r, q, a: (q, q),
    "edge_whitespace": answer(edges),
    "placeholder_answer": answer(lambda r, a: r.choice(["N/A", "nan", "<noinput>", "TBD"])),
    "image_placeholders": inside(lambda r: r.choice(["[image]", "![pic](https://a.net/x.png)", "https://a.net/a.jpg"])),
    "page_leftovers": answer(lambda r, a: f"{a}\npythonCopy codeprint({r.randrange(99)})\n"),
    "script_differs": answer(lambda r, a: JAPANESE + digits(r, 9) + "番の文です。"),
    "language_differs": german,
}
HARMLESS: list[Make] = [
    inside(lambda r: f"Write to user{digits(r, 3)}@example.com or call 555-01{digits(r, 2)}"),
    inside(lambda r: "The server at 192.168.0.7 runs version 91.0.4472.124 since 2023-01-02 10:20:30"),
    inside(lambda r: "«SÃO PAULO», CAFÉ”, É… and «à bientôt\xa0»"),
    inside(lambda r: "AKIAIOSFODNN7EXAMPLE is a key in every manual; password = your_password"),
    inside(lambda r: "4111 1111 1111 1111 and 123-45-6789 and 1234567890123456"),
    lambda r, q, a: (f"{q} Write HTML.", f"{a} <br> &amp; </p>"),
    answer(lambda r, a: f"I cannot swim, but I can walk {digits(r, 5)} miles. {a}"),
    answer(lambda r, a: f"{a}\n```python\nfor i in range({r.randrange(99)}):\n    pass\n```"),
    answer(lambda r, a: f"{a}\n\n- one\n- two\n- three of them"),
    lambda r, q, a: (f"{q} Answer in Japanese.", JAPANESE + digits(r, 9)),
    answer(lambda r, a: f"{a} Un café, s'il vous plaît: größer, déjà vu, naïve — “so” it’s…"),
]


def rows(count: int, seed: int, share: float) -> Iterator[tuple[Example, str | None]]:
    """Rows with the kind that was planted, if any; repeated rows and contradictions come from earlier clean ones."""
    r = random.Random(seed)
    names = [*PLANTS, "duplicates", "conflicts"]
    clean: list[tuple[str, str]] = []
    for i in range(count):
        q, a, kind = question(r), prose(r), None
        if clean and r.random() < share:
            kind = r.choice(names)
            if kind == "duplicates":
                q, a = r.choice(clean)
            elif kind == "conflicts":
                q = r.choice(clean)[0]
            else:
                q, a = PLANTS[kind](r, q, a)
        elif r.random() < 0.2:
            q, a = r.choice(HARMLESS)(r, q, a)
        elif len(clean) < 5000:
            clean.append((q, a))
        yield Example(f"r{i}", (Message("user", q), Message("assistant", a)), f"planted.jsonl:{i + 1}"), kind


def look(planted: list[tuple[Example, str | None]]) -> tuple[dict[str, set[str]], float]:
    """All places by what was found there, and the seconds of processor time."""
    kinds.SHOWN = repeats.SHOWN = len(planted)  # not only the first 20
    checks = RowChecks()
    start = time.process_time()
    for example, _ in planted:
        checks.add(example)
    findings = checks.findings()
    seconds = time.process_time() - start
    return defaultdict(set, {f.finding: {place.split()[0] for place in f.where} for f in findings}), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.2, help="share of the rows that get a defect")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--misses", action="store_true", help="print rows that were missed or found wrongly")
    arguments = parser.parse_args()
    planted = list(rows(arguments.rows, arguments.seed, arguments.share))
    places, seconds = look(planted)
    truth: dict[str, set[str]] = defaultdict(set)
    for example, kind in planted:
        if kind:
            truth[kind].add(example.source)
    defective = set().union(*truth.values())
    table = []
    for kind in sorted(truth):
        # A row with one planted defect may rightly have another (a cut answer, say): only clean rows are false alarms.
        right, false = truth[kind] & places[kind], places[kind] - defective
        precision = len(right) / (len(right) + len(false)) if right or false else 1.0
        table.append(
            {"kind": kind, "planted": len(truth[kind]), "precision": precision, "recall": len(right) / len(truth[kind])}
        )
    alarms = Counter({k: len(v - defective) for k, v in places.items() if k not in truth and v - defective})
    speed = len(planted) / seconds
    characters = sum(len(m.content) for e, _ in planted for m in e.messages) / len(planted)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if arguments.json:
        print(json.dumps({"table": table, "rows_per_second": speed, "other_alarms": alarms, "peak_mb": peak}))
        return
    for t in table:
        print(f"{t['kind']:<24} planted {t['planted']:>5}  precision {t['precision']:.3f}  recall {t['recall']:.3f}")
    print(f"in clean rows, of kinds that were not planted: {dict(alarms) or 'nothing'}")
    print(f"{speed:,.0f} rows a second of processor time, {characters:.0f} characters a row; peak {peak} MB")
    if arguments.misses:
        for example, kind in planted:
            wrong = [k for k, v in places.items() if example.source in v and example.source not in defective]
            if wrong or (kind and example.source not in places[kind]):
                print(kind, wrong, [m.content for m in example.messages])


if __name__ == "__main__":
    main()
