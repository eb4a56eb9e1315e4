"""Stage 4a: dpo_model -> gguf_model."""

from pathlib import Path
from typing import Any

from llmops_assets.evaluation.answering import AnswerCache, ServedModel, ask_all
from llmops_assets.evaluation.served import serving
from llmops_assets.pipeline.workshop import Made, Workshop, digests, metadata
from llmops_assets.storage import atomic

PROMPTS = 48


def gguf_model(shop: Workshop) -> Made:
    """Converts to GGUF, chooses the quantisation and reads the file back."""
    model, data = shop.need("dpo_model"), shop.need("sft_dataset")
    deployment = shop.recipe.deployment

    def make(work: Path) -> dict[str, Any]:
        from llmops_assets.export.stage import make_gguf_model

        rows = atomic.read_jsonl(data.file("validation.jsonl"))[:PROMPTS]
        prompts = [row["messages"][:-1] for row in rows]
        found = make_gguf_model(
            work,
            model=model.file("model"),
            prompts=prompts,
            config=deployment,
            answer=_answerer(shop, work),
            log=shop.report,
        )
        names = ("read_back", "prompt_parity", "agreement")
        return metadata({name: found[name] for name in names}, **found)

    settings = {"quantization": deployment.quantization, "tolerance": deployment.quantization_tolerance}
    return shop.build("gguf_model", inputs=digests(model, data), settings=settings, make=make)


def _answerer(shop: Workshop, work: Path) -> Any:
    limit = shop.recipe.evaluation.max_answer_tokens

    def answer(gguf: Path, prompts: list[list[dict[str, str]]]) -> list[str]:
        digest = atomic.sha256_file(gguf)
        with serving({"rung": gguf}, work / "scratch" / "library", slots=4) as url:
            model = ServedModel(url, "rung", digest, limit, workers=4)
            found = ask_all(model, prompts, AnswerCache(work / "scratch" / "answers.jsonl"), shop.report)
        return [item.text for item in found]

    return answer
