"""Answers from a model in this process, by transformers' `generate`, in batches of prompts of like length."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from heedful.backends.base import Answer, GenerationSettings, Tools
from heedful.batches import by_length
from heedful.chat import Chat
from heedful.errors import TemplateError
from heedful.models.quiet import quiet_transformers
from heedful.records import Message


class TransformersBackend:
    """A model, its tokenizer and its template. Works on plain and on adapted models, on any device."""

    def __init__(self, name: str, model: Any, chat: Chat):
        self.name = name
        self.model = model
        self.chat = chat
        tokenizer: Any = chat.tokenizer
        # A model may end its answer as it was trained here or as it was trained before: both are a stop.
        # Without the second, a tuned model given another template would run to the limit.
        self.stop_ids = {chat.stop_id, *([] if tokenizer.eos_token_id is None else [int(tokenizer.eos_token_id)])}
        self.pad_id = int(chat.stop_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)
        # Beyond this many tokens a model has no positions, or none that it was trained on.
        self.positions = int(getattr(model.config, "max_position_embeddings", None) or 1 << 60)

    def answer(
        self, prompts: Sequence[Sequence[Message]], settings: GenerationSettings, tools: Sequence[Tools] = ()
    ) -> Iterator[Answer]:
        """Answer every prompt; longest prompts first. Greedy unless `settings.temperature` is above 0.

        A prompt that the template has no place for, or the model no room, gets an answer that says so as its error.
        """
        ids, refused = self._prompt_ids(prompts, tools)
        for index, problem in refused.items():
            yield Answer(index, "", "error", 0, 0, 0.0, problem)
        room = [0 if i in refused else self.positions - len(row) for i, row in enumerate(ids)]
        for index in (i for i, left in enumerate(room) if left < 1 and i not in refused):
            problem = f"the question has {len(ids[index]):,} tokens, the model has room for {self.positions:,}"
            yield Answer(index, "", "error", len(ids[index]), 0, 0.0, problem)
        tight = [i for i, left in enumerate(room) if 1 <= left < settings.max_new_tokens]
        for index in tight:  # alone, so that its limit is nobody else's
            shorter = dataclasses.replace(settings, max_new_tokens=room[index])
            yield from self._answer_batch([index], [ids[index]], shorter)
        free = [i for i, left in enumerate(room) if left >= settings.max_new_tokens]
        # transformers would take padding for something said, and punish its repetition: then no row is padded.
        size = settings.batch_size if settings.repetition_penalty == 1 else 1
        for batch in by_length([len(ids[i]) for i in free], size):
            rows = [free[b] for b in batch]
            yield from self._answer_batch(rows, [ids[i] for i in rows], settings)

    def _prompt_ids(
        self, prompts: Sequence[Sequence[Message]], tools: Sequence[Tools]
    ) -> tuple[list[list[int]], dict[int, str]]:
        """The ids of each prompt, and why those that the template refuses have none."""
        ids: list[list[int]] = []
        refused: dict[int, str] = {}
        for index, prompt in enumerate(prompts):
            try:
                ids.append(self.chat.prompt_ids(prompt, tools[index] if tools else ()))
            except TemplateError as e:
                ids.append([])
                refused[index] = str(e)
        return ids, refused

    @torch.no_grad()
    def _answer_batch(
        self, indices: list[int], rows: list[list[int]], settings: GenerationSettings
    ) -> Iterator[Answer]:
        begin = time.perf_counter()
        device = next(self.model.parameters()).device
        width = max(map(len, rows))
        input_ids = torch.full((len(rows), width), self.pad_id, dtype=torch.long)  # (B, T), padded on the left
        attention = torch.zeros_like(input_ids)
        for b, row in enumerate(rows):
            input_ids[b, width - len(row) :] = torch.tensor(row)
            attention[b, width - len(row) :] = 1
        training = self.model.training
        self.model.eval()
        try:
            with quiet_transformers():
                output = self._generate(input_ids.to(device), attention.to(device), indices, settings)
        finally:
            self.model.train(training)
        seconds = (time.perf_counter() - begin) / len(rows)
        for b, index in enumerate(indices):
            new = output[b, width:].tolist()
            stop = next((t for t, token in enumerate(new) if token in self.stop_ids), None)
            text = self._text(new if stop is None else new[:stop])
            used = len(new) if stop is None else stop + 1
            if (end := _first_stop(text, settings.stop)) is not None:
                text = text[:end]
                # What a longer row of the batch waited for is not counted: the tokens up to where the string was whole.
                used = next(
                    t for t in range(1, used + 1) if _first_stop(self._text(new[:t]), settings.stop) is not None
                )
            ended = stop is not None or end is not None
            yield Answer(index, text, "stop" if ended else "length", len(rows[b]), used, round(seconds, 4))

    def _text(self, new: list[int]) -> str:
        """New tokens as text, without what the template itself writes before every answer."""
        return self.chat.tokenizer.decode(new, skip_special_tokens=True).removeprefix(self.chat.before)

    def _generate(
        self, input_ids: Any, attention: Any, indices: list[int], settings: GenerationSettings
    ) -> torch.Tensor:
        from transformers import GenerationConfig

        config = GenerationConfig(
            max_new_tokens=settings.max_new_tokens,
            do_sample=settings.temperature > 0,
            temperature=settings.temperature if settings.temperature > 0 else None,
            top_p=settings.top_p if settings.temperature > 0 else None,
            top_k=settings.top_k if settings.temperature > 0 else None,
            min_p=settings.min_p if settings.temperature > 0 and settings.min_p > 0 else None,
            repetition_penalty=settings.repetition_penalty,
            eos_token_id=sorted(self.stop_ids),
            pad_token_id=self.pad_id,
            use_cache=True,
        )
        if settings.temperature > 0:  # the same seed gives the same answers to the same batches
            torch.manual_seed(settings.seed * 1_000_003 + min(indices))
        width = input_ids.shape[1]

        def said_stop(ids: torch.Tensor, _: Any) -> torch.Tensor:  # (B, T) -> (B,)
            found = [_first_stop(self._text(row), settings.stop) is not None for row in ids[:, width:].tolist()]
            return torch.tensor(found, device=ids.device)

        options = {"stopping_criteria": [said_stop]} if settings.stop else {}
        return self.model.generate(input_ids=input_ids, attention_mask=attention, generation_config=config, **options)


def _first_stop(text: str, stop: Sequence[str]) -> int | None:
    """Where the first of the stop strings begins; None where there is none."""
    return min((at for s in stop if (at := text.find(s)) >= 0), default=None)
