"""Evals of a registry of OpenAI Evals (https://github.com/openai/evals): ``heedful bench M --task evals:NAME``.

    registry.py   a folder of YAML files, a name or pattern  -> EvalSpecs
    samples.py    the JSONL files that they name             -> samples, in the owner's order
    kinds.py      a spec and its samples                     -> Prepared: questions
    verdicts.py   an answer and what is right                -> a Verdict: scores, and the owner's events
    reports.py    Verdicts                                   -> the final report
    classify.py   ... where a model grades the answers (ModelBasedClassify)
    completion.py a function of the registry: a model asked more than once; asking.py puts it, round by round
    run.py        Prepared and a model                       -> results.json, samples/, and log.py's evals/KEY.jsonl

A spec names a Python class; it is matched by its name to what stands here, and never imported.
"""

from __future__ import annotations

from heedful.evals.completion import DIRECT, CompletionFn, completion_fn
from heedful.evals.kinds import Prepared, prepare
from heedful.evals.registry import PREFIX, EvalSpec, Registry
from heedful.evals.run import EvalsBench, run_evals

__all__ = [
    "DIRECT",
    "PREFIX",
    "CompletionFn",
    "EvalSpec",
    "EvalsBench",
    "Prepared",
    "Registry",
    "completion_fn",
    "prepare",
    "run_evals",
]
