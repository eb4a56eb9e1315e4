"""The same cases asked of every stage, from the adapter to the served API, and of the model before and after DPO."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from llmops_assets.evaluation.answering import Answer
from llmops_assets.evaluation.cases import CaseBook, evenly
from llmops_assets.evaluation.dpo_effect import MARGIN, Effect, dpo_effect
from llmops_assets.evaluation.intervals import share
from llmops_assets.evaluation.lineage import Lineage
from llmops_assets.evaluation.parity_table import STAGES, StageAnswers, parity_metric, parity_table
from llmops_assets.evaluation.preference import answer_logprobs
from llmops_assets.gates import Metric
from llmops_assets.machine import usable_cores
from llmops_assets.processes import run_stage
from llmops_assets.recipes.evaluation import EvaluationConfig
from llmops_assets.tasks import chat_template
from llmops_assets.tasks.few_shot import Messages
from llmops_assets.tasks.registry import Task

HERE = "llmops_assets.evaluation.stage_answers"
COMPARED = ("merged", "dpo")
"""Before and after DPO."""
OFF = Metric(None, 0, note="the recipe asks no case of every stage (evaluation.parity_cases: 0)")
Row = TypeVar("Row")
Continuation = tuple[Messages, str]


@dataclass(frozen=True)
class StageParity:
    """One comparison under way.

    Attributes:
        gguf: the file that ships.
        quantization: its name; F16 makes it the F16 stage as well.
        served: what the server answered to every contract case.
        parameters: how the file is served, as its Modelfile says it.
        work: for what is needed on the way only.
    """

    task: Task
    config: EvaluationConfig
    book: CaseBook
    lineage: Lineage
    gguf: Path
    quantization: str
    served: Sequence[Answer]
    parameters: Mapping[str, Any]
    work: Path
    report: Callable[[str], None]

    def measure(self) -> tuple[Metric, dict[str, Any] | None]:
        """The metric of the gate, and the report's section; none where the recipe asks for none."""
        if not self.config.parity_cases or not self._cases:
            return OFF, None
        self.work.mkdir(parents=True, exist_ok=True)
        left_out = dict(self.lineage.missing)
        folders, stages = self._folders()
        stages += self._files(left_out)
        table = parity_table(
            [case["id"] for case in self._cases],
            stages,
            {name: left_out[name] for name in STAGES if name in left_out},
            self.config.parity_tolerances,
            one_file=self._one_file,
        )
        return parity_metric(table), {**table, "dpo": self._effect(folders)}

    @property
    def _one_file(self) -> bool:
        return self.quantization == "F16"

    @property
    def _cases(self) -> list[dict[str, Any]]:
        return self._chosen("contract")

    def _chosen(self, name: str) -> list[dict[str, Any]]:
        return self._some(self.book.sets[name])

    def _some(self, rows: Sequence[Row]) -> list[Row]:
        return [rows[place] for place in evenly(len(rows), self.config.parity_cases)]

    @property
    def _asked(self) -> list[Messages]:
        return [case["messages"] for case in self._cases]

    @property
    def _gold(self) -> list[Continuation]:
        """The right answer of each case; none where a set of cases has none."""
        if any(case.get("expected") is None for case in self._cases):
            return []
        return [(case["messages"], self.task.gold_text(case["expected"])) for case in self._cases]

    @property
    def _pairs(self) -> list[dict[str, Any]]:
        return self._some(self.book.pairs)

    def _folders(self) -> tuple[dict[str, Any], list[StageAnswers]]:
        names = [name for name in STAGES if name in self.lineage.folders]
        if not names:
            return {}, []
        self.report(f"asking {', '.join(STAGES[name] for name in names)}: {len(self._cases)} cases each")
        spec = {
            "questions": [self._question(name) for name in names],
            "base": self.lineage.base,
            "cache": self.lineage.cache,
            "max_tokens": self.parameters["num_predict"],
            "cases": len(self._cases),
        }
        found = run_stage(f"{HERE}:ask_folders", spec, self.work, self.report)
        return found, [self._answers(name, found[name], found[name]["logprobs"]) for name in names]

    def _question(self, name: str) -> dict[str, Any]:
        more = [*self._chosen("safety"), *self._chosen("legitimate")] if name in COMPARED else []
        pairs = self._pairs if name in COMPARED else []
        both = [(pair["prompt"], pair[side]) for pair in pairs for side in ("chosen", "rejected")]
        folder, adapter = self.lineage.folders[name], name == "adapter"
        return {
            "stage": name,
            "folder": "" if adapter else folder,
            "adapter": folder if adapter else "",
            "conversations": [*self._asked, *(case["messages"] for case in more)],
            "continuations": [*self._gold, *both],
        }

    def _files(self, left_out: dict[str, str]) -> list[StageAnswers]:
        files = {"f16" if self._one_file else "quantised": self.gguf}
        if not self._one_file and self._f16(left_out):
            files = {"f16": self.work / "f16.gguf", **files}
        paths = {name: str(path) for name, path in files.items()}
        spec = {
            "files": paths,
            "conversations": self._asked,
            "max_tokens": self.parameters["num_predict"],
            "context": self.parameters["num_ctx"],
        }
        found = run_stage(f"{HERE}:ask_files", spec, self.work, self.report)
        stages = [self._answers(name, found[name], self._gold_of(path)) for name, path in files.items()]
        return [*stages, self._served(found[list(files)[-1]])]

    def _f16(self, left_out: dict[str, str]) -> bool:
        """Makes the F16 file again where the DPO model is there; only the very file that the export measured by will do."""
        folder = self.lineage.folders.get("dpo")
        if not folder:
            left_out["f16"] = "the DPO model it is made from cannot be read"
            return False
        spec = {"folder": folder, "name": self.lineage.model_name, "sha256": self.lineage.f16_sha256}
        if run_stage(f"{HERE}:remake_f16", spec, self.work, self.report)["same"]:
            return True
        left_out["f16"] = "made again it is another file than the one that the export measured by"
        return False

    def _gold_of(self, gguf: Path) -> list[float]:
        rows = [
            (chat_template.render(messages, answer=True), f"{answer}{chat_template.TURN_END}")
            for messages, answer in self._gold
        ]
        return answer_logprobs(gguf, rows, threads=usable_cores())

    def _served(self, direct: dict[str, Any]) -> StageAnswers:
        """What the server said; it tells how many tokens a prompt had, which must be as many as the engine read."""
        answers = self._some(self.served)
        alike = [answer.prompt_tokens for answer in answers] == direct["prompt_tokens"]
        prompts = direct["prompts"] if alike else "prompts of other lengths"
        return self._answers("served", {"texts": [answer.text for answer in answers], "prompts": prompts}, [])

    def _answers(self, name: str, found: dict[str, Any], gold: Sequence[float]) -> StageAnswers:
        count = len(self._cases)
        texts = found["texts"][:count]
        scores = [self.task.accuracy(text, case).value for text, case in zip(texts, self._cases, strict=True)]
        digest = self.lineage.digests.get(name, "")
        ships = f"{self.quantization}, the file that ships"
        note = digest[:12] if digest else ships if name == "quantised" or (name == "f16" and self._one_file) else ""
        return StageAnswers(name, texts, scores, found["prompts"], list(gold)[: len(self._gold)], note)

    def _effect(self, found: dict[str, Any]) -> dict[str, Any] | None:
        if any(name not in found for name in COMPARED):
            return None
        before, after = (self._measures(found[name]) for name in COMPARED)
        return dpo_effect(
            [
                Effect(name, metric.value, after[name].value, metric.n, lower_is_better=name == "false refusal")
                for name, metric in before.items()
            ]
        )

    def _measures(self, found: dict[str, Any]) -> dict[str, Metric]:
        """What one model alone reaches, without its guard."""
        cases, safety = len(self._cases), len(self._chosen("safety"))
        texts, scores = found["texts"], found["logprobs"][len(self._gold) :]
        margins = [chosen - rejected for chosen, rejected in zip(scores[::2], scores[1::2], strict=True)]
        right = [self.task.accuracy(text, case).value for text, case in zip(texts, self._cases, strict=False)]
        refused = [float(self.task.is_refusal(text)) for text in texts[cases + safety :]]
        return {
            "accuracy": share(right),
            "preference": share([float(margin > 0) for margin in margins]),
            MARGIN: Metric(round(sum(margins) / len(margins), 6) if margins else None, len(margins)),
            "safety": share([self.task.safety(text).value for text in texts[cases : cases + safety]]),
            "false refusal": share(refused),
        }
