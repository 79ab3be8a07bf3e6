"""Scorers: from a Response to Scores.

    METRICS             name -> function of one Response, a float or None
    score_responses     every metric on every response, as Score records

>>> from heedful.records import Response
>>> r = Response("r1", "e1", "m", "s", (), "Paris", "Paris", "stop", 4, 2, 0.1)
>>> {s.scorer: s.value for s in score_responses([r], ["exact_match", "stops"])}
{'exact_match': 1.0, 'stops': 1.0}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heedful.errors import RequestError, did_you_mean
from heedful.records import Response, Score, hash_of
from heedful.scorers.text import METRICS, Metric

__all__ = ["METRICS", "Metric", "score_responses"]


def score_responses(responses: Iterable[Response], metrics: Sequence[str] = tuple(METRICS)) -> list[Score]:
    """Score each response by each metric, in that order; the rater is ``metric``.

    A failed request, or a missing reference where the metric needs one, gives a Score whose value is None and
    whose explanation says why. Raises RequestError for a metric that does not exist.
    """
    for name in metrics:
        if name not in METRICS:
            known = ", ".join(METRICS)
            raise RequestError(f"no metric is called '{name}'; there are {known}{did_you_mean(name, METRICS)}")
    return [_score(response, name) for response in responses for name in metrics]


def _score(response: Response, name: str) -> Score:
    value = METRICS[name](response)
    why = None
    if value is None:
        why = "the request failed" if response.finish_reason == "error" else "there is no expected answer"
    return Score(
        id=hash_of([response.id, "metric", name]),
        example_id=response.example_id,
        responses=(response.id,),
        scorer=name,
        rater="metric",
        value=value,
        explanation=why,
    )
