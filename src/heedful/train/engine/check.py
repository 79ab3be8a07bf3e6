"""Whether the engine may be used for a model: it is built and compared with the model's own layers, once.

The first layer of each kind is copied in float32, with weights that are not zero anywhere (LoRA begins with zeros), and
its output and every gradient are compared with those of the engine's. Then the losses of two short rows through the
whole model, in its own precision, show that the layers are put together in the right order and scale.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any

import torch
from torch import Tensor

from heedful.batches import collate
from heedful.models.adapters import plain_model
from heedful.records import TokenExample
from heedful.train.engine.attention import Around
from heedful.train.engine.decoder import Decoder, Layer, Norm, Step
from heedful.train.engine.layout import Layout, Masks, make_layout
from heedful.train.engine.memory import Memory
from heedful.train.engine.pieces import norm

CLOSE = 1e-4  # largest difference in float32, as a share of the largest value
ROWS = ((5, 9, 11, 3, 7, 8, 6), (5, 9, 11, 3, 17, 4), (5, 9, 11, 3, 12, 13, 14, 15))  # with a common beginning


def make_engine(model: Any, dtype: torch.dtype) -> tuple[Decoder | None, str]:
    """The engine for a model (perhaps with peft's adapters), or None with a sentence that says why not."""
    inner: Any = plain_model(model)
    try:
        decoder = Decoder(inner, dtype)
        difference = _layers_differ(inner, decoder) or _losses_differ(inner, decoder)
    except (TypeError, AttributeError, KeyError, RuntimeError, ValueError, NotImplementedError) as e:
        return None, f"{type(inner).__name__}: {str(e).splitlines()[0][:200] if str(e) else type(e).__name__}"
    if difference:
        return None, f"{type(inner).__name__}: {difference}"
    return decoder, f"compared with {type(inner).__name__}: equal"


def _layout(device: torch.device, vocabulary: int) -> tuple[Layout, Tensor, Any]:
    rows = [TokenExample(str(n), tuple(i % vocabulary for i in r), (False,) * 5 + (True,) * (len(r) - 5))
            for n, r in enumerate(ROWS)]  # fmt: skip
    batch = collate(rows, 0).to(device)
    return make_layout(batch.input_ids, batch.attention_mask, batch.labels, None), batch.labels, batch


def _layers_differ(inner: Any, decoder: Decoder) -> str:
    seen = set()
    for number, layer in enumerate(decoder.layers):
        key = (layer.kind, layer.window, layer.scale, layer.activation)
        if key in seen:
            continue
        seen.add(key)
        if (worst := _layer_difference(inner, decoder, number)) > CLOSE:
            return f"layer {number} differs from the model's own by {worst:.1e}"
    return ""


def _layer_difference(inner: Any, decoder: Decoder, number: int) -> float:
    """The largest difference of output and gradients, as a share of the largest value of each."""
    generator = torch.Generator().manual_seed(0)
    own = copy.deepcopy(inner.base_model.layers[number]).float().eval()
    device = next(own.parameters()).device
    with torch.no_grad():
        for name, parameter in own.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.02)
    layer = Layer(own, torch.float32, decoder.layers[number].kind, 0, Memory())
    layout, _, _ = _layout(device, decoder.embedding.weight.shape[0])
    x = torch.randn(len(layout.ids), decoder.embedding.weight.shape[1], generator=generator).to(device)
    grad = torch.randn(x.shape, generator=generator).to(device)
    places = _places(layout, device)  # where each position of a row stands in the layout

    def engine(h: Tensor) -> Tensor:
        around = Around(layout, Masks(device), layer.memory)
        step = Step(around, decoder._angles(layout, h))
        first = Norm(own.input_layernorm)
        total, o = layer(h, norm(h, first.gain, first.eps, torch.float32), step)
        return total + o

    def models(h: Tensor) -> Tensor:
        more = {"layer_type": layer.kind} if decoder.by_kind else {}
        out = h.new_zeros(h.shape)
        for row in places:
            positions = torch.arange(len(row), device=device)[None]
            mask = torch.full((1, 1, len(row), len(row)), float("-inf"), device=device).triu(1)
            made = own(
                h[row][None], attention_mask=mask, position_ids=positions,
                position_embeddings=decoder.rotary(h[None], positions, **more),
            )  # fmt: skip
            made = made[0] if isinstance(made, tuple) else made
            # A token of the prefix is in every row and counts once.
            new = row if row is places[0] else row[layout.prefix :]
            out = out.index_add(0, new, made.reshape(len(row), -1)[-len(new) :])
        return out

    results = []
    for function in (engine, models):
        own.zero_grad()
        leaf = x.clone().requires_grad_()
        with torch.enable_grad():
            y = function(leaf)
            y.backward(grad)
        results.append([y.detach(), leaf.grad, *(p.grad for p in own.parameters() if p.requires_grad)])
    return max(_difference(a, b) for a, b in zip(*results, strict=True))


def _places(layout: Layout, device: torch.device) -> list[Tensor]:
    prefix = torch.arange(layout.prefix, device=device)
    ends = [0, *(torch.nonzero(layout.positions[layout.prefix :] == layout.prefix).squeeze(1)[1:]).tolist()]
    ends.append(len(layout.ids) - layout.prefix)
    return [
        torch.cat([prefix, torch.arange(layout.prefix + a, layout.prefix + b, device=device)])
        for a, b in itertools.pairwise(ends)
    ]


def _difference(a: Tensor | None, b: Tensor | None) -> float:
    if a is None or b is None:
        return 0.0 if a is b else float("inf")
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-6))


@torch.no_grad()
def _losses_differ(inner: Any, decoder: Decoder) -> str:
    device = decoder.embedding.weight.device
    layout, labels, batch = _layout(device, decoder.embedding.weight.shape[0])
    trained = labels >= 0
    training = inner.training
    inner.eval()
    try:
        logits = inner(input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False).logits
    finally:
        inner.train(training)
    own = torch.nn.functional.cross_entropy(logits[trained].float(), labels[trained], reduction="none")
    ours = decoder.losses(layout, labels[trained])
    exact = decoder.dtype == torch.float32 and decoder.embedding.weight.dtype == torch.float32
    worst = float((ours - own).abs().max() / own.abs().max().clamp(min=1e-6))
    # Each layer of the model's own pass rounds its sum to bf16; such errors add up as a walk does.
    if not worst <= (1e-3 if exact else max(0.03, 0.008 * len(decoder.layers) ** 0.5)):
        return f"its losses differ from the model's own by {worst:.1e}"
    return ""
