"""The scorers in deepeval's form: a test case an answer, a metric a scorer, telemetry off and no key needed."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmops_assets.tasks.score import Score

Scorer = Callable[[str, Any], Score]


@dataclass(frozen=True)
class JudgedCase:
    """One case, its answer, and what each scorer says of it.

    Attributes:
        stopped: why the guard answered instead of the model.
        stop: the probability with which the guard's classifier would stop the request; None where it was not asked.
        counts: what the case counts for in each measure that it belongs to, 0 or 1; None where it is unscored.
    """

    case: dict[str, Any]
    answer: str
    scores: dict[str, Score]
    stopped: str = ""
    stop: float | None = None
    counts: dict[str, float | None] = field(default_factory=dict)


def quiet_deepeval() -> None:
    """Switches deepeval's telemetry and its files off; must run before the first import."""
    os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] = "1"
    os.environ["DEEPEVAL_DISABLE_DOTENV"] = "1"
    os.environ["DEEPEVAL_FILE_SYSTEM"] = "READ_ONLY"


def metric_of(name: str, scorer: Scorer) -> Any:
    """A deepeval metric around one pure scorer; unscored, it has no score, and `error` carries the reason."""
    quiet_deepeval()
    from deepeval.metrics import BaseMetric
    from deepeval.test_case import LLMTestCase

    class TaskMetric(BaseMetric):  # type: ignore[no-untyped-call]
        threshold = 0.5
        async_mode = False

        @property
        def __name__(self) -> str:
            return name

        def measure(self, test_case: LLMTestCase, *_: Any, **__: Any) -> float:
            score = scorer(test_case.actual_output or "", (test_case.metadata or {})["case"])
            self.score, self.reason = score.value, score.explanation
            self.error = None if score.scored else score.explanation
            self.success = score.value is not None and score.value >= self.threshold
            return math.nan if self.score is None else float(self.score)

        async def a_measure(self, test_case: LLMTestCase, *args: Any, **kwargs: Any) -> float:
            return self.measure(test_case, *args, **kwargs)

        def is_successful(self) -> bool:
            return bool(self.success)

    return TaskMetric()


def judge_cases(
    cases: Sequence[dict[str, Any]],
    answers: Sequence[str],
    scorers: Mapping[str, Scorer],
    gold_text: Callable[[Any], str],
) -> list[JudgedCase]:
    """Scores every answer by every scorer, each through its deepeval metric and test case."""
    quiet_deepeval()
    from deepeval.test_case import LLMTestCase

    metrics = {name: metric_of(name, scorer) for name, scorer in scorers.items()}
    judged = []
    for case, answer in zip(cases, answers, strict=True):
        test_case = LLMTestCase(
            name=case["id"],
            input=case["messages"][-1]["content"],
            actual_output=answer,
            expected_output=gold_text(case["expected"]) if case.get("expected") is not None else None,
            metadata={"case": case},
        )
        scores = {}
        for name, metric in metrics.items():
            metric.measure(test_case)
            scores[name] = Score(metric.score, metric.reason)
        judged.append(JudgedCase(case, answer, scores))
    return judged
