"""A run's model for other programs: a folder that is loaded again and compared before it is called done.

source     what a run has to export, and the questions that the copy is asked
folder     a folder that appears whole or not at all
verify     the run's model and its copy: logits, greedy answers, the same prompts
card       README.md: data hashes, recipe, results, the base's licence
licence    under which licence the base came
gguf_file  a model as one file for llama.cpp; gguf_vocab its tokenizer
ollama     a Modelfile
kinds      the forms, each written, loaded again, compared
"""

from __future__ import annotations

from heedful.export.gguf_file import QUANTS
from heedful.export.kinds import KINDS, Export, Plan, export, plan_export

__all__ = ["KINDS", "QUANTS", "Export", "Plan", "export", "plan_export"]
