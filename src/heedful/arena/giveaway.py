"""Whether a model names itself in what it says: then the vote was not blind and does not count.

Chatbot Arena leaves such conversations out by a list of words (FastChat, `clean_battle_data.py`). Here they come from
the two models' own names, and from a list of families and makers, which count after words such as *I am* or *trained
by*. A name's words that can be taken for ordinary ones (base, new, chat) give nothing away.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FAMILIES = _list("""
    alpaca aya baichuan bard bloom chatglm chatgpt claude codellama cohere command-r copilot dbrx deepseek dolly ernie
    falcon flan gemini gemma gpt gpt-3 gpt-4 gpt-5 granite grok guanaco hermes internlm koala llama mistral mixtral mpt
    nemotron neox olmo openassistant opt palm phi pythia qwen rwkv smollm solar stablelm starcoder tulu vicuna wizardlm
    yi zephyr
""")
MAKERS = (
    *_list("alibaba anthropic cohere deepmind eleutherai google huggingface lmsys meta microsoft mistralai moonshot"),
    *("nvidia", "openai", "tii", "xai", "hugging face", "meta ai", "mistral ai", "allen institute"),
)
# Families that are ordinary words too; a model named by them must introduce itself.
ORDINARY = frozenset(_list("alpaca aya bard bloom falcon flan gemini granite hermes koala opt palm phi solar yi"))
GENERAL = frozenset(
    _list("""
    adapter answers awq base best bf16 chat coder demo dpo final first fp16 gguf gptq hf instruct int4 int8 large last
    latest local lora main math med medium mini model models nano new old one out own pip plain preview pro quant rl run
    runs scripted sft small step test the tiny train trained tuned turbo two untuned with xl
""")
)
_INTRODUCED = (
    r"(?:\bi am|\bi['’]?m|\bmy name is|\bmy name['’]s|\bcall me|\bknown as"
    r"|\bi was (?:created|trained|made|built|developed)(?: by| at)?|\b(?:trained|developed|created|built) (?:by|at)"
    r"|\bas an? (?:ai |large )?(?:language )?model|\bich bin|\bich hei(?:ß|ss)e|\bje suis|\bje m['’]appelle|\bsoy"
    r"|\bme llamo|\bsono|\bmi chiamo|\bsou|\bik ben|我是|我叫)"
)
_PIECES = re.compile(r"[a-z]+|\d+(?:\.\d+)*[a-z]?")
_NEAR = r"[^.!?\n]{0,40}?"


def plain(text: str) -> str:
    """A text as names are looked for in it: compatibility forms folded, what cannot be seen left out."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in text if unicodedata.category(c) != "Cf").replace("ß", "ss")


def named_in(texts: Iterable[str], names: Sequence[str]) -> str | None:
    """What in the texts names one of the models that are called `names` (label and full name), None where nothing does.

    >>> named_in(["I'm Gemma 3, a model by Google."], ["pip:gemma3-270m"])
    'gemma 3'
    >>> named_in(["Base jumping is new to me."], ["base", "run:new"]) is None
    True
    """
    known = _patterns(tuple(names))
    for text in texts:
        looked = plain(text)
        for pattern in known:
            if found := pattern.search(looked):
                return (found.groupdict().get("name") or found[0]).strip()
    return None


@lru_cache(maxsize=256)
def _patterns(names: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    anywhere: set[str] = set()
    introduced: set[str] = {_loose(w) for w in (*FAMILIES, *MAKERS)}
    for name in names:
        for word in words_of(name):
            distinct = any(c.isdigit() for c in word) or any(
                f in word and f not in ORDINARY for f in FAMILIES if len(f) > 3
            )
            (anywhere if distinct else introduced).add(_loose(word))
    out = []
    if anywhere:
        out.append(re.compile(rf"(?<![^\W_])(?P<name>{_any(anywhere)})(?![^\W\d_])"))
    out.append(re.compile(rf"{_INTRODUCED}{_NEAR}(?<![^\W_])(?P<name>{_any(introduced)})(?![^\W\d_])"))
    return tuple(out)


def _any(patterns: Iterable[str]) -> str:
    return "|".join(sorted(patterns, key=lambda p: (-len(p), p)))


def _loose(word: str) -> str:
    """A name however its parts are joined: ``gemma-3``, ``gemma 3``, ``gemma3``."""
    return r"[\s_.\-]*".join(re.escape(p) for p in _PIECES.findall(plain(word))) or re.escape(plain(word))


def words_of(name: str) -> set[str]:
    """What a model may be called by, from its name here: the whole name, its last part, its family.

    >>> sorted(words_of("hf:HuggingFaceTB/SmolLM2-135M-Instruct"))
    ['smollm', 'smollm2', 'smollm2-135m', 'smollm2-135m-instruct']
    """
    kind, colon, rest = name.partition(":")
    target = rest if colon and kind.isalpha() else name
    target = target.split("@")[0] if colon else target
    last = re.split(r"[/\\]", target.rstrip("/\\"))[-1].casefold()
    last = re.sub(r"\.(jsonl|json|gguf|safetensors)$", "", last)
    parts = [p for p in re.split(r"[\s_\-]+", last) if p]
    out = {last}
    if len(parts) > 1:
        out |= {"-".join(parts[:2])}
    if parts:
        family = re.match(r"[^\W\d_]*", parts[0])
        out |= {parts[0], family[0] if family else ""}
    out |= {f for f in FAMILIES if len(f) > 3 and f in last.replace("_", "-")}
    return {w for w in out if len(w) > 2 and w not in GENERAL and not w.replace(".", "").isdigit()}
