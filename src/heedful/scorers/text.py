"""Metrics on the text of one answer: exact match, token F1, chrF, ROUGE-L, stops, length, repetition.

Each takes a Response and gives a float, or None where it cannot be had: the request failed, or there is no
reference and the metric needs one. Shares and overlaps run from 0 to 1, lengths are counts.

Nothing here is only for Latin script. Where a script writes no spaces between words (Chinese, Japanese, Thai, Lao,
Khmer, Burmese, Tibetan), each character is a token, as MLQA does for Chinese
(https://github.com/facebookresearch/MLQA/blob/main/mlqa_evaluation_v1.py, ``mixed_segmentation``). Korean has spaces.

Two empty texts are equal (1.0) and an empty one against any other is 0.0, in every overlap metric.
"""

from __future__ import annotations

import functools
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from heedful.records import Response

Metric = Callable[[Response], float | None]

# Thai, Lao, Tibetan, Burmese, Khmer; kana, Bopomofo; Han with its extensions and compatibility forms.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af]"
)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def collapse(text: str) -> str:
    r"""Strip, and make each run of white space (a wide space too) one space; nothing else.

    >>> collapse("  Bonjour,\n\n  Ann ")
    'Bonjour, Ann'
    """
    return " ".join(text.split())


def exact(answer: str, reference: str) -> float:
    """1.0 where the texts are equal but for white space; case and punctuation count.

    >>> exact("Paris. ", "Paris."), exact("paris", "Paris")
    (1.0, 0.0)
    """
    return float(collapse(answer) == collapse(reference))


def split_unspaced(text: str) -> list[str]:
    """Words at white space, and inside them each character of an unspaced script with its marks.

    >>> split_unspaced("NASAは 月へ")
    ['NASA', 'は', '月', 'へ']
    """
    out: list[str] = []
    for word in text.split():
        new = True
        for character in word:
            unspaced = bool(_UNSPACED.match(character))
            if unicodedata.category(character).startswith("M") and not (new and not out):
                out[-1] += character  # a Thai vowel sign belongs to the letter before it
                new = False
                continue
            if new or unspaced or _UNSPACED.match(out[-1]):
                out.append(character)
            else:
                out[-1] += character
            new = False
    return out


def f1_tokens(text: str) -> list[str]:
    """Tokens as SQuAD's evaluation makes them: lower case, no punctuation, no English articles.

    Beyond it: the text is NFC, punctuation of every script goes, unspaced scripts are split into characters.
    Source: https://rajpurkar.github.io/SQuAD-explorer/, ``evaluate-v2.0.py``, ``normalize_answer``.

    >>> f1_tokens("The cat's hat, a 3.5 m one")
    ['cats', 'hat', '35', 'm', 'one']
    """
    text = unicodedata.normalize("NFC", text).lower()
    text = "".join(c for c in text if c not in string.punctuation and not unicodedata.category(c).startswith("P"))
    return split_unspaced(_ARTICLES.sub(" ", text))


def token_f1_of(answer: str, reference: str) -> float:
    """The harmonic mean of token precision and recall (SQuAD's F1), 0 to 1.

    A reference of nothing but punctuation or articles ("+", "a") is compared as it stands.

    >>> token_f1_of("the red cat", "A cat"), token_f1_of("東京です", "東京")
    (0.6666666666666666, 0.6666666666666666)
    """
    got, wanted = f1_tokens(answer), f1_tokens(reference)
    if not wanted:
        return float(collapse(answer).lower() == collapse(reference).lower())
    common = sum((Counter(got) & Counter(wanted)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(got), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


@functools.cache
def _chrf_scorer() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def chrf_of(answer: str, reference: str) -> float:
    """chrF2 of one answer by sacrebleu's defaults (characters up to 6-grams, beta 2), divided by 100.

    Source: Popović, "chrF: character n-gram F-score for automatic MT evaluation", WMT 2015.
    """
    if not collapse(reference):
        return float(not collapse(answer))
    return float(_chrf_scorer().sentence_score(answer, [reference]).score) / 100


class RougeTokenizer:
    """rouge-score's tokenizer for any script: lower case, runs of letters, marks and digits, characters where unspaced.

    On ASCII it gives what the package's own gives; that one drops every other letter.

    >>> RougeTokenizer().tokenize("Héllo, world_2! 月へ")
    ['héllo', 'world', '2', '月', 'へ']
    """

    def tokenize(self, text: str) -> list[str]:
        text = unicodedata.normalize("NFC", text).lower()
        kept = (c if unicodedata.category(c)[0] in "LMN" else " " for c in text)
        return split_unspaced("".join(kept))


@functools.cache
def _rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=RougeTokenizer())


def rouge_l_of(answer: str, reference: str) -> float:
    """The F-measure of the longest common subsequence of tokens, by rouge-score without stemming.

    A reference without a letter or digit is compared as it stands. Source: Lin, "ROUGE", WAS 2004.
    """
    if not RougeTokenizer().tokenize(reference):
        return exact(answer, reference)
    return float(_rouge_scorer().score(reference, answer)["rougeL"].fmeasure)


def repetition_of(text: str, n: int = 4) -> float:
    """The share of word n-grams that occurred before in the same text; 0.0 below n words.

    Source: Welleck et al., "Neural text generation with unlikelihood training", ICLR 2020, seq-rep-4.

    >>> repetition_of("no no no no no"), repetition_of("a b c d e")
    (0.5, 0.0)
    """
    words = split_unspaced(text.lower())
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def _against_reference(overlap: Callable[[str, str], float]) -> Metric:
    def metric(response: Response) -> float | None:
        if response.finish_reason == "error" or response.reference is None:
            return None
        return overlap(response.text, response.reference)

    return metric


def _of_answer(measure: Callable[[Response], float]) -> Metric:
    def metric(response: Response) -> float | None:
        return None if response.finish_reason == "error" else measure(response)

    return metric


METRICS: Mapping[str, Metric] = {
    "stops": _of_answer(lambda r: float(r.finish_reason == "stop")),
    "exact_match": _against_reference(exact),
    "token_f1": _against_reference(token_f1_of),
    "chrf": _against_reference(chrf_of),
    "rouge_l": _against_reference(rouge_l_of),
    "length": _of_answer(lambda r: float(r.tokens)),
    "length_chars": _of_answer(lambda r: float(len(r.text))),
    "repetition": _of_answer(lambda r: repetition_of(r.text)),
}
"""Every metric by its name, in the order of the report."""
