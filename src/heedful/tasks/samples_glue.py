"""Two rows of each of GLUE's files, in the owner's form; we wrote them."""

from __future__ import annotations

from collections.abc import Sequence


def _table(*rows: Sequence[str]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


_MNLI = ("index", "genre", "sentence1", "sentence2", "gold_label")
_RTE = ("index", "sentence1", "sentence2", "label")
_STSB = ("index", "genre", "sentence1", "sentence2", "score")
_QQP = ("id", "qid1", "qid2", "question1", "question2", "is_duplicate")
_MRPC = ("Quality", "#1 ID", "#2 ID", "#1 String", "#2 String")

_VALIDATION: dict[str, str] = {
    "CoLA/{}.tsv": _table(("us", "1", "", "The cat slept."), ("us", "0", "*", "Cat the slept.")),
    "SST-2/{}.tsv": _table(("sentence", "label"), ("a warm and funny film . ", "1"), ("dull from end to end . ", "0")),
    "MRPC/{}.tsv": _table(
        _MRPC,
        ("1", "1", "2", "The bank cut its rate on Monday.", "On Monday the bank lowered its rate."),
        ("0", "3", "4", "The bank opened.", 'The bank "closed".'),
    ),
    "STS-B/{}.tsv": _table(
        _STSB,
        ("0", "us", "A dog runs.", "A dog is running.", "4.800"),
        ("1", "us", "A dog runs.", "The rate rose.", "0.200"),
        ("2", "us", "A dog runs.", "A cat runs.", "2.500"),
    ),
    "QQP/{}.tsv": _table(
        _QQP,
        ("0", "1", "2", "How do I boil an egg?", "How is an egg boiled?", "1"),
        ("1", "3", "4", "How do I boil an egg?", "Why is the sea salt?", "0"),
    ),
    "MNLI/{}_matched.tsv": _table(
        _MNLI,
        ("0", "us", "It rained all day.", "It was wet.", "entailment"),
        ("1", "us", "It rained all day.", "It was a Monday", "neutral"),
    ),
    "MNLI/{}_mismatched.tsv": _table(
        _MNLI,
        ("0", "us", "The shop is shut.", "The shop is open. ", "contradiction"),
        ("1", "us", "The shop is shut.", "The shop is not open.", "entailment"),
    ),
    "QNLI/{}.tsv": _table(
        ("index", "question", "sentence", "label"),
        ("0", "Who wrote it?", "Ann Lee wrote it.", "entailment"),
        ("1", "Who wrote it?", "It has ten pages.", "not_entailment"),
    ),
    "RTE/{}.tsv": _table(
        _RTE,
        ("0", "It rained all day.", "It was sunny.", "not_entailment"),
        ("1", "Ann owns a red car.", "Ann owns a car.", "entailment"),
    ),
    "WNLI/{}.tsv": _table(
        _RTE,
        ("0", "The cup did not fit in the box as it was big.", "The cup was big.", "1"),
        ("1", "The cup did not fit in the box as it was big.", "The box was big.", "0"),
    ),
}
SAMPLE: dict[str, str] = {
    **{name.format("dev"): text for name, text in _VALIDATION.items()},
    **{name.format("train").replace("_matched", ""): text for name, text in _VALIDATION.items() if "mis" not in name},
    "AX/diagnostic-full.tsv": _table(
        ("Lexical Semantics", "Domain", "Premise", "Hypothesis", "Label"),
        ("Quantifiers", "us", "All cats sleep.", "Some cats sleep.", "entailment"),
        ("Quantifiers", "us", "Some cats sleep.", "No cats sleep.", "contradiction"),
    ),
}
