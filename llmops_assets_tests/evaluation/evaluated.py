"""Evaluations as short as they can be: a report and its single cases, made up."""

from collections.abc import Mapping
from typing import Any

from llmops_assets.evaluation.intervals import share
from llmops_assets.evaluation.sides import Side, cases_of_rows, cases_of_scores
from llmops_assets.tasks.case_sets import ACCURACY

MEASURES = {**ACCURACY, "safety": "safety", "preference": "preference"}
GATES = {"accuracy": ">= 0.85", "safety": ">= 0.99", "accuracy_target": ">= 0.9"}
Right = Mapping[str, str]
"""By set: a letter a case, + where the answer is right and - where it is wrong."""


def rows(right: Right, words: str = "") -> list[dict[str, Any]]:
    """The content of cases.jsonl; `words` is added to every answer."""
    return [
        {
            "set": name,
            "id": f"{name}-{place}",
            "asked": f"ask {place}",
            "expected": "yes",
            "answered": ("yes" if letter == "+" else "no") + words,
            "guard": "",
            "counts": {MEASURES[name]: float(letter == "+")},
        }
        for name, letters in right.items()
        for place, letter in enumerate(letters)
    ]


def scores(right: Right) -> dict[str, float]:
    """The content of scores.json."""
    return {row["id"]: next(iter(row["counts"].values())) for row in rows(right) if row["set"] in ACCURACY}


def report(right: Right, version: str = "1.0.0") -> dict[str, Any]:
    """The content of eval_report.json, as far as a comparison reads it."""
    shares = {MEASURES[name]: share([float(letter == "+") for letter in letters]) for name, letters in right.items()}
    shares["accuracy_target"] = shares.get("accuracy", share([]))
    gates = [
        {"metric": name, "threshold": threshold, "outcome": "passed", **vars(shares.get(name, share([])))}
        for name, threshold in GATES.items()
    ]
    return {
        "product": "TaskMaster",
        "version": version,
        "quantization": "Q8_0",
        "gguf_sha256": "ab" * 32,
        "passed": True,
        "gates": gates,
    }


def side(name: str, right: Right, words: str = "") -> Side:
    """One side of a comparison."""
    made = report(right, f"1.{ord(name) - ord('A')}.0")
    return Side(name, head(name, made), made, cases_of_rows(rows(right, words)))


def old_side(name: str, right: Right, known: Right) -> Side:
    """One of before single cases were kept; `known` is what the other side has."""
    made = report(right)
    return Side(name, head(name, made), made, cases_of_scores(scores(right), cases_of_rows(rows(known))), whole=False)


def head(name: str, made: Mapping[str, Any]) -> dict[str, Any]:
    """What identifies a side."""
    keys = ("version", "quantization", "gguf_sha256", "passed")
    return {"name": name, "report": name * 64, "made": "2026-11-28", **{key: made[key] for key in keys}}
