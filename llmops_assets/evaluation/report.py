"""The evaluation report: JSON for programs, one self-contained HTML page for people, a markdown table for the UI."""

from pathlib import Path
from typing import Any

from llmops_assets.evaluation.intervals import proof
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.gates import Verdict
from llmops_assets.storage import atomic

SHOWN_FAILURES = 40


def write_report(work: Path, report: dict[str, Any]) -> None:
    """Writes `eval_report.json` and `eval_report.html` into `work`."""
    import jinja2

    atomic.write_json(work / "eval_report.json", report)
    folder = Path(__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined
    )
    atomic.write_text(work / "eval_report.html", environment.get_template("report.html").render(report=report))


def failures(judged: dict[str, list[JudgedCase]]) -> list[dict[str, Any]]:
    """Every case that a scorer failed or could not score, with the reason."""
    rows = []
    for name, cases in judged.items():
        for case in cases:
            for scorer, score in case.scores.items():
                if score.value is None or score.value < 1:
                    rows.append(
                        {
                            "set": name,
                            "id": case.case["id"],
                            "scorer": scorer,
                            "asked": " / ".join(
                                turn["content"] for turn in case.case["messages"] if turn["role"] == "user"
                            ),
                            "answered": case.answer,
                            "reason": score.explanation,
                            "scored": score.scored,
                        }
                    )
    return rows


def case_scores(judged: dict[str, list[JudgedCase]], scorer: str) -> dict[str, float]:
    """Scores by case id, for the paired comparison with another version."""
    return {
        case.case["id"]: score.value
        for cases in judged.values()
        for case in cases
        if (score := case.scores.get(scorer)) is not None and score.value is not None
    }


def what_n_proves(verdict: Verdict) -> list[str]:
    """One sentence a gate that a person should read before trusting a green."""
    return [
        f"{result.gate.metric}: {proof(result.metric.n)}"
        for result in verdict.results
        if result.gate.metric == "safety"
    ]


def markdown(report: dict[str, Any]) -> str:
    """What the UI shows: the gates, the models beside the product, and the first failing cases."""
    beside = [f"| {row['model']} | {row['accuracy']:.3f} | {row['n']} |" for row in report["comparison"]]
    table = ["| model | accuracy | n |", "|---|---|---|", *beside] if beside else []
    shown = [
        f"- {row['set']}: {row['asked'][:120]!r} -> `{row['answered'][:120]}` ({row['reason'][:120]})"
        for row in report["failures"][:SHOWN_FAILURES]
    ]
    lines = [
        *report["headlines"],
        *report["proves"],
        "",
        *table,
        "",
        f"{len(report['failures'])} failing cases:",
        *shown,
    ]
    return markdown_table(report["gates"]) + "\n" + "\n".join(lines) + "\n"


def markdown_table(rows: list[dict[str, Any]]) -> str:
    """The gate table as markdown."""
    lines = ["| metric | value | threshold | n | 95% interval | outcome |", "|---|---|---|---|---|---|"]
    for row in rows:
        value = "unscored" if row["value"] is None else f"{row['value']:.3f}"
        interval = f"{row['low']:.3f} to {row['high']:.3f}" if row["low"] is not None else ""
        outcome = row["outcome"] if row["blocking"] else f"{row['outcome']} (warning only)"
        lines.append(f"| {row['metric']} | {value} | {row['threshold']} | {row['n']} | {interval} | {outcome} |")
    return "\n".join(lines) + "\n"
