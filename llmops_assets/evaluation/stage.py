"""Stage 3 as one function for a child process: the GGUF that ships is served, asked, judged, compared, and reported."""

import functools
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from llmops_assets.evaluation import report as reporting
from llmops_assets.evaluation.agreement import doubt, scorer_agreement
from llmops_assets.evaluation.answering import Answer, AnswerCache, Question, ServedModel, all_known, ask_all
from llmops_assets.evaluation.breakdowns import breakdowns
from llmops_assets.evaluation.case_rows import CASES, judged_rows, pair_rows, traffic
from llmops_assets.evaluation.cases import CaseBook, evenly, read_cases
from llmops_assets.evaluation.failing import failures
from llmops_assets.evaluation.gate_picture import plot_gates
from llmops_assets.evaluation.intervals import share
from llmops_assets.evaluation.judge.opinion import second_opinion
from llmops_assets.evaluation.lineage import Lineage
from llmops_assets.evaluation.mutations import mutations_of
from llmops_assets.evaluation.preference import margins, preference, rendered
from llmops_assets.evaluation.regression import Reference, reference_of, regression
from llmops_assets.evaluation.scorecard import Scorecard, score_sets
from llmops_assets.evaluation.scorer_code import require_as_written
from llmops_assets.evaluation.served import serving
from llmops_assets.evaluation.sides import Case, cases_of_rows
from llmops_assets.evaluation.stage_parity import StageParity
from llmops_assets.gates import Gate, Metric, judge
from llmops_assets.guard.guarding import Decision, Guard
from llmops_assets.machine import usable_cores
from llmops_assets.recipes.evaluation import EvaluationConfig
from llmops_assets.serving.engine_group import answers_apart
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import SCRATCH
from llmops_assets.tasks.case_sets import SETS
from llmops_assets.tasks.few_shot import Messages
from llmops_assets.tasks.registry import Task, get_task

GATES_PLOT = "gates.png"
F16 = Path(SCRATCH, "stages", "f16.gguf")
"""Where the parity of the stages leaves the F16 file that the export measured by, if it could be made again."""
CUT = "length"
"""Why a server stops where an answer is too long: such a second answer does not take the place of a whole first one."""
ALONE = 20
"""Cases that are asked one at a time, so that the report can tell the latency of a user alone."""
SLOTS = 100
"""Requests under way at once: two cores' batches of 48, and some that wait to take the place of those that end."""


@dataclass(frozen=True)
class EvaluationJob:
    """All that an evaluation reads, as paths and values: it travels to the child process as JSON.

    Attributes:
        answers: where answers are remembered, so that a killed evaluation goes on where it was.
        base_gguf: the base model for the rows beside the product's; empty leaves them out.
        parameters: how the file is served, as its Modelfile says it.
        deployed: the name of the deployed version that this one must not be worse than; empty where nothing is deployed.
        deployed_cases: its `cases.jsonl`.
        lineage: the fields of `Lineage`: the models that the file was made from.
        grounds: the digests of all that this evaluation rests on, by name; they become part of the report.
        labels: answers that people labelled, to measure the safety scorer by; empty leaves it out.
    """

    product: str
    version: str
    task: str
    gguf: str
    gguf_sha256: str
    quantization: str
    cases: str
    guard: str
    answers: str
    base_gguf: str
    parameters: dict[str, Any]
    gates: list[dict[str, Any]]
    config: dict[str, Any]
    parallel: bool
    grounds: dict[str, str]
    labels: str = ""
    lineage: dict[str, Any] = field(default_factory=dict)
    deployed: str = ""
    deployed_cases: str = ""


def evaluate(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """Judges one GGUF and writes the report into `work`.

    Args:
        spec: the fields of `EvaluationJob`.
        work: gets eval_report.json, eval_report.html, eval_report.md, traffic.jsonl, scores.json, cases.jsonl and gates.png.

    Raises:
        EvaluationError: the server went away, llama.cpp cannot load the file, or the scorers are not those of `grounds`.
        ServingError: the server did not start.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    job = EvaluationJob(**spec)
    require_as_written(job.grounds["scorers"])
    run = Evaluation(
        job,
        EvaluationConfig.model_validate(job.config),
        get_task(job.task),
        read_cases(Path(job.cases)),
        AnswerCache(Path(job.answers)),
        work,
        _print,
    )
    return run.carry_out()


def _beside(name: str, scores: list[float | None]) -> dict[str, Any]:
    """One row of the table of models on the same cases."""
    found = share(scores)
    return {"model": name, "accuracy": found.value, "n": found.n, "low": found.low, "high": found.high}


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (the parent process reads the child's lines)


@dataclass(frozen=True)
class Evaluation:
    """One evaluation under way."""

    job: EvaluationJob
    config: EvaluationConfig
    task: Task
    book: CaseBook
    cache: AnswerCache
    work: Path
    report: Callable[[str], None]

    @functools.cached_property
    def guard(self) -> Guard:
        """The guard that ships beside the file."""
        return Guard(Path(self.job.guard) if self.job.guard else None)

    def carry_out(self) -> dict[str, Any]:
        """Asks, judges, compares, writes."""
        answers, decisions = self._answers(), self._decisions()
        second = self._second(answers, decisions)
        self.report(f"judging {len(self.book.conversations)} answers, model and guard")
        card = score_sets(self.task, self.book.sets, answers, decisions, second, self.guard.check_output)
        judged = judged_rows(self.task, card.judged)
        cases = cases_of_rows(judged)
        preferred = self._preferred()
        parity_metric, parity = self._parity(answers["contract"])
        metrics = {**card.metrics, "preference": preference(preferred), "stage_parity": parity_metric}
        comparison, base = self._comparison(card)
        metrics["not_regressed"], found = regression(
            self._deployed(cases) or base, cases, self.config.regression.profile
        )
        require_as_written(self.job.grounds["scorers"])
        self._write(card, answers, metrics, found, comparison, parity)
        atomic.write_jsonl(self.work / "traffic.jsonl", traffic(self.task, card, answers))
        atomic.write_jsonl(self.work / CASES, [*judged, *pair_rows(self.book.pairs, preferred)])
        return {"metrics": {name: asdict(metric) for name, metric in metrics.items()}, "regression": found}

    def _answers(self) -> dict[str, list[Answer]]:
        asked = list(map(Question, self.book.conversations))
        flat = self._ask("judged", Path(self.job.gguf), self.job.gguf_sha256, asked, alone=ALONE)
        rest, found = list(flat), {}
        for name in SETS:
            count = len(self.book.sets[name])
            found[name], rest = rest[:count], rest[count:]
        return found

    def _second(
        self, answers: dict[str, list[Answer]], decisions: dict[str, list[Decision]]
    ) -> dict[str, dict[int, str]]:
        """As the product does: what it does not take of what the guard let pass is asked again, in a form that it takes."""
        asked: dict[tuple[str, int], Question] = {}
        for name in SETS:
            rows = zip(self.book.sets[name], answers[name], decisions[name], strict=True)
            for place, (case, answer, decision) in enumerate(rows):
                form = self.task.second_form(answer.text, case["messages"], decision.certain)
                if decision.allowed and form is not None and self.guard.check_output(answer.text).allowed:
                    asked[name, place] = Question(case["messages"], form)
        found: dict[str, dict[int, str]] = {name: {} for name in SETS}
        if asked:
            self.report(f"asking {len(asked)} again whose answer the product does not take")
            said = self._ask("judged", Path(self.job.gguf), self.job.gguf_sha256, list(asked.values()))
            for (name, place), answer in zip(asked, said, strict=True):
                kept = answers[name][place] if answer.done_reason == CUT else answer
                found[name][place] = kept.text
        return found

    def _ask(self, name: str, gguf: Path, digest: str, questions: list[Question], *, alone: int = 0) -> list[Answer]:
        # A file too large for a core has a batch for all slots, and an answer would depend on its neighbours there.
        slots = SLOTS if self.job.parallel and answers_apart(gguf) else 1
        model = ServedModel("", name, digest, self.job.parameters, slots)
        if all_known(model, questions, self.cache):
            self.report(f"{name}: all {len(questions)} answers are known")
            return ask_all(model, questions, self.cache, self.report)
        with serving(name, gguf, self.job.parameters, self.work / SCRATCH, slots=slots) as url:
            return ask_all(replace(model, url=url), questions, self.cache, self.report, alone=alone)

    def _decisions(self) -> dict[str, list[Decision]]:
        """What the guard says of each conversation, by set."""
        return {
            name: self.guard.check_inputs([case["messages"] for case in cases], self.task.unfit)
            for name, cases in self.book.sets.items()
        }

    def _preferred(self) -> list[bool]:
        """For each held-out pair whether its chosen answer is the likelier one."""
        pairs = [rendered(pair) for pair in self.book.pairs]
        if not pairs:
            return []
        found = margins(Path(self.job.gguf), pairs, threads=usable_cores(), report=self.report)
        return [margin > 0 for margin in found]

    def _parity(self, served: list[Answer]) -> tuple[Metric, dict[str, Any] | None]:
        """The same few cases asked of every stage from the adapter to the server."""
        gguf, lineage, folder = Path(self.job.gguf), Lineage(**self.job.lineage), self.work / F16.parent
        name = self.job.quantization
        how = self.job.parameters
        return StageParity(
            self.task, self.config, self.book, lineage, gguf, name, served, how, folder, self.report
        ).measure()

    @functools.cached_property
    def _before(self) -> dict[str, Case]:
        """The deployed version's cases."""
        return cases_of_rows(atomic.read_jsonl(Path(self.job.deployed_cases)))

    def _deployed(self, now: dict[str, Case]) -> Reference | None:
        if not self.job.deployed:
            return None
        return reference_of(self.job.deployed, self._before, now)

    def _comparison(self, card: Scorecard) -> tuple[list[dict[str, Any]], Reference | None]:
        """Accuracy on the same contract cases: the base, bare and prompted, the F16 model, the product; and the base as a reference."""
        cases = self.book.sets["contract"]
        places = evenly(len(cases), self.config.baseline_cases)
        chosen = [cases[place] for place in places]
        if not chosen or not self.job.base_gguf:
            return [], None
        base = Path(self.job.base_gguf)
        beginnings: list[Messages] = [[], *self.task.few_shot.beginnings()]
        bare, *prompted = self._accuracies("base", base, atomic.sha256_file(base), chosen, beginnings)
        # By the very cases that it is compared on: what luck there is in the choice is the base's.
        best = max(prompted, key=lambda scores: sum(filter(None, scores)))
        rows = [
            _beside(reporting.BASE, bare),
            _beside(f"{reporting.BASE} with the best of {len(prompted)} prompts", best),
        ]
        name, f16 = f"{self.job.product} {self.job.version}", self.work / F16
        if f16.exists():
            (own,) = self._accuracies("f16", f16, self.job.lineage["f16_sha256"], chosen, [[]])
            rows.append(_beside(f"{name}, F16, without its guard", own))
        shipped = [card.judged["contract"][place].scores["accuracy"].value for place in places]
        rows.append(_beside(f"{name}, {self.job.quantization} (the file that ships)", shipped))
        known = {case["id"]: value for case, value in zip(chosen, bare, strict=True) if value is not None}
        return rows, Reference("the base model", known, {})

    def _accuracies(
        self, name: str, gguf: Path, digest: str, cases: list[dict[str, Any]], beginnings: list[Messages]
    ) -> list[list[float | None]]:
        """A model's scores on the same cases, for each way to begin the conversations."""
        asked = [Question([*beginning, *case["messages"]]) for beginning in beginnings for case in cases]
        answers = iter(self._ask(name, gguf, digest, asked))
        return [[self.task.accuracy(next(answers).text, case).value for case in cases] for _ in beginnings]

    def _scorer(self, safety: float | None) -> dict[str, Any] | None:
        if not self.job.labels:
            return None
        found = scorer_agreement(self.task, atomic.read_jsonl(Path(self.job.labels)))
        wanted = next((gate["minimum"] for gate in self.job.gates if gate["metric"] == "safety"), None)
        return {**found, "says": found["says"] + doubt(safety, wanted, found["most_mild"])}

    def _opinion(self, card: Scorecard) -> dict[str, Any] | None:
        """What the judge model says, where the recipe names one."""
        if self.config.judge is None:
            return None
        compares = self.job.deployed and self.config.judge.against == "deployed"
        other = {name: case.answered for name, case in self._before.items()} if compares else {}
        return second_opinion(self.config.judge, self.task, card.judged, other, self.cache, self.report)

    def _write(
        self,
        card: Scorecard,
        answers: dict[str, list[Answer]],
        metrics: dict[str, Metric],
        regression: dict[str, Any] | None,
        comparison: list[dict[str, Any]],
        parity: dict[str, Any] | None,
    ) -> None:
        verdict = judge(metrics, [Gate(**gate) for gate in self.job.gates])
        found = {
            "product": self.job.product,
            "version": self.job.version,
            "gguf_sha256": self.job.gguf_sha256,
            "quantization": self.job.quantization,
            "grounds": self.job.grounds,
            "passed": verdict.passed,
            "gates": reporting.gate_rows(verdict),
            "metrics": {name: asdict(metric) for name, metric in metrics.items()},
            "comparison": comparison,
            "stage_parity": parity,
            "headlines": reporting.headlines(comparison),
            "proves": [*reporting.what_n_proves(verdict), *reporting.cases_needed(metrics["accuracy"], regression)],
            "regression": regression,
            "scorer": self._scorer(metrics["safety"].value),
            "judge": self._opinion(card),
            "mutations": mutations_of(
                self.task, [*self.book.sets["contract"], *self.book.sets["several"], *self.book.sets["safety"]]
            ),
            "failures": failures(self.task, card.judged),
            "breakdowns": breakdowns(self.task, card.judged, [each for group in answers.values() for each in group]),
        }
        reporting.write_report(self.work, found)
        plot_gates(self.work / GATES_PLOT, found)
        atomic.write_json(self.work / "scores.json", reporting.case_scores(card.judged, "accuracy"))
