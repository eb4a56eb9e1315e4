"""What a fine-tuned model says wrong itself: the hard negatives of preference pairs, gathered once and kept as data.

{"id": "written-1-0007", "asked": "...", "answer": "...", "model": "<SHA-256 of its weights>"}
"""

import tempfile
from pathlib import Path
from typing import Any

from llmops_assets.curation.stage import asked, parsed
from llmops_assets.export.gguf import write_gguf
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.engine_group import EngineGroup, complete_all
from llmops_assets.serving.options import sampling
from llmops_assets.serving.prompting import render_prompt
from llmops_assets.storage import atomic
from llmops_assets.tasks.registry import Task, get_task
from llmops_assets.training.validation import evenly

SLOTS, TEMPERATURE, SEED = 4, 1.0, 7
FILE = "own_answers/answers.jsonl"
Rows = list[dict[str, Any]]


def gather_own_answers(shop: Workshop, requests: int) -> tuple[Path, int]:
    """Asks the newest merged model training requests at temperature 1 and keeps what the scorer calls wrong.

    Args:
        shop: the product.
        requests: how many, from all over the training rows; each once. On 2 cores about four a second for TaskMaster.

    Returns:
        The file, below the product's raw data, and how many answers it holds.

    Raises:
        StoreError: nothing was trained yet.
    """
    data, merged = shop.need("sft_dataset"), shop.need("merged_model")
    rows = {row["id"]: row for row in atomic.read_jsonl(data.file("train.jsonl")) if not row["composed"]}
    chosen = evenly(list(rows.items()), requests)
    with tempfile.TemporaryDirectory(prefix="own-answers-") as folder:
        gguf = Path(folder) / "F16.gguf"
        shop.report(f"own answers: {len(chosen)} requests to the merged model {merged.digest[:12]}")
        write_gguf(merged.file("model"), gguf, shop.product)
        limit = shop.recipe.deployment.num_predict
        said = sampled(gguf, [row for _, row in chosen], context=shop.recipe.deployment.num_ctx, limit=limit)
    task = get_task(shop.recipe.task)
    wrong = [
        {"id": name, "asked": asked(row), "answer": answer, "model": merged.digest}
        for (name, row), answer in zip(chosen, said, strict=True)
        if answer.strip() and not is_right(task, answer, row)
    ]
    return atomic.write_jsonl(shop.raw / FILE, wrong), len(wrong)


def sampled(gguf: Path, rows: Rows, *, context: int, limit: int) -> list[str]:
    """One answer to the request of each training row, at temperature 1."""
    engine = EngineGroup(gguf, context=context, slots=SLOTS)
    prompts = [render_prompt(GO_TEMPLATE, row["messages"][:-1]) for row in rows]
    options = {"temperature": TEMPERATURE, "num_predict": limit, "stop": list(STOPS), "seed": SEED}
    try:
        return complete_all(engine, prompts, sampling(options))
    finally:
        engine.close()


def is_right(task: Task, answer: str, row: dict[str, Any]) -> bool:
    """Whether the product's scorer passes an answer to a training row."""
    case = {"messages": row["messages"][:-1], "expected": parsed(row["messages"][-1]["content"])}
    return task.accuracy(answer, case).value == 1
