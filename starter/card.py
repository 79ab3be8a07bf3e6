"""Writes the data card, so that its counts and its hash are those of the rows."""

import hashlib
from collections import Counter

from starter.kinds.core import Row

# Kind, what its rows ask for; in the order of the data card.
KINDS = {
    "grammar_correction": "correct the grammar of a sentence",
    "spelling_correction": "correct one misspelt word in a sentence",
    "punctuation": "add punctuation and capital letters",
    "tense_change": "change the tense of a sentence",
    "voice_change": "active to passive, passive to active",
    "question_form": "turn a statement into a yes-or-no question",
    "exclamation_form": "turn a statement into an exclamation",
    "combining_sentences": "join two sentences with a given word",
    "formal_rewrite": "say it formally",
    "polite_rewrite": "say it politely",
    "shorter_rewrite": "say it in fewer words",
    "synonyms": "a word that means the same",
    "opposites": "a word that means the opposite",
    "plurals": "the plural of a noun",
    "abbreviations": "what an abbreviation stands for",
    "definitions": "a definition in one sentence",
    "analogies": "complete an analogy",
    "odd_one_out": "the word that does not belong",
    "categories": "animal, plant or mineral; land, water or air",
    "sentiment": "positive or negative",
    "odd_or_even": "odd or even numbers",
    "word_classes": "noun, verb, adjective or adverb",
    "sorting": "order words, numbers, days, months, times and events",
    "json_extraction": "extract named facts from a sentence as JSON",
    "unit_conversion": "lengths, weights, volumes, areas, data, temperatures",
    "time_conversion": "spans of time; 12-hour and 24-hour clock",
    "arithmetic": "small word problems, with the sum in the answer",
    "counting": "count letters, vowels and words",
    "calendar": "days, months, years",
    "capitals": "capital cities",
    "geography": "rivers, seas, mountains, landmarks",
    "comparisons": "which of two is bigger, faster, older and so on",
    "chemical_symbols": "symbols of the elements",
    "formulas": "formulas of mathematics, physics and chemistry",
    "famous_works": "who wrote, painted or composed a work",
    "proverbs": "complete an English proverb",
    "three_examples": "a list of three examples",
    "three_steps": "three numbered steps",
    "translation": "short phrases from and into English",
    "other_languages": "asked and answered in German, French, Spanish, Italian, Portuguese, Dutch, Chinese or Korean",
    "japanese": "asked in Japanese; answered in polite Japanese, or in English where a translation is asked for",
}

CARD = """# The starter data set

{total} short instructions with short answers, in {kinds} kinds of everyday task. It is there so that a first
fine-tuning run needs no download: enough to see a small model learn to answer in the shape that is asked for.

| | |
|---|---|
| File | `rows.jsonl`, UTF-8, one JSON object a line |
| Fields | `id`, `kind`, `instruction`, `input` (may be empty), `output` |
| Rows | {total}, of which {with_input} have an input |
| Languages | English, {japanese} rows in Japanese, {others} rows in eight other languages, {translation} translations |
| Licence | Apache-2.0, like the rest of the project |
| sha256 of `rows.jsonl` | `{digest}` |

## How it was made

All of it was written for this project. The facts and the sentence pairs stand in tables in the folder `starter/` of
the repository; nothing was copied from another data set, and no row was collected from people. The tables were
drafted with a language model, then read and corrected. Whatever can be computed is computed: orders, conversions,
counts. The sums in the word problems are worked out again by the tests. English spelling is British.

The order is fixed and mixed: each kind is spread evenly over the file, so that the first few hundred rows and the last
few hundred hold all kinds in about the same proportions. Within a kind the answers keep one style, and the
wording of the instructions varies.

To make the file and this card again, run this at the root of the repository:

    python -m starter.make

## Kinds

| Kind | Rows | What is asked |
|---|---:|---|
{table}

## What it is not for

- It is not a benchmark. Many of its facts are in every pretraining corpus; a right answer shows little knowledge.
- It does not teach a model to converse, to reason at length, to write code, or to refuse what it should refuse.
- It is too small to teach facts. It teaches the shape of an answer: short, direct, complete.

## Known limits

- Answers are short, mostly below 25 words, so a model trained on these rows alone answers everything briefly.
- Rewriting, synonyms, definitions and translations have more than one good answer; each row gives one.
- Each question is asked once. A row held out for testing asks about a different fact, but it shares its
  wording and its kind with rows that were trained on.
- The facts were chosen so as not to change or be disputed; they lean towards European and Japanese examples.
- The rows in other languages than English and Japanese are few, and are there to show that such rows work.
"""


def card(rows: list[Row], content: bytes) -> str:
    """The data card for these rows, which are written as this content."""
    counts = Counter(row.kind for row in rows)
    if set(counts) != set(KINDS):
        raise ValueError(f"the data card and the rows differ in kinds: {set(counts) ^ set(KINDS)}")
    return CARD.format(
        total=f"{len(rows):,}",
        kinds=len(counts),
        with_input=sum(bool(row.input) for row in rows),
        japanese=counts["japanese"],
        others=counts["other_languages"],
        translation=counts["translation"],
        digest=hashlib.sha256(content).hexdigest(),
        table="\n".join(f"| `{kind}` | {counts[kind]} | {asked} |" for kind, asked in KINDS.items()),
    )
