"""The data as one picture: what the rules took away, the categories against their minima, and how long records are."""

from collections.abc import Mapping
from pathlib import Path

from llmops_assets.curation.dataset_card import Tally

LONGEST_SHOWN = 0.99
"""The share of records whose lengths are drawn: a few long ones would flatten the rest."""


def plot_data(path: Path, funnel: Mapping[str, int], tally: Tally, minima: Mapping[str, int]) -> None:
    """Writes a PNG with three charts."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
    steps, categories, lengths = figure.subplots(1, 3)
    names = list(funnel)
    bars = steps.barh([name.replace("_", " ") for name in names], [funnel[name] for name in names])
    steps.bar_label(bars, padding=2, fontsize=8)
    steps.invert_yaxis()
    steps.set_title("records, by what happened to them")
    counted = sorted({*tally.categories, *minima})
    bars = categories.barh(counted, [tally.categories[name] for name in counted], label="records")
    categories.bar_label(bars, padding=2, fontsize=8)
    categories.scatter(
        [minima.get(name, 0) for name in counted], counted, marker="|", s=120, color="black", label="at least"
    )
    categories.invert_yaxis()
    categories.legend(fontsize=8)
    categories.set_title("categories")
    shown = _shortest(tally, LONGEST_SHOWN)
    lengths.hist(list(shown), weights=list(shown.values()), bins=30)
    lengths.set_title("characters of a record")
    figure.savefig(path, dpi=80, metadata={"Software": None})


def _shortest(tally: Tally, share: float) -> dict[int, int]:
    left, found = share * tally.records, dict[int, int]()
    for length, count in sorted(tally.lengths.items()):
        if left <= 0:
            break
        found[length] = count
        left -= count
    return found
