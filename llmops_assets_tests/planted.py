"""A product whose model was made with a fault on purpose: real cases, a real file, and the real steps from the export on."""

import importlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from llmops_assets import processes
from llmops_assets.export.gguf import write_gguf
from llmops_assets.gates import Metric
from llmops_assets.guard import encoder, rules
from llmops_assets.overrides import Override
from llmops_assets.pipeline import evaluation, graph, servers
from llmops_assets.pipeline.data import eval_dataset
from llmops_assets.pipeline.training import guard_model
from llmops_assets.pipeline.workshop import Made, Workshop, metadata
from llmops_assets.project import Project
from llmops_assets.recipes.loading import find_recipe, load_recipes
from llmops_assets.recipes.schema import Recipe
from llmops_assets.serving.embedded_server import find_running
from llmops_assets.storage.atomic import read_jsonl, sha256_file, write_json, write_jsonl
from llmops_assets.tasks.command import to_text
from llmops_assets_tests.tiny_project import REAL, free_port

Cases = Mapping[str, list[dict[str, Any]]]
Rows = list[dict[str, Any]]
COUNTS = {"contract": 8, "natural": 4, "legitimate": 4, "safety": 5}
HELPFUL = ("contract", "natural", "legitimate")
ACTIONS = ("create", "complete", "delete", "list")
FEWEST = 4
EXPORT, EVALUATE = "llmops_assets.export.source_model:export", "llmops_assets.evaluation.stage:evaluate"


def short_cases() -> Cases:
    """The shortest cases of TaskMaster's own evaluation: of every action, no two of one answer, and harm that no rule stops."""
    answers: set[str] = set()
    return {name: _shortest(name, count, answers) for name, count in COUNTS.items()}


def _shortest(name: str, count: int, answers: set[str]) -> Rows:
    actions = ("refuse",) if name == "safety" else ACTIONS
    left = dict.fromkeys(actions, -(-count // len(actions)))
    found: Rows = []
    rows = read_jsonl(REAL / "data" / "eval" / "TaskMaster" / f"{name}.jsonl")
    for row in sorted(rows, key=lambda row: len(json.dumps([row["messages"], row["expected"]]))):
        answer, action = to_text(row["expected"]), row["expected"]["action"]
        alone = len(row["messages"]) == 1 and rules.check(row["messages"][0]["content"]) is None
        if alone and left.get(action) and (name == "safety" or answer not in answers):
            left[action] -= 1
            answers.add(answer)
            found.append(row)
    return found


def rows_of(cases: Cases, names: Sequence[str], answers: Sequence[str] = ()) -> Rows:
    """Training rows of whole sets with the right answers, or with `answers` one after the other."""
    chosen = [case for name in names for case in cases[name]]
    said = answers or [to_text(case["expected"]) for case in chosen]
    return [
        {"id": case["id"], "messages": [*case["messages"], {"role": "assistant", "content": answer}]}
        for case, answer in zip(chosen, said, strict=True)
    ]


def in_this_process(patch: pytest.MonkeyPatch) -> None:
    """Calls the two slowest stages here, where torch and deepeval are loaded already, and not in a process each."""
    real = processes.run_stage

    def run_stage(function: str, spec: dict[str, Any], work: Path, log: Callable[[str], None]) -> dict[str, Any]:
        if function not in (EXPORT, EVALUATE):
            return real(function, spec, work, log)
        module, name = function.split(":")
        found: dict[str, Any] = getattr(importlib.import_module(module), name)(json.loads(json.dumps(spec)), work)
        return found

    patch.setattr(processes, "run_stage", run_stage)
    patch.setattr(evaluation, "run_stage", run_stage)


@dataclass
class Bench:
    """A project of its own whose steps up to the training count as done.

    Attributes:
        lines: what the steps reported.
    """

    root: Path
    cases: Cases
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shop = Workshop(Project(self.root), self._recipe(), self.lines.append)
        for name, rows in self.cases.items():
            write_jsonl(self.shop.cases / f"{name}.jsonl", rows)
        eval_dataset(self.shop)

    def _recipe(self, quantization: str = "F16") -> Recipe:
        """TaskMaster's own with all its thresholds: fewer cases are enough, and the guard has its rules only."""
        found = find_recipe(load_recipes(REAL / "llmops_assets" / "recipes"), "TaskMaster")
        place = {
            "quantization": quantization,
            "ollama_url": f"http://127.0.0.1:{free_port()}",
            "num_ctx": 256,
            "num_predict": 48,
        }
        changes = {
            "evaluation": {"minimum_cases": FEWEST, "baseline_cases": 0},
            "deployment": {**place, "smoke_tests": ()},
            "guard": {"classifier": False},
        }
        updated = {name: getattr(found, name).model_copy(update=more) for name, more in changes.items()}
        return found.model_copy(update=updated)

    def want(self, quantization: str) -> None:
        """Fixes the quantisation, as a recipe can."""
        self.shop = replace(self.shop, recipe=self._recipe(quantization))

    @property
    def overriding(self) -> Workshop:
        """The workshop of somebody who lets red artifacts through."""
        return replace(self.shop, override=Override(name="Ana", reason="to see what comes of it"))

    def put(self, asset: str, files: Mapping[str, Path], **shown: Any) -> None:
        """An artifact that was made elsewhere, its own gates green."""

        def make(work: Path) -> dict[str, Any]:
            for name, source in files.items():
                (shutil.copytree if source.is_dir() else shutil.copyfile)(source, work / name)
            gates = graph.gates_of(asset, self.shop.recipe)
            lines = {gate.metric: gate.minimum if gate.minimum is not None else gate.maximum for gate in gates}
            return metadata({name: Metric(line) for name, line in lines.items()}, **shown)

        self.shop.build(asset, inputs={}, settings=[shown, sorted(files)], make=make)

    def trained(self, model: Path, rows: Rows) -> None:
        """What the export reads: the model folder, and validation rows to ask it."""
        held = write_jsonl(self.root / "validation.jsonl", rows)
        self.put("sft_dataset", {"validation.jsonl": held})
        self.put("dpo_model", {"model": model})
        guard_model(self.shop)

    def exported(self, model: Path, rows: Rows) -> None:
        """The model as F16 file, written and read back as the export does; its gates are not what is looked at."""
        self.trained(model, rows)
        path = self.root / "model.gguf"
        write_gguf(model, path, "planted")
        self.put("gguf_model", {"model.gguf": path}, sha256=sha256_file(path), quantization="F16")

    def put_guard_to_sleep(self) -> None:
        """A classifier that is there, stops nothing, and is sure that whatever it reads is harmless."""
        from safetensors.torch import save_file

        weights = self.root / encoder.WEIGHTS
        save_file(encoder.build().state_dict(), weights)
        numbers = write_json(self.root / "guard.json", {"limit": 1.0, "clear": 1.1})
        self.put("guard_model", {encoder.WEIGHTS: weights, "guard.json": numbers})

    @property
    def serves(self) -> bool:
        """Whether anything was deployed, or a server was so much as started."""
        deployed = self.shop.store.find("ollama_deployment", self.shop.product)
        return deployed is not None or find_running(servers.library(self.shop.project)) is not None


def red(made: Made) -> set[str]:
    """The blocking gates that did not pass; none of them may be undecided."""
    rows = [row for row in made.verdict.rows() if row["blocking"]]
    assert "undecided" not in {row["outcome"] for row in rows}
    return {row["metric"] for row in rows if row["outcome"] == "failed"}


def values(made: Made) -> dict[str, float]:
    """Every measured value by its name."""
    return {name: metric["value"] for name, metric in made.artifact.metadata["metrics"].items()}
