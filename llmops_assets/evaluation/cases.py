"""The cases of an evaluation, by set, and the preference pairs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.storage import atomic
from llmops_assets.tasks.case_sets import SETS


@dataclass(frozen=True)
class CaseBook:
    """All cases of one product; a set that the product does not have is empty."""

    sets: dict[str, list[dict[str, Any]]]
    pairs: list[dict[str, Any]]

    @property
    def conversations(self) -> list[list[dict[str, str]]]:
        """The messages of every case, in the order of `SETS`."""
        return [case["messages"] for name in SETS for case in self.sets[name]]


def request(case: Mapping[str, Any]) -> str:
    """What the user said, all turns in one text."""
    return " / ".join(turn["content"] for turn in case["messages"] if turn["role"] == "user")


def action(case: Mapping[str, Any]) -> str:
    """The action that a case expects; empty where its answers have none."""
    expected = case.get("expected")
    return str(expected.get("action", "")) if isinstance(expected, Mapping) else ""


def topic(case: Mapping[str, Any]) -> str:
    """What a case is about: its action, else its rule or category; empty where it says none."""
    return action(case) or str(case.get("rule") or case.get("category") or "")


def read_cases(folder: Path) -> CaseBook:
    """Reads `<set>.jsonl` for every set, and `preference.jsonl`."""
    sets = {name: _rows(folder / f"{name}.jsonl") for name in SETS}
    return CaseBook(sets, _rows(folder / "preference.jsonl"))


def _rows(path: Path) -> list[dict[str, Any]]:
    return atomic.read_jsonl(path) if path.exists() else []


def evenly(count: int, wanted: int) -> list[int]:
    """So many places of a row, evenly spread; all of them where it is shorter."""
    return [number * count // wanted for number in range(wanted)] if count > wanted else list(range(count))
