"""The judge's part of an evaluation: evenly chosen cases are scored and compared in both orders, and the judge itself is measured."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from llmops_assets.errors import JudgeError, JudgeReplyError
from llmops_assets.evaluation.answering import AnswerCache
from llmops_assets.evaluation.case_rows import asked
from llmops_assets.evaluation.cases import evenly
from llmops_assets.evaluation.judge.biases import BothOrders, agreement, position_bias, spearman
from llmops_assets.evaluation.judge.endpoint import endpoint_of
from llmops_assets.evaluation.judge.metrics import judge_model, pair_metric, preferred, score_metric, scored
from llmops_assets.evaluation.judge.replies import kind_of
from llmops_assets.evaluation.judge.sentences import sentences
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.recipes.evaluation import JudgeConfig
from llmops_assets.tasks.case_sets import HELPFUL
from llmops_assets.tasks.registry import Task
from llmops_assets.tasks.rubrics import RIGHT_FROM, SCALE

"""Where both the judge and a scorer apply; harmful requests are sent nowhere."""
REPORT_EVERY = 10


@dataclass(frozen=True)
class JudgedAnswer:
    """One case as the judge sees it.

    Attributes:
        right: what our scorer says; None where it could not score.
        score: 1 to 5; None where the reply could not be read, and `unscored` says why.
        pair: who won with the product first and with it second; None where there is nothing to compare or to read.
        pair_note: why there is no pair.
    """

    set: str
    id: str
    characters: int
    right: bool | None
    score: int | None
    reason: str
    unscored: str
    pair: BothOrders | None
    pair_note: str


SAME, ABSENT = "both answers are the same", "there is no other answer"


def second_opinion(
    config: JudgeConfig,
    task: Task,
    judged: Mapping[str, Sequence[JudgedCase]],
    deployed: Mapping[str, str],
    memory: AnswerCache,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """What the judge says; where it cannot be asked, that it was not and why: nothing here fails an evaluation.

    Args:
        config: the recipe's section.
        task: whose answers.
        judged: cases with the product's answers and our scores, by set.
        deployed: the deployed version's answers by case.
        memory: replies that are there already, and where new ones go.
        report: called with one line now and then.
    """
    rows: list[JudgedAnswer] = []
    missing = ""
    cases = [(name, case) for name in HELPFUL for case in judged.get(name, ()) if case.case.get("expected") is not None]
    chosen = [cases[place] for place in evenly(len(cases), config.cases)]
    try:
        for row in _judged(config, task, chosen, deployed, memory):
            rows.append(row)
            if len(rows) % REPORT_EVERY == 0 or len(rows) == len(chosen):
                report(f"judge {config.model}: {len(rows)}/{len(chosen)} cases")
    except JudgeError as error:
        # The first cases alone would be no even choice, so they count for nothing now; their replies are remembered.
        rows, missing = [], str(error)
        report(f"the evaluation goes on without the judge: {missing}")
    return opinion(config, len(chosen), rows, missing)


def _judged(
    config: JudgeConfig,
    task: Task,
    chosen: Sequence[tuple[str, JudgedCase]],
    deployed: Mapping[str, str],
    memory: AnswerCache,
) -> Iterator[JudgedAnswer]:
    model = judge_model(endpoint_of(config, os.environ), memory)
    scoring, comparing = score_metric(model, task.rubric), pair_metric(model, task.rubric)
    for name, found in chosen:
        request, expected = asked(found.case["messages"]), task.gold_text(found.case["expected"])
        other = expected if config.against == "gold" else deployed.get(found.case["id"])
        score, reason, unscored = _score(scoring, request, found.answer, expected)
        pair, note = _pair(comparing, request, found.answer, other)
        value = found.scores["accuracy"].value
        right = None if value is None else value == 1
        yield JudgedAnswer(name, found.case["id"], len(found.answer), right, score, reason, unscored, pair, note)


def _score(metric: Any, request: str, answer: str, expected: str) -> tuple[int | None, str, str]:
    try:
        score, reason = scored(metric, request, answer, expected)
    except JudgeReplyError as error:
        return None, "", str(error)
    return score, reason, ""


def _pair(metric: Any, request: str, answer: str, other: str | None) -> tuple[BothOrders | None, str]:
    if other is None or other == answer:
        return None, ABSENT if other is None else SAME
    product, reference = ("product", answer), ("other", other)
    try:
        first = preferred(metric, request, (product, reference))
        second = preferred(metric, request, (reference, product))
    except JudgeReplyError as error:
        return None, str(error)
    return BothOrders(first, second), ""


def opinion(config: JudgeConfig, asked_cases: int, rows: Sequence[JudgedAnswer], missing: str) -> dict[str, Any]:
    """The report's section: scores, comparisons, and how far the judge can be trusted.

    Args:
        config: the recipe's section.
        asked_cases: how many cases were chosen.
        rows: the judged ones; none where the judge is missing.
        missing: why the judge did not answer.
    """
    scores = [row.score for row in rows if row.score is not None]
    notes = [row.pair_note for row in rows if row.pair is None]
    found: dict[str, Any] = {
        "model": config.model,
        "provider": config.provider,
        "against": config.against,
        "right_from": RIGHT_FROM,
        "missing": missing,
        "cases": asked_cases,
        "n": len(scores),
        "mean": round(sum(scores) / len(scores), 4) if scores else None,
        "scores": {str(score): scores.count(score) for score in range(SCALE[0], SCALE[1] + 1)},
        "unscored": _kinds([row.unscored for row in rows if row.score is None]),
        "agreement": agreement(
            [(row.score >= RIGHT_FROM, row.right) for row in rows if row.score is not None and row.right is not None]
        ),
        "length": _length(rows),
        "length_of_right": _length([row for row in rows if row.right]),
        "position": position_bias([row.pair for row in rows if row.pair]),
        "same": notes.count(SAME),
        "absent": notes.count(ABSENT),
        "pairs_unscored": _kinds([note for note in notes if note not in (SAME, ABSENT)]),
        "rows": [asdict(row) for row in rows],
    }
    return {**found, "says": sentences(found)}


def _kinds(reasons: Sequence[str]) -> dict[str, int]:
    return dict(Counter(kind_of(reason) for reason in reasons))


def _length(rows: Sequence[JudgedAnswer]) -> dict[str, Any]:
    return spearman([(row.score, row.characters) for row in rows if row.score is not None])
