"""A judge model: scores, rubrics and pairs, and what the judge itself is worth.

items.py       files or a run -> Items (one answer, or two to the same question)
prompt.py      prompts as versioned files; fences.py keeps what answers say in its place; rubric.py the criteria
judging.py     Items -> requests -> judgements.py (the judge's words, a line each) -> scores.py (Score records)
verdicts.py    words or log-probabilities -> a verdict, or none and why
measures.py    win rate, ties, position, length; agreement.py: how far people agree; summary.py: all of it in one
annotators.py  AlpacaEval's annotator configurations
"""
