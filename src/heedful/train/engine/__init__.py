"""A faster forward and backward pass for causal models, with the weights and the gradients of the model.

layout      rows without padding, their common beginning once
pieces      norms, rotation, gated activation: each with its own backward pass
linear      projections that read the same input as one product, with their LoRA factors
memory      what is allocated once and written at every step: gradients, logits
attention   within rows, and from rows to their common beginning
head        cross-entropy over the vocabulary at trained positions
decoder     the modules of a transformers model, walked through in this way
own_layers  models that the decoder does not know: their own layers, with rows and attention as above
check       the comparison with the model's own pass, which decides whether any of it is used
"""

from __future__ import annotations

from heedful.train.engine.check import make_engine
from heedful.train.engine.decoder import Decoder
from heedful.train.engine.own_layers import OwnLayers

__all__ = ["Decoder", "OwnLayers", "make_engine"]
