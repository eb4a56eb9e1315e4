"""Stage 3 as one function: the GGUF that ships is served, asked, judged, compared, and reported."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmops_assets.evaluation import report as reporting
from llmops_assets.evaluation.answering import Answer, AnswerCache, ServedModel, ask_all
from llmops_assets.evaluation.cases import SETS, CaseBook, read_cases
from llmops_assets.evaluation.intervals import share
from llmops_assets.evaluation.preference import Pair, margins
from llmops_assets.evaluation.regression import compare
from llmops_assets.evaluation.scorecard import Scorecard, score_sets
from llmops_assets.evaluation.served import serving
from llmops_assets.gates import Gate, Metric, judge
from llmops_assets.guard.guarding import Guard
from llmops_assets.recipes.evaluation import EvaluationConfig
from llmops_assets.storage import atomic
from llmops_assets.tasks import chat_template
from llmops_assets.tasks.command import CLOCK
from llmops_assets.tasks.registry import Task, get_task

Report = Callable[[str], None]


@dataclass(frozen=True)
class EvaluationJob:
    """All that an evaluation reads, as paths and values: it travels to the child process as JSON."""

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
    reference_scores: dict[str, float]
    gates: list[dict[str, Any]]
    config: dict[str, Any]
    parallel: bool
    system: str = ""


def evaluate(work: Path, **spec: Any) -> dict[str, Any]:
    """Runs in a child process: judges one GGUF and writes the report into `work`.

    Args:
        work: gets eval_report.json, eval_report.html, traffic.jsonl and scores.json.
        spec: the fields of `EvaluationJob`.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    job, report = EvaluationJob(**spec), _print
    config, task, book = EvaluationConfig.model_validate(job.config), get_task(job.task), read_cases(Path(job.cases))
    cache = AnswerCache(Path(job.answers))
    guard = Guard(Path(job.guard) if job.guard else None)
    workers = min(4, max(2, (os.cpu_count() or 2))) if job.parallel else 1
    with serving({"judged": Path(job.gguf)}, work / "scratch" / "library", slots=workers) as url:
        model = ServedModel(url, "judged", job.gguf_sha256, config.max_answer_tokens, workers)
        flat = ask_all(model, book.conversations, cache, report)
    answers = _by_set(book, flat)
    card = score_sets(task, book.sets, answers, lambda messages: guard.check_input(messages).reason)
    metrics = dict(card.metrics)
    metrics["preference"] = _preference(job, task, book, report)
    comparison = _comparison(job, task, book, card, cache, config, work, report)
    return _write(job, config, card, metrics, comparison, answers, task, work)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (the parent process reads the child's lines)


def _by_set(book: CaseBook, flat: list[Answer]) -> dict[str, list[Answer]]:
    rest, found = list(flat), {}
    for name in SETS:
        count = len(book.sets[name])
        found[name], rest = rest[:count], rest[count:]
    return found


def _preference(job: EvaluationJob, task: Task, book: CaseBook, report: Report) -> Metric:
    del task
    pairs = [
        Pair(
            pair["id"],
            chat_template.render(pair["prompt"], answer=True),
            pair["chosen"] + chat_template.TURN_END,
            pair["rejected"] + chat_template.TURN_END,
        )
        for pair in book.pairs
    ]
    if not pairs:
        return Metric(None, 0, note="there are no held-out pairs")
    found = margins(Path(job.gguf), pairs, threads=os.cpu_count() or 2, report=report)
    return share([1.0 if margin > 0 else 0.0 for margin in found], "log-probabilities from the GGUF")


def _comparison(
    job: EvaluationJob,
    task: Task,
    book: CaseBook,
    card: Scorecard,
    cache: AnswerCache,
    config: EvaluationConfig,
    work: Path,
    report: Report,
) -> list[dict[str, Any]]:
    """Accuracy of the base, the prompted base and the product on the same first contract cases."""
    cases = book.sets["contract"][: config.baseline_cases]
    if not cases or not job.base_gguf:
        return []
    prompts = {
        "base model": [case["messages"] for case in cases],
        "base model with the best prompt": [
            [{"role": "system", "content": task.few_shot}, *case["messages"]] for case in cases
        ],
    }
    rows = []
    digest = atomic.sha256_file(Path(job.base_gguf))
    with serving({"base": Path(job.base_gguf)}, work / "scratch" / "base-library", slots=2) as url:
        model = ServedModel(url, "base", digest, config.max_answer_tokens, 2)
        for name, conversations in prompts.items():
            texts = [answer.text for answer in ask_all(model, conversations, cache, report)]
            scores = [task.accuracy(text, case).value for text, case in zip(texts, cases, strict=True)]
            rows.append({"model": name, "accuracy": share(scores).value, "n": len(cases)})
    own = [case.scores["accuracy"].value for case in card.judged["contract"][: len(cases)]]
    rows.append(
        {
            "model": f"{job.product} {job.version}, {job.quantization} (the file that ships)",
            "accuracy": share(own).value,
            "n": len(cases),
        }
    )
    return rows


def _headlines(comparison: list[dict[str, Any]]) -> list[str]:
    by_name = {row["model"]: row["accuracy"] for row in comparison}
    prompted, own = by_name.get("base model with the best prompt"), comparison[-1]["accuracy"] if comparison else None
    if prompted is not None and own is not None and own <= prompted:
        return [f"Fine-tuning does not beat the prompted base: {own:.3f} against {prompted:.3f}."]
    return []


def _write(
    job: EvaluationJob,
    config: EvaluationConfig,
    card: Scorecard,
    metrics: dict[str, Metric],
    comparison: list[dict[str, Any]],
    answers: dict[str, list[Answer]],
    task: Task,
    work: Path,
) -> dict[str, Any]:
    verdict = judge(metrics, [Gate(**gate) for gate in job.gates])
    scores = reporting.case_scores(card.judged, "accuracy")
    regression = None
    if job.reference_scores:
        regression = asdict(compare(job.reference_scores, scores, config.regression.profile))
        metrics["not_regressed"] = Metric(0.0 if regression["regressed"] else 1.0, regression["n"])
    reporting.write_report(
        work,
        {
            "product": job.product,
            "version": job.version,
            "gguf_sha256": job.gguf_sha256,
            "quantization": job.quantization,
            "passed": verdict.passed,
            "gates": verdict.rows(),
            "metrics": {name: asdict(metric) for name, metric in metrics.items()},
            "comparison": comparison,
            "headlines": _headlines(comparison),
            "proves": reporting.what_n_proves(verdict),
            "regression": regression,
            "failures": reporting.failures(card.judged),
        },
    )
    atomic.write_json(work / "scores.json", scores)
    atomic.write_jsonl(work / "traffic.jsonl", _traffic(card, answers, task))
    return {"metrics": {name: asdict(metric) for name, metric in metrics.items()}, "regression": regression}


def _traffic(card: Scorecard, answers: dict[str, list[Answer]], task: Task) -> list[dict[str, Any]]:
    """One row a request of the contract, natural and legitimate sets: what monitoring takes for normal."""
    rows = []
    for name in ("contract", "natural", "legitimate"):
        for judged, answer in zip(card.judged[name], answers[name], strict=True):
            rows.append(
                {
                    "prompt": judged.case["messages"][-1]["content"],
                    "answer": judged.answer,
                    "prompt_chars": len(judged.case["messages"][-1]["content"]),
                    "answer_chars": len(judged.answer),
                    "action": task.to_envelope(judged.answer, CLOCK)["action"],
                    "refused": task.is_refusal(judged.answer),
                    "format_valid": judged.scores["format"].value == 1,
                    "latency_s": answer.latency_s,
                }
            )
    return rows
