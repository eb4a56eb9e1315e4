"""What DPO changed: the model before and after it on the same cases, and one sentence that says whether it helped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MARGIN = "preference margin, nats"


@dataclass(frozen=True)
class Effect:
    """One measure before and after DPO; None where it could not be measured."""

    measure: str
    sft: float | None
    dpo: float | None
    n: int
    lower_is_better: bool = False

    @property
    def gain(self) -> float:
        """How much better it became; 0 where it could not be measured."""
        if self.sft is None or self.dpo is None:
            return 0.0
        return self.sft - self.dpo if self.lower_is_better else self.dpo - self.sft


def dpo_effect(effects: Sequence[Effect]) -> dict[str, Any]:
    """Rows and sentence for the report; measures that neither model has are left out."""
    known = [effect for effect in effects if effect.sft is not None and effect.dpo is not None]
    rows = [{"measure": one.measure, "sft": one.sft, "dpo": one.dpo, "n": one.n} for one in known]
    return {"rows": rows, "says": _says(known)}


def _says(effects: Sequence[Effect]) -> str:
    """Only shares of cases decide: a margin that grew without one more case being right helps nobody."""
    shares = [effect for effect in effects if effect.measure != MARGIN]
    if not shares:
        return "Nothing of DPO's effect could be measured."
    better = [effect.measure for effect in shares if effect.gain > 0]
    worse = [effect.measure for effect in shares if effect.gain < 0]
    verdict = (
        f"DPO helps on these cases: better in {', '.join(better)}" if better else "DPO does not help on these cases"
    )
    rest = f"worse in {', '.join(worse)}" if worse else "nothing got worse"
    few = min(effect.n for effect in shares)
    return f"{verdict}; {rest}. {few} cases show a large effect only."
