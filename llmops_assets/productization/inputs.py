"""What a bundle is made from: files and facts that the stages before have left, nothing that is made up here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.gates import Verdict
from llmops_assets.overrides import OverrideRecord
from llmops_assets.productization.licensing import Component, Kind


@dataclass(frozen=True)
class DataSource:
    """Where training data came from."""

    name: str
    license: str
    url: str
    rows: int


@dataclass(frozen=True)
class Example:
    """A request and what the shipped model really answered; the first one is asked after an installation."""

    request: str
    answer: str


@dataclass(frozen=True)
class ShippedGuard:
    """The trained classifier that stands in front of the model, the encoder it was made from, and the data that only it saw."""

    folder: Path
    base_name: str
    base_license: str
    base_url: str
    sources: tuple[DataSource, ...] = ()


@dataclass(frozen=True)
class BundleInputs:
    """All that goes into one bundle.

    Attributes:
        gguf: the model file that was evaluated and deployed.
        gguf_sha256: its digest.
        modelfile: the text of the Modelfile it was evaluated with.
        evaluation: the evaluation report.
        evaluation_html: its page.
        monitoring: the folder of the monitoring profile.
        base_name: the base model.
        base_license: its SPDX id.
        base_url: where it comes from.
        sources: every source of the model's training data.
        task_page: TASK.md, what goes in and what comes out.
        schema: the JSON Schema of an answer; None where answers are text.
        examples: at least one.
        gates: the verdict on the evaluation report.
        task: the task's name in the registry.
        guard: the classifier; None where the product has rules only.
        programs: packages whose programs the product runs to answer: no import tells of them.
        overrides: who let which red gates through on the way here, and why.
        project_root: what `documentation_paths` are relative to.
    """

    gguf: Path
    gguf_sha256: str
    modelfile: str
    evaluation: Mapping[str, Any]
    evaluation_html: Path
    monitoring: Path
    base_name: str
    base_license: str
    base_url: str
    sources: tuple[DataSource, ...]
    task_page: Path
    schema: Path | None
    examples: tuple[Example, ...]
    gates: Verdict
    task: str
    project_root: Path
    guard: ShippedGuard | None = None
    programs: tuple[str, ...] = ()
    overrides: tuple[OverrideRecord, ...] = ()

    @property
    def gates_summary(self) -> dict[str, Any]:
        """The verdict with every override, as JSON values."""
        overrides = [record.model_dump(mode="json") for record in self.overrides]
        return {"passed": self.gates.passed, "results": self.gates.rows(), "overrides": overrides}

    @property
    def components(self) -> tuple[Component, ...]:
        """What the licence gate judges: the base models, the language model's first, then every data source, the guard's last."""
        data = [_component(source, "data set") for source in self.sources]
        bases = [Component(self.base_name, "base model", self.base_license, self.base_url)]
        if self.guard is not None:
            bases.append(Component(self.guard.base_name, "base model", self.guard.base_license, self.guard.base_url))
            data += [_component(source, "guard data set") for source in self.guard.sources]
        return (*bases, *data)


def _component(source: DataSource, kind: Kind) -> Component:
    return Component(source.name, kind, source.license, source.url, source.rows)
