"""Answers of a model in this process: continuous batches over a cache, equal to transformers' `generate`.

reading    a transformers model as the engine walks through it
cache      keys and values, allocated once
forward    one step over tokens of several rows
choosing   the next token: greedy, or drawn by a seed of the row's own
guessing   what may come next, checked
rows       a request and the row that answers it
engine     continuous batches, and one row token by token
plain      models that cannot be read: transformers' `generate`
check      the comparison with the model's own logits, which decides between the two
text       stop strings, and pieces of text as they become certain
layout     weights stored as steps of one token read them best
compare    answers beside `generate`'s, differences counted
"""

from __future__ import annotations

from heedful.backends.generation.check import make_generator
from heedful.backends.generation.engine import Engine
from heedful.backends.generation.plain import PlainGenerate
from heedful.backends.generation.rows import Request, Row
from heedful.backends.generation.text import AnswerText

__all__ = ["AnswerText", "Engine", "PlainGenerate", "Request", "Row", "make_generator"]
