"""Stage 4a: a model folder becomes `model.gguf`: F16, read back, then the quantisation that the recipe asks for or allows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmops_assets import processes
from llmops_assets.errors import ExportError
from llmops_assets.export.ladder import Answer, Choice, Ladder
from llmops_assets.export.parity import Parity, Render, compare, exported_token_ids
from llmops_assets.export.quantization import Origin, QuantisedFile, quantise
from llmops_assets.export.source_model import Exported
from llmops_assets.recipes.deployment import DeploymentConfig
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import SCRATCH
from llmops_assets.tasks import chat_template

HF_ANSWERS = 8
Prompts = list[list[dict[str, str]]]


def make_gguf_model(
    work: Path,
    *,
    model: Path,
    prompts: Prompts,
    config: DeploymentConfig,
    answer: Answer,
    render: Render,
    max_answer_tokens: int,
    log: Callable[[str], None],
) -> dict[str, Any]:
    """Writes `work/model.gguf`; everything else goes below `work/scratch`.

    Args:
        work: the artifact's folder.
        model: the model folder to export.
        prompts: conversations that end with the user's turn.
        config: which quantisation, and how much it may differ from F16.
        answer: greedy answers of a GGUF file, as the serving stack gives them.
        render: the prompt of a conversation, as the serving stack renders it.
        max_answer_tokens: the limit that `answer` keeps to.
        log: called with a line where something was found out.

    Returns:
        read_back, prompt_parity, agreement, quantization, reason, sha256, size_bytes, ladder, f16_sha256, hf_agreement.

    Raises:
        ExportError: the model cannot be written, read back or compared.
        StageProcessError: a child process crashed.
    """
    if not prompts:
        raise ExportError("expected prompts to compare the quantised file on, got none; add validation rows")
    scratch = work / SCRATCH
    scratch.mkdir(parents=True, exist_ok=True)
    exported = _export(scratch, model, prompts, config.model_name, max_answer_tokens, log)
    f16 = scratch / "f16.gguf"
    parity = _parity(f16, prompts, exported, render, scratch, log)

    origin = Origin.open(f16)

    def make(quantization: str) -> QuantisedFile:
        return quantise(origin, scratch / f"{quantization}.gguf", quantization, log)

    ladder = Ladder(f16, prompts, config.quantization_tolerance, make, answer, log)
    choice = ladder.climb(config.quantization)
    return _finish(work, f16, choice, parity, exported)


def _export(
    scratch: Path, model: Path, prompts: Prompts, name: str, max_tokens: int, log: Callable[[str], None]
) -> Exported:
    spec = {
        "model": str(model),
        "name": name,
        "prompts": prompts,
        "answered": HF_ANSWERS,
        "max_tokens": max_tokens,
    }
    exported = Exported(**processes.run_stage("llmops_assets.export.source_model:export", spec, scratch, log))
    log(f"F16: {exported.tensors} tensors written and read back in {exported.seconds:.1f} s")
    return exported


def _parity(
    f16: Path, prompts: Prompts, exported: Exported, render: Render, scratch: Path, log: Callable[[str], None]
) -> Parity:
    texts = [chat_template.render(messages, answer=True) for messages in prompts]
    parity = compare(prompts, exported.prompt_ids, exported_token_ids(f16, texts, scratch, log), render)
    if parity.first_difference:
        log(f"{parity.share:.3f} of the prompts are the same everywhere; {parity.first_difference}")
    return parity


def _finish(work: Path, f16: Path, choice: Choice, parity: Parity, exported: Exported) -> dict[str, Any]:
    f16_sha256 = atomic.sha256_file(f16)
    final = work / "model.gguf"
    choice.path.replace(final)
    atomic.sync_folder(work)
    same = [ours == theirs for ours, theirs in zip(exported.answers, choice.reference, strict=False)]
    return {
        "read_back": 1,
        "prompt_parity": parity.share,
        "prompt_difference": parity.first_difference,
        "agreement": choice.rung.agreement,
        "quantization": choice.rung.quantization,
        "reason": choice.rung.reason,
        "sha256": atomic.sha256_file(final),
        "size_bytes": final.stat().st_size,
        "ladder": [rung.to_json() for rung in choice.rungs],
        "f16_sha256": f16_sha256,
        "hf_agreement": sum(same) / len(same),
    }
