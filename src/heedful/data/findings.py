"""What is odd about rows that stay: in their text, and in their tokens.

checks = RowChecks()
for example in examples: checks.add(example)
checks.findings()       # [Finding("duplicates", ..., 3, ("a.jsonl:7 repeats a.jsonl:2", ...), "warning"), ...]
checks.distributions()  # lengths, turns, roles, scripts, languages, system prompts

A row costs 32 bytes of memory (40 with a system prompt), whatever its length, and some 50 microseconds.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

from heedful.data.checks.characters import character_kinds
from heedful.data.checks.kinds import KINDS, SEVERITIES, Finding, Severity, Tally
from heedful.data.checks.language import asks_for_another, language_of, script_of
from heedful.data.checks.lengths import describe
from heedful.data.checks.personal import account_kinds, personal_kinds
from heedful.data.checks.phrases import answer_phrases, input_phrases, row_phrases
from heedful.data.checks.refusals import manner_kinds
from heedful.data.checks.repeats import FrequentTexts, RowMemory
from heedful.data.checks.secrets import secret_kinds
from heedful.data.checks.shape import ends_whole, shape_kinds
from heedful.data.splits import question_of
from heedful.records import Example, Message, TokenExample

__all__ = ["MARKERS", "Finding", "RowChecks", "several_bos", "stop_is_trained"]

# Markers of chat templates; inside a row's text they are usually left over from another template.
MARKERS = (
    "### Instruction:",
    "### Input:",
    "### Response:",
    "<|im_start|>",
    "<|im_end|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "[INST]",
    "[/INST]",
    "</s>",
)
COMMON_SHARE, COMMON_LEAST = 0.01, 20  # a sentence is common from this share and this number of the rows on
_SENTENCE = re.compile(r"[^.!?。！？\n]{3,120}[.!?。！？:：]?")
_LAST_SENTENCE = re.compile(r"(?:^|[.!?。！？\n])\s*([^.!?。！？\n]{8,120}[.!?。！？]+)\s*$")
_LIKE_A_KEY = re.compile(r"(?<!\S)(?=\S*\d)(?=\S*[A-Za-z])\S{8,}")
_HAS_DIGITS = re.compile(r"\d\d")


class RowChecks:
    """Looks at kept rows one by one; `findings` and `distributions` tell at the end."""

    def __init__(self, markers: Sequence[str] = MARKERS) -> None:
        self._markers = tuple(markers)
        self._tallies: dict[str, Tally] = {}
        self._rows = RowMemory()
        self._openings, self._closings = FrequentTexts(), FrequentTexts()
        self._whole = 0  # longer answers that end like a sentence
        self._systems = array("q")
        self._system_texts = FrequentTexts(1000)
        self._turns, self._roles = Counter[int](), Counter[str]()
        self._scripts, self._languages = Counter[str](), Counter[str]()

    def add(self, example: Example) -> None:
        """Look at one row that is kept."""
        kinds: set[str] = set()
        texts = [t for m in example.messages for t in (m.content, m.context) if t]
        self._look_at_texts(texts, kinds)
        question = question_of(example)
        prompt_length = sum(len(m.content) + len(m.context or "") for m in example.prompt)
        self._look_at_answers(example, question, kinds)
        self._remember(example, question, prompt_length)
        for kind in kinds:
            self._found(kind).add(example.source)

    def _found(self, kind: str) -> Tally:
        return self._tallies.setdefault(kind, Tally())

    def _look_at_texts(self, texts: list[str], kinds: set[str]) -> None:
        """What may stand in any text of the row; all of them are searched at once."""
        if any(t[0].isspace() or t[-1].isspace() for t in texts):
            kinds.add("edge_whitespace")
        text = "\n\n".join(texts)
        lower = text.lower()
        kinds.update(character_kinds(text, text.isascii()))
        if any(m in text for m in self._markers):
            kinds.add("markers")
        kinds |= secret_kinds(text, lower)
        if "@" in text or _HAS_DIGITS.search(text) or "::" in text:
            kinds |= personal_kinds(text)
            kinds |= account_kinds(text)
        kinds.update(row_phrases(text, lower))

    def _look_at_answers(self, example: Example, question: str, kinds: set[str]) -> None:
        asked = ""  # what stands before an answer
        self._turns[len(example.messages)] += 1
        for m in example.messages:
            self._roles[m.role] += 1
            if m.role != "assistant":
                asked = _text(m)
                if m.context is not None:
                    kinds.update(input_phrases(m.context))
                if m.role == "system":
                    self._add_system(m.content, example.source)
                continue
            answer = m.content
            if not answer:  # a call of a tool
                continue
            lower = answer.lower()
            kinds.update(manner_kinds(lower, question))
            kinds.update(answer_phrases(answer, lower, question))
            kinds.update(shape_kinds(answer, asked))
        self._look_at_last(example, question, kinds)

    def _look_at_last(self, example: Example, question: str, kinds: set[str]) -> None:
        answer = (example.reference or "").strip()
        asked = "\n".join(_text(m) for m in example.prompt[-1:])
        script, asked_script = script_of(answer), script_of(asked)
        language, sure = language_of(answer, script)
        self._scripts[script] += 1
        self._languages[language or "unknown"] += 1
        if len(answer) >= 20 and script != "none" != asked_script:
            kind = "script_differs" if script != asked_script else ""
            if sure and not kind:
                asked_language, asked_sure = language_of(asked, asked_script)
                kind = "language_differs" if asked_sure and asked_language != language else ""
            if kind and not asks_for_another(question):
                kinds.add(kind)
        if not answer:
            return
        ends = ends_whole(answer)
        if ends is False:
            kinds.add("cut_off")
        self._whole += ends is True
        first = _SENTENCE.match(answer)
        if first and first.end() < len(answer) and first.group().count(" ") >= 1:
            self._openings.add(first.group().strip(), example.source)
        last = _LAST_SENTENCE.search(answer, max(0, len(answer) - 130))
        if last and last.start(1) > 0:
            self._closings.add(last.group(1), example.source)

    def _add_system(self, text: str, source: str) -> None:
        self._systems.append(hash(text))
        shown = " ".join(text[:80].split())[:60]
        if _to_be_hidden(text):
            shown = "(not shown: it seems to hold personal data or a secret)"
        self._system_texts.add(shown, source)

    def _remember(self, example: Example, question: str, prompt_length: int) -> None:
        answer = example.reference or ""
        level = " ".join(unicodedata.normalize("NFKC", answer).casefold().split())
        self._rows.add(question, level, prompt_length, len(answer), example.source)

    def findings(self) -> list[Finding]:
        """What was found, the most serious first and then the most frequent; kinds without a row are left out."""
        tallies = dict(self._tallies)
        tallies["duplicates"], tallies["conflicts"] = self._rows.duplicates_and_conflicts()
        least = max(COMMON_LEAST, COMMON_SHARE * len(self._rows))
        tallies["same_answer"] = self._rows.same_answers(shortest=40, least=COMMON_LEAST)
        cut = tallies.get("cut_off")
        if cut and cut.count * 4 > self._whole:  # where many answers end so, it is their style
            del tallies["cut_off"]
        self._outliers(tallies)
        found = [Finding(k, KINDS[k][1], t.count, tuple(t.where), KINDS[k][0]) for k, t in tallies.items() if t.count]
        for kind, texts in (("same_opening", self._openings), ("same_closing", self._closings)):
            common = enumerate(texts.above(least), start=1)
            found += [_common(kind, kind if n == 1 else f"{kind}_{n}", text, tally) for n, (text, tally) in common]
        return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), -f.count, f.finding))

    def _outliers(self, tallies: dict[str, Tally]) -> None:
        figures = describe(self._rows.answer_lengths)
        if figures["count"] < 20:
            return
        # Three quartile distances beyond the upper quartile, on a logarithmic scale (Tukey's far outliers).
        low, high = max(figures["p25"], 1), max(figures["p75"], 1)
        far = int(max(high * (high / low) ** 3, 10 * high, 4000))
        tallies["very_long"] = self._rows.where(far + 1, figures["max"])
        if figures["p50"] >= 100 and figures["p5"] >= 10:
            tallies["very_short"] = self._rows.where(1, 2)

    def distributions(self) -> dict[str, Any]:
        """Lengths in characters of answers and of questions (the whole prompt), turns, roles, scripts, languages.

        Scripts and languages are those of the last answers; "none" and "unknown" where there is too little text.
        """
        import numpy as np

        hashes = np.unique(np.frombuffer(self._systems, np.int64)) if self._systems else ()
        return {
            "unit": "characters",
            "answers": describe(self._rows.answer_lengths),
            "questions": describe(self._rows.question_lengths),
            "turns": {str(n): self._turns[n] for n in sorted(self._turns)},
            "roles": dict(self._roles.most_common()),
            "scripts": dict(self._scripts.most_common()),
            "languages": dict(self._languages.most_common()),
            "system_prompts": {
                "count": len(self._systems),
                "distinct": len(hashes),
                "top": [{"text": t, "count": c.count} for t, c in list(self._system_texts.above(1))[:5]],
            },
        }


def _text(m: Message) -> str:
    return f"{m.content}\n{m.context}" if m.context else m.content


def _to_be_hidden(text: str) -> bool:
    """Whether a text had better not be shown; stricter than the findings: anything that could be a key is hidden."""
    kinds = personal_kinds(text) | account_kinds(text) | secret_kinds(text, text.lower())
    return bool(kinds) or _LIKE_A_KEY.search(text) is not None


def _common(kind: str, name: str, text: str, tally: Tally) -> Finding:
    """A sentence that many answers share; it is shown, unless it seems to hold something personal."""
    severity: Severity = KINDS[kind][0]
    hidden = "a sentence that is not shown, since it seems to hold personal data or a secret"
    shown = hidden if _to_be_hidden(text) else f"'{text[:80]}'"
    return Finding(name, f"{KINDS[kind][1]}: {shown}", tally.count, tuple(tally.where), severity)


def stop_is_trained(example: TokenExample, stops: set[int]) -> bool:
    """Whether a stop token is among the last two trained ones (a template may end a turn with a line break)."""
    trained = [i for i, mask in zip(example.ids, example.loss_mask, strict=True) if mask]
    return any(i in stops for i in trained[-2:])


def several_bos(ids: Sequence[int], bos: int, stops: set[int]) -> bool:
    """Where BOS is also the stop token (GPT-2), only two at the very beginning are a mistake."""
    return tuple(ids[:2]) == (bos, bos) if bos in stops else ids.count(bos) > 1
