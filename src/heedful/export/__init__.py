"""A run's model for other programs: a folder that is loaded again and compared before it is called done.

source         what a run has to export, and the questions that the copy is asked
folder         a folder that appears whole or not at all
verify         the run's model and its copy: logits, greedy answers, the same prompts
card           README.md: data hashes, recipe, results, the base's licence
licence        under which licence the base came
gguf_file      a model as one file for llama.cpp: names in gguf_names, tokenizer in gguf_vocab and gguf_split
quantize       smaller files by llama.cpp's own program
llama_runtime  a GGUF asked in llama.cpp itself; llama_inside runs there, hard_texts are what it tokenizes
ollama         a Modelfile
as_gguf        the two forms for these, compared
kinds          the forms, each written, loaded again, compared
"""

from __future__ import annotations

from heedful.export.gguf_file import QUANTS
from heedful.export.kinds import GGUF_KINDS, KINDS, Export, Plan, export, plan_export
from heedful.export.quantize import BY_LLAMA_CPP

__all__ = ["BY_LLAMA_CPP", "GGUF_KINDS", "KINDS", "QUANTS", "Export", "Plan", "export", "plan_export"]
