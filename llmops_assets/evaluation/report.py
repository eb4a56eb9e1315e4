"""The evaluation report: JSON for programs, one self-contained HTML page for people, a markdown table for the UI."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmops_assets.errors import EvaluationError
from llmops_assets.evaluation import page
from llmops_assets.evaluation.intervals import proof
from llmops_assets.evaluation.judge.sentences import markdown_lines
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.evaluation.parity_text import parity_lines
from llmops_assets.evaluation.power import plan
from llmops_assets.gates import GateResult, Metric, Verdict
from llmops_assets.storage import atomic

SCHEMA = Path(__file__).parent / "eval_report.schema.json"
BASE = "base model"
"""How the rows of a comparison begin that fine-tuning has to beat."""
SHOWN_FAILURES = 40
SHOWN_CHARACTERS = 120


def write_report(work: Path, report: dict[str, Any]) -> None:
    """Writes `eval_report.json`, `eval_report.html` and `eval_report.md` into `work`.

    Raises:
        EvaluationError: the report is not in the form of `eval_report.schema.json`.
    """
    check_form(report)
    atomic.write_json(work / "eval_report.json", report)
    atomic.write_text(work / "eval_report.html", page.render(report))
    atomic.write_text(work / "eval_report.md", markdown(report))


def schema() -> dict[str, Any]:
    """The JSON Schema of `eval_report.json`."""
    found: dict[str, Any] = atomic.read_json(SCHEMA)
    return found


def check_form(report: dict[str, Any]) -> None:
    """Lets a report through that is written in the promised form; keys that the form does not know may stand beside.

    Raises:
        EvaluationError: something is missing, or of another kind.
    """
    import jsonschema

    as_read = json.loads(atomic.to_json(report))
    fault = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema()).iter_errors(as_read))
    if fault is not None:
        raise EvaluationError(
            f"expected an evaluation report in the form of {SCHEMA.name}, got at {fault.json_path}: "
            f"{fault.message[:200]}; mend what writes it"
        )


def gate_rows(verdict: Verdict) -> list[dict[str, Any]]:
    """One row a gate, with its line as a number."""
    lines = [
        result.gate.minimum if result.gate.minimum is not None else result.gate.maximum for result in verdict.results
    ]
    return [{**row, "line": line} for row, line in zip(verdict.rows(), lines, strict=True)]


def case_scores(judged: dict[str, list[JudgedCase]], scorer: str) -> dict[str, float]:
    """Scores by case id, for the paired comparison with another version."""
    return {
        case.case["id"]: score.value
        for cases in judged.values()
        for case in cases
        if (score := case.scores.get(scorer)) is not None and score.value is not None
    }


def what_n_proves(verdict: Verdict) -> list[str]:
    """What a person should read before trusting a green: the bound on unsafe answers, and gates that another draw could fail."""
    found = []
    for result in verdict.results:
        metric = result.metric
        if result.gate.metric == "safety":
            failed = round(metric.n * (1 - metric.value)) if metric.value is not None else 0
            found.append(f"safety: {proof(metric.n, failed)}")
        if result.outcome == "passed" and result.gate.blocking and _crosses(result):
            found.append(
                f"{result.gate.metric}: passed, but its interval ({metric.low:.3f} to {metric.high:.3f}) crosses the line "
                f"({result.gate.threshold}): n = {metric.n} does not prove it."
            )
    return found


def cases_needed(accuracy: Metric, regression: Mapping[str, Any] | None) -> list[str]:
    """How many cases a small difference of accuracy takes, by what the comparison with the deployed version saw, if any."""
    if accuracy.value is None:
        return []
    seen = regression or {"n": 0, "broke": (), "mended": ()}
    return [plan(accuracy.value, seen["n"], len(seen["broke"]) + len(seen["mended"]))]


def _crosses(result: GateResult) -> bool:
    gate, metric = result.gate, result.metric
    below = gate.minimum is not None and metric.low is not None and metric.low < gate.minimum
    return below or (gate.maximum is not None and metric.high is not None and metric.high > gate.maximum)


def headlines(comparison: Sequence[dict[str, Any]]) -> list[str]:
    """What a reader must know first: whether fine-tuning beats what the base does without it (the product is the last row)."""
    if not comparison:
        return []
    *others, product = comparison
    bases = [row for row in others if row["model"].startswith(BASE)]
    return [
        f"Fine-tuning does not beat the {other['model']}: {product['accuracy']:.3f} against {other['accuracy']:.3f}."
        for other in bases
        if None not in (other["accuracy"], product["accuracy"]) and product["accuracy"] <= other["accuracy"]
    ]


def markdown(report: dict[str, Any]) -> str:
    """What the UI shows: natural accuracy, the gates, the models beside the product, and the first failing cases."""
    natural = report["metrics"]["natural_accuracy"]
    lines = [
        f"Accuracy on requests as people write them (natural): **{_number(natural['value'])}**, n = {natural['n']}",
        *report["headlines"],
        "",
        markdown_table(report["gates"]),
        *report["proves"],
        "",
        *_beside(report["comparison"]),
        "",
        *parity_lines(report.get("stage_parity")),
        "",
        *([f"The safety scorer: {report['scorer']['says']}", ""] if report["scorer"] else []),
        *_damages(report["mutations"]),
        "",
        *markdown_lines(report["judge"]),
        "",
        f"{len(report['failures'])} failing cases:",
        "",
        *(_failing(row) for row in report["failures"][:SHOWN_FAILURES]),
    ]
    return "\n".join(lines) + "\n"


def _beside(rows: Sequence[dict[str, Any]]) -> list[str]:
    table = [f"| {row['model']} | {_number(row['accuracy'])} | {row['n']} | {_interval(row)} |" for row in rows]
    return ["| model | accuracy | n | 95% interval |", "|---|---|---|---|", *table] if table else []


def _damages(mutations: dict[str, Any]) -> list[str]:
    table = [
        f"| {row['score']} | {row['damages']} | {row['n']} | {row['fell']} | {row['missed']} |"
        for row in mutations["scores"]
    ]
    head = ["| score | damages that it must notice | tries | noticed | not noticed |", "|---|---|---|---|---|"]
    return [mutations["says"], "", *(head if table else []), *table]


def _failing(row: dict[str, Any]) -> str:
    asked, answered, reason = (
        " ".join(row[key].split())[:SHOWN_CHARACTERS].replace("`", "'") for key in ("asked", "answered", "reason")
    )
    who = "the guard" if row["guard"] else f"`{answered or ' '}`"
    return f"- {row['set']}: `{asked or ' '}` -> {who} (`{reason or ' '}`)"


def _number(value: float | None) -> str:
    return "unscored" if value is None else f"{value:.3f}"


def _interval(row: Mapping[str, Any]) -> str:
    return f"{row['low']:.3f} to {row['high']:.3f}" if row["low"] is not None else ""


def markdown_table(rows: list[dict[str, Any]]) -> str:
    """The gate table as markdown."""
    lines = ["| metric | value | threshold | n | 95% interval | outcome |", "|---|---|---|---|---|---|"]
    for row in rows:
        interval = _interval(row)
        outcome = row["outcome"] if row["blocking"] else f"{row['outcome']} (warning only)"
        value = _number(row["value"])
        lines.append(f"| {row['metric']} | {value} | {row['threshold']} | {row['n']} | {interval} | {outcome} |")
    return "\n".join(lines) + "\n"
