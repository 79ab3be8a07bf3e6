"""Evals of a registry of OpenAI Evals (https://github.com/openai/evals): ``heedful bench M --task evals:NAME``.

    registry.py   a folder of YAML files, a name or pattern  -> EvalSpecs
    samples.py    the JSONL files that they name             -> samples, in the owner's order
    kinds.py      a spec and its samples                     -> Prepared: questions
    verdicts.py   an answer and what is right                -> a Verdict: scores, and the owner's events
    reports.py    Verdicts                                   -> the final report
    classify.py   ... where a model grades the answers (ModelBasedClassify)
    run.py        Prepared and a model                       -> results.json, samples/, and log.py's evals/KEY.jsonl

A spec names a Python class; it is matched by its name to what stands here, and never imported.
"""

from __future__ import annotations

from heedful.evals.kinds import Prepared, prepare
from heedful.evals.registry import PREFIX, EvalSpec, Registry
from heedful.evals.run import EvalsBench, run_evals

__all__ = ["PREFIX", "EvalSpec", "EvalsBench", "Prepared", "Registry", "prepare", "run_evals"]
