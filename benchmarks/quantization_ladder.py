"""Size and agreement of every quantisation against plain F16: `python benchmarks/quantization_ladder.py [MODEL_FOLDER]`.

Without a folder the embedded base is measured. Untrained on the product's prompts it rambles, which is the hardest case: one
other token changes the rest of an answer.
"""

import argparse
import json
import tempfile
from pathlib import Path

from llmops_assets.export.gguf import write_gguf
from llmops_assets.export.ladder import LADDER
from llmops_assets.export.quantization import Origin, quantise
from llmops_assets.pipeline.export import Answering, spread
from llmops_assets.project import Project
from llmops_assets.training.base_model import EMBEDDED, resolve_base

ROOT = Path(__file__).parents[1]


def prompts_of(product: str, count: int) -> list[list[dict[str, str]]]:
    files = sorted((ROOT / "data" / "raw" / product).glob("*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return spread([row for row in rows if "messages" in row], count)


def model_folder(given: Path | None) -> Path:
    return given or resolve_base(EMBEDDED, Project(ROOT).home / "cache").folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--prompts", type=int, default=24)
    parser.add_argument("--tokens", type=int, default=48)
    options = parser.parse_args()
    prompts = prompts_of("TaskMaster", options.prompts)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write_gguf(model_folder(options.model), work / "F16.gguf", "benchmark")
        origin, answer = Origin.open(work / "F16.gguf"), Answering(work, 1024, options.tokens, print)
        reference = answer(origin.path, prompts)
        plain = origin.path.stat().st_size
        for rung in LADDER[:-1]:
            file = quantise(origin, work / f"{rung}.gguf", rung, print)
            same = sum(said == meant for said, meant in zip(answer(file.path, prompts), reference, strict=True))
            fallbacks = f"{file.fallbacks} of {file.matrices} matrices in another type"
            size = f"{file.size_bytes / 1e6:.0f} MB ({file.size_bytes / plain:.2f} of F16)"
            print(
                f"{rung}: {size}, {same} of {len(prompts)} answers are F16's ({same / len(prompts):.2f}), {fallbacks}"
            )
            file.path.unlink()


if __name__ == "__main__":
    main()
