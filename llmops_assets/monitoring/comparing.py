"""The statistics of drift: one test for one column, chosen by its type and size, and named.

Every result has a p-value (is there a difference?) and a size on which the recipe's levels are read (does it
matter?). It is 0 where the column moved the good way. "Small" is a smaller sample of up to 1,000 values.

| column                    | small                    | large                 | size                    |
|---------------------------|--------------------------|-----------------------|-------------------------|
| number, no good direction | Kolmogorov-Smirnov       | PSI over deciles      | D, or PSI               |
| number, one bad direction | the same, one-sided      | the same, one-sided   | D of the bad direction  |
| category                  | chi2, rare ones pooled   | G-test                | Jensen-Shannon distance |
| rate, one bad direction   | Fisher, one-sided        | z-test, one-sided     | lost share of the good  |
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

LARGE_SAMPLE = 1000
PSI_BINS = 10
RARE_EXPECTED = 5.0


@dataclass(frozen=True)
class Comparison:
    """What one test found."""

    test: str
    reason: str
    effect_name: str
    effect: float
    p_value: float


def compare_numbers(
    baseline: Sequence[float], current: Sequence[float], worse: Literal["higher", "lower", "either"]
) -> Comparison:
    """Compares two samples of numbers."""
    if worse != "either":
        # 'greater': the first sample's distribution function lies above, so its values lie lower.
        alternative = "greater" if worse == "higher" else "less"
        return _ks("ks_one_sided", f"numbers, only {worse} is worse", baseline, current, alternative)
    if _is_large(len(baseline), len(current)):
        return _psi(baseline, current)
    return _ks("ks", _why("numbers", len(baseline), len(current)), baseline, current, "two-sided")


def _ks(test: str, reason: str, baseline: Sequence[float], current: Sequence[float], alternative: str) -> Comparison:
    from scipy.stats import ks_2samp

    # The exact method gives up, with a warning, on large samples of very different size.
    method = "exact" if max(len(baseline), len(current)) <= LARGE_SAMPLE else "asymp"
    found = ks_2samp(baseline, current, alternative=alternative, method=method)
    return Comparison(test, reason, "D", float(found.statistic), float(found.pvalue))


def _psi(baseline: Sequence[float], current: Sequence[float]) -> Comparison:
    import numpy as np
    from scipy.stats import chi2

    edges, repeats = np.unique(np.quantile(baseline, np.linspace(0, 1, PSI_BINS + 1)[1:-1]), return_counts=True)
    # A value that is several deciles gets a bin of its own, or a move below it would go unseen.
    edges = np.union1d(edges, np.nextafter(edges[repeats > 1], -np.inf))
    counts = [np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1) for sample in (baseline, current)]
    filled = (counts[0] + counts[1]) > 0
    before, after = (np.maximum(count[filled], 0.5) / count.sum() for count in counts)
    psi = float(np.sum((after - before) * np.log(after / before)))
    # Under "no change" the PSI over its own scale is distributed like chi2.
    scale = 1 / len(baseline) + 1 / len(current)
    p_value = float(chi2.sf(psi / scale, max(int(filled.sum()) - 1, 1)))
    return Comparison("psi", _why("numbers", len(baseline), len(current)), "PSI", psi, p_value)


def compare_categories(baseline: Mapping[str, int], current: Mapping[str, int]) -> Comparison:
    """Compares two counts of categories; one that only one side knows counts too."""
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import chi2_contingency

    known = sorted({*baseline, *current})
    table = [[counts.get(name, 0) for name in known] for counts in (baseline, current)]
    effect = float(jensenshannon(table[0], table[1], base=2)) if len(known) > 1 else 0.0
    sizes = (sum(table[0]), sum(table[1]))
    large = _is_large(*sizes)
    pooled = table if large else _pool_rare(table)
    statistic = "log-likelihood" if large else "pearson"
    p_value = float(chi2_contingency(pooled, correction=False, lambda_=statistic).pvalue) if len(pooled[0]) > 1 else 1.0
    return Comparison(
        "g_test" if large else "chi2", _why("categories", *sizes), "Jensen-Shannon distance", effect, p_value
    )


def _pool_rare(table: Sequence[Sequence[int]]) -> list[list[int]]:
    """Makes one category of all that are too rare for chi2, or adds them to the smallest of the others."""
    share = min(map(sum, table)) / sum(map(sum, table))
    columns = sorted(zip(*table, strict=True), key=sum)
    rare = [column for column in columns if sum(column) * share < RARE_EXPECTED]
    common = columns[len(rare) :]
    if rare and common and sum(map(sum, rare)) * share < RARE_EXPECTED:
        rare, common = [*rare, common[0]], common[1:]
    pooled = [[sum(side) for side in zip(*rare, strict=True)]] if rare else []
    return [list(side) for side in zip(*pooled, *common, strict=True)]


def compare_rates(
    baseline: Mapping[str, int], current: Mapping[str, int], worse: Literal["higher", "lower"]
) -> Comparison:
    """Compares two counts of `true` and `false`, of which one is the bad outcome."""
    bad_key, good_key = ("true", "false") if worse == "higher" else ("false", "true")
    bad = [counts.get(bad_key, 0) for counts in (baseline, current)]
    good = [counts.get(good_key, 0) for counts in (baseline, current)]
    sizes = [bad[0] + good[0], bad[1] + good[1]]
    large = _is_large(*sizes)
    p_value = _z_one_sided(bad, sizes) if large else _fisher_one_sided(bad, good)
    before, after = good[0] / sizes[0], good[1] / sizes[1]
    lost = max(0.0, (before - after) / before) if before else 0.0
    test = "two_proportions_z" if large else "fisher_one_sided"
    reason = f"{_why('a rate', *sizes)}, only {worse} is worse"
    return Comparison(test, reason, "lost share of good", lost, p_value)


def _fisher_one_sided(bad: Sequence[int], good: Sequence[int]) -> float:
    from scipy.stats import fisher_exact

    return float(fisher_exact([[bad[1], good[1]], [bad[0], good[0]]], alternative="greater").pvalue)


def _z_one_sided(bad: Sequence[int], sizes: Sequence[int]) -> float:
    pooled = sum(bad) / sum(sizes)
    deviation = math.sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
    if deviation == 0:
        return 1.0
    return 0.5 * math.erfc((bad[1] / sizes[1] - bad[0] / sizes[0]) / deviation / math.sqrt(2))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction: the p-values to compare with the significance of all columns together."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = running
    return adjusted


def _is_large(baseline: int, current: int) -> bool:
    return min(baseline, current) > LARGE_SAMPLE


def _why(kind: str, baseline: int, current: int) -> str:
    size = f"above {LARGE_SAMPLE}" if _is_large(baseline, current) else f"up to {LARGE_SAMPLE}"
    return f"{kind}, smaller sample {size} ({min(baseline, current)})"
