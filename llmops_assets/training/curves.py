"""Curves of a training: curves.json, and a PNG a quantity."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmops_assets.storage.atomic import write_json

Points = Sequence[Mapping[str, Any]]


def plot_sft(work: Path, steps: Points, validation: Points) -> None:
    """curves.json, loss.png (train and validation) and learning_rate.png."""
    keys = ("step", "loss", "learning_rate", "grad_norm")
    write_json(work / "curves.json", {"train": pick(steps, keys), "validation": list(validation)})
    lines = {"train": points(steps, "loss"), "validation": points(validation, "loss")}
    plot(work / "loss.png", "SFT loss (nats a token)", lines)
    plot(work / "learning_rate.png", "Learning rate", {"learning rate": points(steps, "learning_rate")})


def pick(entries: Points, keys: Sequence[str]) -> list[dict[str, Any]]:
    """The given keys of each entry, where it has them."""
    return [{key: entry[key] for key in keys if key in entry} for entry in entries]


def points(entries: Points, key: str) -> list[tuple[float, float]]:
    """(step, value) of a quantity."""
    return [(entry["step"], entry[key]) for entry in entries if key in entry]


def plot(path: Path, title: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """One chart with a line, or dots where there are few points, a quantity."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for label, values in lines.items():
        style = "o-" if len(values) < 12 else "-"
        axes.plot(
            [step for step, _ in values], [value for _, value in values], style, label=label, markersize=4
        )
    axes.set(title=title, xlabel="step")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(path)
