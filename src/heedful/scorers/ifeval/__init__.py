"""IFEval: 25 kinds of instruction that a program can verify, strict and loose.

Source: Zhou et al., "Instruction-Following Evaluation for Large Language Models", 2023, https://arxiv.org/abs/2311.07911,
and its code, https://github.com/google-research/google-research/tree/master/instruction_following_eval.

    KINDS                the 25 kinds by id, with the arguments that each takes
    check                the verdicts of one response on its instructions
    score_responses      Responses -> Scores, for one's own prompts
    score                input_data.jsonl and responses -> the four figures (`heedful score ifeval`)

>>> first, second = check(
...     [("punctuation:no_comma", {}), ("length_constraints:number_words", {"relation": "at least", "num_words": 3})],
...     "Well, yes.",
... )
>>> first.strict, second.strict, second.loose
(False, False, False)

The words and sentences are those of nltk 3.9.1 and earlier, with which the published verdicts were made; newer ones
count otherwise where quotes are curly. Languages are langdetect's, which draws at random: see `language`.
"""

from heedful.scorers.ifeval.arguments import CannotVerify
from heedful.scorers.ifeval.kinds import KINDS, Kind
from heedful.scorers.ifeval.official import score
from heedful.scorers.ifeval.scores import score_responses
from heedful.scorers.ifeval.verdicts import Instruction, Verdict, check, instructions_of

__all__ = [
    "KINDS",
    "CannotVerify",
    "Instruction",
    "Kind",
    "Verdict",
    "check",
    "instructions_of",
    "score",
    "score_responses",
]
