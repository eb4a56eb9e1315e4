"""Curves of a training: the numbers as curves.json, the charts as curves.png."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmops_assets.storage.atomic import write_json

Points = Sequence[Mapping[str, Any]]


def plot_sft(work: Path, steps: Points, validation: Points) -> None:
    """curves.json, and curves.png with losses and learning rate."""
    keys = ("step", "loss", "learning_rate", "grad_norm")
    write_json(work / "curves.json", {"train": pick(steps, keys), "validation": list(validation)})
    losses = {"train": points(steps, "loss"), "validation": points(validation, "loss")}
    rate = {"learning rate": points(steps, "learning_rate")}
    plot(work / "curves.png", {"SFT loss (nats a token)": losses, "Learning rate": rate})


def plot_dpo(work: Path, steps: Points, validation_before: float, validation_after: float) -> None:
    """curves.json, and curves.png with loss, rewards, margin and learning rate."""
    keys = ("step", "loss", "learning_rate", "grad_norm", "rewards/chosen", "rewards/rejected", "rewards/margins")
    last = steps[-1]["step"] if steps else 0
    validation = [{"step": 0, "loss": validation_before}, {"step": last, "loss": validation_after}]
    write_json(work / "curves.json", {"train": pick(steps, keys), "validation": validation})
    rewards = {side: points(steps, f"rewards/{side}") for side in ("chosen", "rejected")}
    charts = {
        "DPO loss (starts at ln 2)": {"train": points(steps, "loss")},
        "Rewards": rewards,
        "Reward margin": {"margin": points(steps, "rewards/margins")},
        "SFT validation loss (nats a token)": {"validation": points(validation, "loss")},
        "Learning rate": {"learning rate": points(steps, "learning_rate")},
    }
    plot(work / "curves.png", charts)


def pick(entries: Points, keys: Sequence[str]) -> list[dict[str, Any]]:
    """The given keys of each entry, where it has them."""
    return [{key: entry[key] for key in keys if key in entry} for entry in entries]


def points(entries: Points, key: str) -> list[tuple[float, float]]:
    """(step, value) of a quantity."""
    return [(entry["step"], entry[key]) for entry in entries if key in entry]


def plot(path: Path, charts: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> None:
    """Charts side by side, three a row, each with a line a quantity; dots where there are few points.

    A row of three is 1,080 pixels: wider ones are cut off in the UI.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = -(-len(charts) // 3), min(len(charts), 3)
    figure = Figure(figsize=((3.6 if columns == 3 else 4.5) * columns, 3.2 * rows), layout="constrained")
    for place, (title, lines) in enumerate(charts.items(), 1):
        axes = figure.add_subplot(rows, columns, place)
        for label, values in lines.items():
            style = "o-" if len(values) < 12 else "-"
            axes.plot([step for step, _ in values], [value for _, value in values], style, label=label, markersize=4)
        axes.set(title=title, xlabel="step")
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(path)
