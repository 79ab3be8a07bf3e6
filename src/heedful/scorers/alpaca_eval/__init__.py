"""AlpacaEval (https://github.com/tatsu-lab/alpaca_eval): its figures and its files.

    score                annotations.json -> win rate, length-controlled win rate, counts (`heedful score alpaca-eval`)
    to_model_outputs     Responses -> rows of model_outputs.json, and back: from_model_outputs
    to_annotations       Scores of pairs -> rows of annotations.json, and back: from_annotations

scikit-learn is imported where the regression is fitted, and nowhere else.
"""

from heedful.scorers.alpaca_eval.exchange import (
    Annotations,
    from_annotations,
    from_model_outputs,
    to_annotations,
    to_model_outputs,
)
from heedful.scorers.alpaca_eval.official import score

__all__ = ["Annotations", "from_annotations", "from_model_outputs", "score", "to_annotations", "to_model_outputs"]
