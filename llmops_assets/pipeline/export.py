"""Stage 4a: dpo_model -> gguf_model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmops_assets import processes
from llmops_assets.export.stage import make_gguf_model
from llmops_assets.pipeline.workshop import Made, Workshop, digests, metadata
from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.engine_group import EngineGroup, complete_all
from llmops_assets.serving.options import Sampling
from llmops_assets.serving.prompting import render_prompt
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import SCRATCH
from llmops_assets.training.validation import evenly

PROMPTS = 48
SLOTS = 4
Prompts = list[list[dict[str, str]]]


def gguf_model(shop: Workshop) -> Made:
    """Converts to GGUF, chooses the quantisation and reads the file back."""
    model, data = shop.need("dpo_model"), shop.need("sft_dataset")
    deployment, limit = shop.recipe.deployment, shop.recipe.deployment.num_predict

    def make(work: Path) -> dict[str, Any]:
        found = make_gguf_model(
            work,
            model=model.file("model"),
            prompts=spread(atomic.read_jsonl(data.file("validation.jsonl")), PROMPTS),
            config=deployment,
            answer=Answering(work / SCRATCH, deployment.num_ctx, limit, shop.report),
            render=lambda messages: render_prompt(GO_TEMPLATE, messages),
            max_answer_tokens=limit,
            log=shop.report,
        )
        names = ("read_back", "prompt_parity", "agreement")
        return metadata({name: found[name] for name in names}, **found)

    settings = {
        "name": deployment.model_name,
        "quantization": deployment.quantization,
        "tolerance": deployment.quantization_tolerance,
        "prompts": PROMPTS,
        "tokens": [deployment.num_ctx, limit],
    }
    return shop.build("gguf_model", inputs=digests(model, data), settings=settings, make=make)


def spread(rows: list[dict[str, Any]], count: int) -> Prompts:
    """The prompts of `count` rows from all over the file: the same ones every time."""
    return [row["messages"][:-1] for row in evenly(rows, count)]


class Answering:
    """Greedy answers of a GGUF file as the deployed server gives them: its engine, prompt template and stop strings, no HTTP."""

    def __init__(self, work: Path, context: int, max_tokens: int, report: Callable[[str], None]) -> None:
        """Keeps what all files are asked with; `work` is where a child process leaves its answers."""
        self.work, self.report = work, report
        self.spec = {"context": context, "max_tokens": max_tokens}

    def __call__(self, gguf: Path, prompts: Prompts) -> list[str]:
        """The answers in the order of the prompts, from a child process: llama.cpp may crash on a file.

        Raises:
            ServingError: llama.cpp cannot load the file or continue a prompt.
            StageProcessError: it crashed.
        """
        spec = {**self.spec, "gguf": str(gguf), "prompts": prompts}
        found = processes.run_stage("llmops_assets.pipeline.export:answer_all", spec, self.work, self.report)
        answers: list[str] = found["answers"]
        return answers


def answer_all(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """The child's side of `Answering`."""
    del work
    engine = EngineGroup(Path(spec["gguf"]), context=spec["context"], slots=SLOTS)
    answers = answers_of(engine, spec["prompts"], spec["max_tokens"])
    engine.close()
    return {"answers": answers}


def answers_of(engine: EngineGroup, prompts: Prompts, max_tokens: int) -> list[str]:
    """Greedy answers in the order of the prompts, as many at once as the engine has slots."""
    sampling = Sampling.greedy(max_tokens=max_tokens, stop=STOPS)
    return complete_all(engine, [render_prompt(GO_TEMPLATE, messages) for messages in prompts], sampling)
