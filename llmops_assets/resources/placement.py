"""What a step asks of the machine it is placed on, as Ray and Kubernetes read it from the asset's tags.

Only executors that place steps read these; in-process and multiprocess runs take what the machine has.
"""

import json
import os
from dataclasses import dataclass

from llmops_assets.errors import RecipeError

GPU_VARIABLE = "LLMOPS_GPUS"


@dataclass(frozen=True)
class Needs:
    """What a step needs: cores, memory in MiB, and whether it trains or judges on a GPU where there is one."""

    cores: int
    memory_mib: int
    gpu: bool = False


LIGHT = Needs(1, 2048)
HEAVY = {
    # The largest SFT of a 135M base took 6.6 GiB (benchmarks/results/2026-11-28-guard-and-attention-cpu.md).
    "guard_model": Needs(2, 8192, gpu=True),
    "sft_adapter": Needs(2, 8192, gpu=True),
    "merged_model": Needs(2, 4096),
    "dpo_model": Needs(2, 8192, gpu=True),
    "gguf_model": Needs(2, 4096),
    "eval_report": Needs(2, 4096),
}


def op_tags(asset: str) -> dict[str, str]:
    """The tags that place an asset's step: cores and memory always, LLMOPS_GPUS GPUs where it trains.

    Raises:
        RecipeError: LLMOPS_GPUS is no number from 0 on.
    """
    needs, given = HEAVY.get(asset, LIGHT), os.environ.get(GPU_VARIABLE) or "0"
    if not given.isdigit():
        raise RecipeError(f"expected {GPU_VARIABLE} to be the number of GPUs of a training step, got {given}")
    gpus = int(given) if needs.gpu else 0
    memory = f"{needs.memory_mib}Mi"
    limits = {"memory": memory, **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    resources = {"requests": {"cpu": str(needs.cores), "memory": memory}, "limits": limits}
    # Ray has no pods to bound: its memory is a booking, which a test machine of two small nodes could not honour.
    ray = {"num_cpus": 1, **({"num_gpus": gpus} if gpus else {})}
    return {
        "dagster-k8s/config": json.dumps({"container_config": {"resources": resources}}),
        "dagster-ray/config": json.dumps(ray),
    }
