"""How far a judge can be trusted: whether it likes a place or a length, and whether it says what the scorers say. Pure."""

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmops_assets.evaluation.agreement import cohen_kappa
from llmops_assets.evaluation.intervals import wilson
from llmops_assets.evaluation.regression import mcnemar

ALPHA = 0.05
FEWEST = 3
"""Fewer points have no rank correlation worth the name."""


@dataclass(frozen=True)
class BothOrders:
    """Who won one pair (`product`, `other` or `tie`): with the product's answer first, and with it second."""

    product_first: str
    product_second: str

    @property
    def lean(self) -> int:
        """Above 0 where the first place won more often than the second, 0 where the place made no difference."""
        at = {"product": 1, "other": -1, "tie": 0}
        return at[self.product_first] - at[self.product_second]


def position_bias(pairs: Sequence[BothOrders]) -> dict[str, Any]:
    """Wins that survive a change of the order, and which place the others lean to.

    Without a bias the first place and the second gain as many of the pairs whose winner changes: exact binomial test.
    """
    kept = Counter(pair.product_first for pair in pairs if pair.lean == 0)
    first, second = sum(pair.lean > 0 for pair in pairs), sum(pair.lean < 0 for pair in pairs)
    p_value = mcnemar(first, second)
    return {
        "n": len(pairs),
        "product": kept["product"],
        "other": kept["other"],
        "tie": kept["tie"],
        "changed": first + second,
        "leans_first": first,
        "leans_second": second,
        "p_value": p_value,
        "biased": p_value < ALPHA,
    }


def spearman(points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Rank correlation with its p-value and n; None for fewer than three points, or where one side never changes."""
    from scipy.stats import spearmanr

    empty = {"rho": None, "p_value": None, "n": len(points)}
    if len(points) < FEWEST:
        return empty
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a side that never changes is told by nan
        found = spearmanr([point[0] for point in points], [point[1] for point in points])
    rho, p_value = float(found.statistic), float(found.pvalue)
    return empty if math.isnan(rho) else {"rho": round(rho, 4), "p_value": round(p_value, 6), "n": len(points)}


def agreement(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """How often two say the same of right and wrong, beyond chance too, and in which direction they part.

    Args:
        pairs: what the judge says and what the scorer says.
    """
    table = Counter(pairs)
    agreed = table[(True, True)] + table[(False, False)]
    low, high = wilson(agreed, len(pairs))
    return {
        "n": len(pairs),
        "agreement": round(agreed / len(pairs), 4) if pairs else None,
        "low": round(low, 4),
        "high": round(high, 4),
        "kappa": cohen_kappa(pairs),
        "both_right": table[(True, True)],
        "judge_only": table[(True, False)],
        "scorer_only": table[(False, True)],
        "both_wrong": table[(False, False)],
    }
