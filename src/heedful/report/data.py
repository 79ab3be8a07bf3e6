"""What a report shows, as frozen dataclasses; `heedful.report.build` fills them from a run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from heedful.records import Message
from heedful.stats import Interval, PairedComparison, Verdict

Change = Literal["improved", "worsened", "unchanged", "unscored"]
Side = Literal["base", "tuned"]
Kind = Literal["share", "overlap", "count"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer with its scores by metric name; `tokens` were generated in `seconds`."""

    response_id: str
    text: str
    finish_reason: str
    tokens: int
    seconds: float
    error: str | None
    scores: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Question:
    """A test question with the answers before and after; None on a side that has not answered."""

    example_id: str
    messages: tuple[Message, ...]
    reference: str | None
    before: Answer | None
    after: Answer | None
    change: Change


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """How a metric is shown and read.

    `kind`: a share of answers, an overlap of 0 to 1, or a count. `role`: "main" metrics make the overall
    verdict, "supporting" ones are tested too, "descriptive" ones are shown without a test.
    """

    name: str
    label: str
    kind: Kind
    role: Literal["main", "supporting", "descriptive"]
    note: str


METRIC_SPECS: tuple[MetricSpec, ...] = (
    MetricSpec("stops", "Stops by itself", "share", "main", "the answer ended with the stop token, not at the limit"),
    MetricSpec("chrf", "chrF", "overlap", "main", "overlap of character n-grams with the expected answer"),
    MetricSpec("exact_match", "Exact match", "share", "supporting", "equal to the expected answer but for white space"),
    MetricSpec("token_f1", "Token F1", "overlap", "supporting", "words shared with the expected answer, order ignored"),
    MetricSpec("rouge_l", "ROUGE-L", "overlap", "supporting", "longest common subsequence of words"),
    MetricSpec("length", "Mean length", "count", "descriptive", "tokens per answer; neither more nor less is better"),
)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One line of the table: either a comparison, or what one side alone gives."""

    spec: MetricSpec
    before: Interval | None
    after: Interval | None
    comparison: PairedComparison | None


@dataclass(frozen=True, slots=True)
class OverallVerdict:
    """The sentence at the top, its reasons, and what a reader must know before believing it."""

    kind: Verdict | Literal["none"]
    sentence: str
    reasons: tuple[str, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LossPoint:
    """A loss (nats per trained token) at a step, after so many trained tokens seen."""

    step: int
    trained_tokens: int
    loss: float


@dataclass(frozen=True, slots=True)
class Curves:
    """The two loss curves. `smoothed` is the training loss averaged over the last `window` steps or so."""

    train: tuple[LossPoint, ...]
    smoothed: tuple[LossPoint, ...]
    window: int
    val: tuple[LossPoint, ...]
    best: LossPoint | None
    end: LossPoint | None
    end_label: str


@dataclass(frozen=True, slots=True)
class SampleAnswer:
    """An answer to a fixed prompt during training, the same at every evaluation from `step` to `until`."""

    step: int
    until: int
    text: str
    finish_reason: str


@dataclass(frozen=True, slots=True)
class SampleSeries:
    """One fixed prompt and its answers, by step."""

    example_id: str
    messages: tuple[Message, ...]
    reference: str | None
    answers: tuple[SampleAnswer, ...]


@dataclass(frozen=True, slots=True)
class Rating:
    """What one rater said by one scorer.

    Of single answers `before` and `after` are means on the rater's own scale, `lowest` to `highest` where it told
    them. Of pairs `after` is the mean share that the answer after the tuning won, and `comparison` is with an even
    share; `wins`, `losses` and `ties` are counts of it. `unscored` Scores had no value, `strange` ones were of answers
    that are not the run's. `warnings` are the judge's own.
    """

    scorer: str
    rater: str
    kind: Literal["single", "pairs"]
    before: Interval | None
    after: Interval | None
    comparison: PairedComparison | None
    scale: tuple[float, float] | None = None
    wins: int = 0
    losses: int = 0
    ties: int = 0
    unscored: int = 0
    strange: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Who rated what: ``judge:NAME, score``."""
        return f"{self.rater}, {self.scorer}"


@dataclass(frozen=True, slots=True)
class BenchRow:
    """A metric of a benchmark: values with standard errors before and after.

    `comparison` is item by item; None where the figure is no mean of the items' scores. `n` items stand behind the
    value after, `unscored` counts both sides, `guess` is what guessing gives. `clean` are the values before and after
    without the items that stand in the training rows, and of how many items; None where none was found there.
    """

    task: str
    metric: str
    before: float | None
    before_error: float | None
    after: float | None
    after_error: float | None
    comparison: PairedComparison | None
    n: int
    unscored: int
    guess: float | None = None
    clean: tuple[float | None, float | None, int] | None = None


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """The benchmarks before and after: `sentence` and `verdict` are `heedful compare`'s, `notes` say how was asked."""

    rows: tuple[BenchRow, ...]
    sentence: str
    verdict: Verdict
    notes: tuple[str, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything on the page. `missing` has one sentence for each part that a run has not written yet."""

    name: str
    manifest: Mapping[str, Any]
    ledger: Mapping[str, Any] | None
    verdict: OverallVerdict
    metrics: tuple[MetricRow, ...]
    questions: tuple[Question, ...]
    one_sided: int
    curves: Curves | None
    samples: tuple[SampleSeries, ...]
    missing: tuple[str, ...]
    ratings: tuple[Rating, ...] = ()
    benchmarks: Benchmarks | None = None
