"""One row a judged case: `cases.jsonl` for the paired comparison with another version, `traffic.jsonl` for monitoring.

{"set": "contract", "id": "contract-001", "asked": "call Ana", "expected": "{...}", "answered": "{...}",
 "guard": "", "counts": {"accuracy": 1.0, "format": 1.0, "utility": 1.0}}
"""

from collections.abc import Mapping, Sequence
from typing import Any

from llmops_assets.evaluation.answering import Answer
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.evaluation.scorecard import Scorecard
from llmops_assets.tasks.command import CLOCK
from llmops_assets.tasks.registry import Task

CASES = "cases.jsonl"


def judged_rows(task: Task, judged: Mapping[str, Sequence[JudgedCase]]) -> list[dict[str, Any]]:
    """The cases of every set with what each counts for in which measure, as shipped: model and guard."""
    return [
        {
            "set": name,
            "id": found.case["id"],
            "asked": asked(found.case["messages"]),
            "expected": "" if found.case.get("expected") is None else task.gold_text(found.case["expected"]),
            "answered": found.answer,
            "guard": found.stopped,
            "counts": found.counts,
        }
        for name, cases in judged.items()
        for found in cases
    ]


def pair_rows(pairs: Sequence[Mapping[str, Any]], preferred: Sequence[bool]) -> list[dict[str, Any]]:
    """The held-out pairs; answered is the one of the two answers that the model gives the higher probability."""
    return [
        {
            "set": "preference",
            "id": pair["id"],
            "asked": asked(pair["prompt"]),
            "expected": pair["chosen"],
            "answered": pair["chosen" if likelier else "rejected"],
            "guard": "",
            "counts": {"preference": float(likelier)},
        }
        for pair, likelier in zip(pairs, preferred, strict=True)
    ]


def asked(messages: Sequence[Mapping[str, str]]) -> str:
    """What the user said, turn by turn."""
    return " / ".join(turn["content"] for turn in messages if turn["role"] == "user")


def traffic(task: Task, card: Scorecard, answers: dict[str, list[Answer]]) -> list[dict[str, Any]]:
    """One row a request of the contract, natural and legitimate sets: what monitoring takes for normal."""
    return [
        {
            "prompt": judged.case["messages"][-1]["content"],
            "answer": judged.answer,
            "prompt_chars": len(judged.case["messages"][-1]["content"]),
            "answer_chars": len(judged.answer),
            "action": task.to_envelope(judged.answer, CLOCK, "")["action"],
            "refused": task.is_refusal(judged.answer),
            "format_valid": judged.scores["format"].value == 1,
            "latency_s": answer.latency_s,
        }
        for name in ("contract", "natural", "legitimate")
        for judged, answer in zip(card.judged[name], answers[name], strict=True)
    ]
