"""The run's model and its copy side by side: the same prompts, the same logits within a limit, the same answers.

The run's model answers a few questions greedily in float32. The copy must make the same tokens of the same
questions, give logits at the last 64 places of each question and answer that differ by no more than the limit of its
form, and answer the same. Where the copy's answer parts from the model's, the two tokens at that place must lie near
one another in the model's own logits, so that rounding could put either first; such answers are counted as ties. The
copy's next-token distribution has a limit of its own: the mean Kullback-Leibler divergence in nats, as llama.cpp's
llama-perplexity has it, which a wrong weight or a wrong position moves at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heedful.errors import HeedfulError
from heedful.export.source import Source

if TYPE_CHECKING:
    import torch

NEW_TOKENS = 32
PLACES = 64  # compared in each question and its answer, from the end


@dataclass(frozen=True)
class Limits:
    """How much a copy may differ: a logit at most, and the next token's distribution on the mean, in nats.

    `tie`: how far the logits of two tokens may lie apart where the copy says the other one.
    """

    logit: float
    divergence: float
    tie: float


# Copied weights and merged adapters are the same numbers. Transformers' reader computes in float32 with weights that
# were rounded; llama.cpp rounds what it multiplies them with as well, and keeps keys and values in 16 bits. The
# limits of f16 and q8_0 are three to five times the largest that was measured (docs/commands/export.md).
LIMITS = {"hf": Limits(1e-3, 1e-4, 2e-3), "adapter": Limits(1e-3, 1e-4, 2e-3)}
READ_BACK = {"f16": Limits(0.1, 1e-3, 0.2), "q8_0": Limits(2.0, 0.1, 1.5)}
LLAMA_CPP = {
    "f16": Limits(1.5, 1e-3, 0.5),
    "q8_0": Limits(10.0, 0.1, 1.5),
    "q6_k": Limits(15.0, 0.2, 2.0),
    "q5_k_m": Limits(20.0, 0.5, 3.0),
    "q5_k_s": Limits(20.0, 0.5, 3.0),
    "q4_k_m": Limits(20.0, 1.0, 4.0),
    "q4_k_s": Limits(20.0, 1.0, 4.0),
    "q4_0": Limits(20.0, 1.0, 4.0),
    "q3_k_m": Limits(30.0, 2.0, 6.0),
}


@dataclass(frozen=True)
class Check:
    """What a comparison found. `largest` is the largest difference of a logit over `places` places.

    `divergence` is the mean Kullback-Leibler divergence of the next token there. `gap` is how far the two tokens'
    logits lay apart at the widest tie. `texts` that are hard to tokenize
    were tried, `texts_differ` of them became other ids, `odd_text` first. `shown_otherwise` answers had the same ids
    but another text.
    """

    by: str
    questions: int
    part: str
    places: int
    limits: Limits
    largest: float
    divergence: float
    same: int
    ties: int
    prompts_differ: int
    gap: float = 0.0
    texts: int = 0
    texts_differ: int = 0
    odd_text: str = ""
    shown_otherwise: int = 0

    @property
    def passed(self) -> bool:
        near = self.largest <= self.limits.logit and self.divergence <= self.limits.divergence
        return near and self.same + self.ties == self.questions and not self.differ

    @property
    def differ(self) -> int:
        """What no tolerance excuses."""
        return self.prompts_differ + self.texts_differ + self.shown_otherwise

    def to_json(self) -> dict[str, Any]:
        return {
            "by": self.by, "questions": self.questions, "part": self.part, "places": self.places,
            "tolerance": self.limits.logit, "largest_difference": self.largest,
            "divergence_allowed": self.limits.divergence, "divergence": self.divergence,
            "same_answers": self.same, "ties": self.ties, "widest_tie": self.gap, "tie_allowed": self.limits.tie,
            "prompts_differ": self.prompts_differ,
            "texts": self.texts, "texts_differ": self.texts_differ, "shown_otherwise": self.shown_otherwise,
            "passed": self.passed,
        }  # fmt: skip

    @property
    def sentence(self) -> str:
        """What was compared and found, for a person."""
        ties = f", {self.ties} parted where two tokens' logits lay {self.gap:.2g} apart" if self.ties else ""
        texts = f"; {self.texts} hard texts become the same ids" if self.texts and not self.texts_differ else ""
        return (
            f"{self.by}: {self.same} of {self.questions} greedy answers are the same{ties}; logits differ by at most "
            f"{self.largest:.2g} at {self.places} places (allowed: {self.limits.logit:g}), the next token's "
            f"distribution by {self.divergence:.2g} nats (allowed: {self.limits.divergence:g}){texts}"
        )


@dataclass(frozen=True)
class Reference:
    """The run's model on the questions: prompts and answers as ids, and logits (places, vocabulary) of both.

    `most` is how many tokens each answer may have at most.
    """

    prompts: tuple[tuple[int, ...], ...]
    answers: tuple[tuple[int, ...], ...]
    logits: tuple[torch.Tensor, ...]
    most: tuple[int, ...]
    stop_ids: frozenset[int]
    part: str


@dataclass(frozen=True)
class Copied:
    """A copy on one question: the prompt that its tokenizer and template make, its answer, its logits on ours."""

    prompt: Sequence[int]
    answer: Sequence[int]
    logits: torch.Tensor


def reference_of(source: Source, say: Callable[[str], None] = lambda _: None) -> Reference:
    """Ask the run's own model, as it stands in the run's folder."""
    from heedful.chat import Chat
    from heedful.models.loading import load_model

    loaded = load_model(f"run:{source.run.path}", trust_remote_code=bool(source.recipe.get("trust_remote_code")))
    chat = Chat.bind("model", loaded.tokenizer)
    prompts = tuple(tuple(chat.prompt_ids(e.prompt, e.tools)) for e in source.questions)
    stop_ids = frozenset({chat.stop_id, int(loaded.tokenizer.eos_token_id)})
    room = int(getattr(loaded.model.config, "max_position_embeddings", None) or 1 << 60)
    most = tuple(min(NEW_TOKENS, room - len(p)) for p in prompts)
    answers = greedy(loaded.model, prompts, most, stop_ids)
    logits = tuple(logits_of(loaded.model, p, a) for p, a in zip(prompts, answers, strict=True))
    return Reference(prompts, answers, logits, most, stop_ids, source.part)


def greedy(
    model: Any, prompts: Sequence[Sequence[int]], most: Sequence[int], stop_ids: frozenset[int]
) -> tuple[tuple[int, ...], ...]:
    """Greedy answers as ids, the stop token with them, by the engine that `heedful respond` answers with."""
    from heedful.backends.base import GenerationSettings
    from heedful.backends.generation import Request, make_generator

    generator, _ = make_generator(model, min(stop_ids))
    requests = [Request(k, list(p), n) for k, (p, n) in enumerate(zip(prompts, most, strict=True))]
    rows = generator.run(requests, GenerationSettings(max_new_tokens=NEW_TOKENS), set(stop_ids))
    said = {row.request.index: tuple(row.new) for row in rows}
    return tuple(said[k] for k in range(len(prompts)))


def logits_of(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> torch.Tensor:
    """Logits at the last places of a question and its answer, in float32. Shape (places, vocabulary)."""
    import torch

    with torch.inference_mode():
        ids = torch.tensor([[*prompt, *answer]])
        return model(input_ids=ids, use_cache=False).logits[0, -1 - PLACES : -1].float().clone()


def compare(reference: Reference, by: str, model: Any, prompts: Sequence[Sequence[int]], limits: Limits) -> Check:
    """Hold a transformers model and the prompts that its own tokenizer made against the reference."""
    answers = greedy(model, reference.prompts, reference.most, reference.stop_ids)
    copies = (
        Copied(own, answer, logits_of(model, p, a))
        for own, answer, p, a in zip(prompts, answers, reference.prompts, reference.answers, strict=True)
    )
    return found(reference, by, copies, limits)


def found(reference: Reference, by: str, copies: Iterable[Copied], limits: Limits) -> Check:
    """The comparison of what a copy gave with what the run's model gave; copies are taken one at a time."""
    largest, sums, same, differ, gaps = 0.0, 0.0, 0, 0, []
    ours = zip(reference.prompts, reference.answers, reference.logits, strict=True)
    for (prompt, answer, logits), copy in zip(ours, copies, strict=True):
        most, divergence = _difference(logits, copy.logits)
        largest, sums = max(largest, most), sums + divergence
        same += answer == tuple(copy.answer)
        if answer != tuple(copy.answer) and (gap := _gap(logits, answer, copy.answer)) <= limits.tie:
            gaps.append(gap)
        differ += prompt != tuple(copy.prompt)
    count, places = len(reference.prompts), sum(map(len, reference.logits))
    return Check(
        by, count, reference.part, places, limits, largest, sums / max(places, 1), same, len(gaps), differ,
        max(gaps, default=0.0),
    )  # fmt: skip


def _difference(ours: torch.Tensor, theirs: torch.Tensor) -> tuple[float, float]:
    """The largest difference of a logit, and the sum of the divergences over the places; infinite for no number."""
    import torch

    width = min(ours.shape[1], theirs.shape[1])
    ours, theirs = ours[:, :width], theirs[:, :width]
    most = float(torch.nan_to_num((ours - theirs).abs(), nan=float("inf")).max()) if len(ours) else 0.0
    if most == float("inf"):
        return most, most
    p, q = ours.log_softmax(dim=1), theirs.log_softmax(dim=1)
    return most, float((p.exp() * (p - q)).sum())


def _gap(logits: torch.Tensor, a: Sequence[int], b: Sequence[int]) -> float:
    """How far the logits of the two tokens lie apart where the answers part."""
    place = next((k - len(a) for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    if place is None:  # one is the beginning of the other: with the same stop tokens that is no tie
        return float("inf")
    return float(logits[place, a[place]] - logits[place, b[len(a) + place]])


def need(check: Check) -> Check:
    """The check itself; HeedfulError where it did not hold."""
    if check.passed:
        return check
    if check.prompts_differ:
        what = f"{check.prompts_differ} of {check.questions} questions become other tokens"
    elif check.texts_differ:
        text = check.odd_text if len(check.odd_text) < 60 else check.odd_text[:60] + "..."
        what = f"{check.texts_differ} of {check.texts} hard texts become other tokens, first {text!r}"
    elif check.shown_otherwise:
        what = f"{check.shown_otherwise} of {check.questions} answers are the same tokens, but another text"
    elif check.largest > check.limits.logit:
        what = f"a logit differs by {check.largest:.3g}, more than {check.limits.logit:g}"
    elif check.divergence > check.limits.divergence:
        what = f"the next token's distribution differs by {check.divergence:.3g} nats, more than "
        what += f"{check.limits.divergence:g}"
    else:
        what = f"{check.questions - check.same - check.ties} of {check.questions} greedy answers are others"
    raise HeedfulError(
        f"the copy is not the run's model ({check.by}: {what}), so nothing was exported; "
        "please report this with the model's name and `pip list`"
    )
