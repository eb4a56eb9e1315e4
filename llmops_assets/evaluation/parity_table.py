"""The table that says where between the adapter and the served API answers change: one row a stage, asked the same cases.

Between two stages lies one step of the export, so a step that changes answers is seen where it happens and not in the sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_assets.evaluation.intervals import share
from llmops_assets.gates import Metric
from llmops_assets.recipes.evaluation import ParityTolerances

STAGES: dict[str, str] = {
    "adapter": "base and SFT adapter, not merged",
    "merged": "merged model",
    "dpo": "DPO model",
    "f16": "GGUF F16",
    "quantised": "GGUF as it ships",
    "served": "served by Ollama's API",
}
"""Every stage in order, in words."""


@dataclass(frozen=True)
class StageAnswers:
    """What one stage said.

    Attributes:
        stage: a key of `STAGES`.
        texts: its greedy answers, a case each.
        scores: accuracy of each; None where it could not be scored.
        prompts: SHA-256 of the token ids of all prompts, as this stage read them.
        gold: log-probability of the right answer in nats, a case each; empty where the stage does not tell.
        note: what a reader must know of this stage.
    """

    stage: str
    texts: Sequence[str]
    scores: Sequence[float | None]
    prompts: str
    gold: Sequence[float] = ()
    note: str = ""


def parity_table(
    ids: Sequence[str],
    stages: Sequence[StageAnswers],
    left_out: Mapping[str, str],
    tolerances: ParityTolerances,
    *,
    one_file: bool = False,
) -> dict[str, Any]:
    """Compares each stage with the one before and with the first.

    Args:
        ids: of the cases.
        stages: those that could be asked, in the order of `STAGES`.
        left_out: the others with the reason.
        tolerances: what each step may change.
        one_file: the file that ships is the F16 file, so `quantised` is no step.
    """
    order = [name for name in STAGES if not (one_file and name == "quantised")]
    rows = []
    for number, found in enumerate(stages):
        before = stages[number - 1] if number else None
        place = order.index(found.stage)
        neighbour = before if before and place and before.stage == order[place - 1] else None
        rows.append(_row(ids, found, before, stages[0]) | _step(found, neighbour, stages[0], tolerances))
    other = [STAGES[found.stage] for found in stages if found.prompts != stages[0].prompts]
    return {
        "cases": len(ids),
        "prompt_sha256": stages[0].prompts if stages else "",
        "other_prompts": other,
        "rows": rows,
        "left_out": [{"stage": STAGES[name], "reason": reason} for name, reason in left_out.items()],
        "says": _says(rows, other),
    }


def parity_metric(table: Mapping[str, Any]) -> Metric:
    """The share of steps that kept within their tolerance; unscored where no two neighbours could be asked."""
    held = [row["held"] for row in table["rows"] if row["held"] is not None]
    if not held:
        return Metric(None, 0, note="no two stages in a row could be asked")
    return Metric(sum(held) / len(held), len(held), note=f"{table['cases']} cases; {table['says']}")


def _row(ids: Sequence[str], found: StageAnswers, before: StageAnswers | None, first: StageAnswers) -> dict[str, Any]:
    row: dict[str, Any] = {
        "stage": STAGES[found.stage],
        "accuracy": share(found.scores).value,
        "same_as_before": None,
        "same_as_first": None,
        "first_difference": "",
        "gold_gap": None,
        "note": found.note,
    }
    if before is None:
        return row
    same = _alike(found, before)
    return row | {
        "same_as_before": _share_of(same),
        "same_as_first": _share_of(_alike(found, first)),
        "first_difference": next((name for name, alike in zip(ids, same, strict=True) if not alike), ""),
        "gold_gap": _gap(found.gold, before.gold),
    }


def _step(
    found: StageAnswers, before: StageAnswers | None, first: StageAnswers, tolerances: ParityTolerances
) -> dict[str, Any]:
    """Whether the step from the stage right before kept within its tolerance; None where that one could not be asked."""
    if before is None:
        return {"tolerance": "", "held": None}
    if found.stage == "dpo":
        said, kept = f"accuracy falls by <= {tolerances.dpo_accuracy_drop:g}", _accuracy_kept(found, before, tolerances)
    else:
        least: float = getattr(tolerances, found.stage)
        same = _share_of(_alike(found, before))
        said, kept = f"the same >= {least:g}", same >= least
    return {"tolerance": said, "held": kept and found.prompts == first.prompts}


def _accuracy_kept(found: StageAnswers, before: StageAnswers, tolerances: ParityTolerances) -> bool:
    now, then = share(found.scores).value, share(before.scores).value
    # Shares are rounded to six digits.
    return now is not None and then is not None and then - now <= tolerances.dpo_accuracy_drop + 1e-6


def _alike(one: StageAnswers, other: StageAnswers) -> list[bool]:
    return [text == its for text, its in zip(one.texts, other.texts, strict=True)]


def _share_of(same: Sequence[bool]) -> float:
    return round(sum(same) / len(same), 6)


def _gap(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Mean absolute difference; None where either stage tells no log-probabilities."""
    if not one or not other:
        return None
    return round(sum(abs(now - then) for now, then in zip(one, other, strict=True)) / len(one), 6)


def _says(rows: Sequence[Mapping[str, Any]], other_prompts: Sequence[str]) -> str:
    judged = [row for row in rows if row["held"] is not None]
    missed = [f"{row['stage']}: {_missed(row)}" for row in judged if not row["held"]]
    prompts = [f"another prompt was read by: {', '.join(other_prompts)}"] if other_prompts else []
    if missed or prompts:
        return "; ".join([*missed, *prompts])
    return f"{len(judged)} of {len(judged)} steps kept within their tolerance" if judged else "no step could be judged"


def _missed(row: Mapping[str, Any]) -> str:
    accuracy = "unscored" if row["accuracy"] is None else f"{row['accuracy']:.3f}"
    where = f", first in {row['first_difference']}" if row["first_difference"] else ""
    return f"{row['same_as_before']:.3f} the same as before, accuracy {accuracy} ({row['tolerance']} wanted){where}"
