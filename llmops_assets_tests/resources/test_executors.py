"""Where steps run is a variable: the assets are the same under each executor."""

import os
import subprocess
import sys
from importlib.util import find_spec

import dagster as dg
import pytest

from llmops_assets.errors import RecipeError
from llmops_assets.resources.executors import EXECUTORS, chosen_executor, lost_step_policy
from llmops_assets.resources.placement import op_tags

LIBRARIES = {"ray": "dagster_ray", "k8s": "dagster_k8s"}
HEAVY = ("torch", "transformers", "trl", "llama_cpp", "deepeval", "boto3", "dagster_ray", "dagster_k8s", "ray")


@pytest.mark.parametrize("name", EXECUTORS)
def test_the_variable_names_the_executor(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_EXECUTOR", name)
    if find_spec(LIBRARIES.get(name, "dagster")) is None:
        with pytest.raises(RecipeError, match=r"pip install 'llmops_assets\[cluster\]'"):
            chosen_executor()
    else:
        assert chosen_executor().name == name


@pytest.mark.parametrize("value", ["", None])
def test_without_it_steps_run_in_the_process_of_the_run(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLMOPS_EXECUTOR", raising=False)
    if value is not None:
        monkeypatch.setenv("LLMOPS_EXECUTOR", value)
    assert chosen_executor() is dg.in_process_executor


def test_an_executor_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_EXECUTOR", "slurm")
    with pytest.raises(RecipeError, match="one of in_process, multiprocess, ray, k8s, got slurm"):
        chosen_executor()


@pytest.mark.parametrize(("name", "retries"), [("in_process", 0), ("multiprocess", 0), ("ray", 2), ("k8s", 2)])
def test_only_steps_on_other_machines_are_tried_again(name: str, retries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_EXECUTOR", name)
    policy = lost_step_policy()
    assert (policy.max_retries if policy else 0) == retries


def test_a_number_of_gpus_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_GPUS", "all")
    with pytest.raises(RecipeError, match="expected LLMOPS_GPUS to be the number"):
        op_tags("sft_adapter")


def test_ray_gives_a_gpu_to_training_steps_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_GPUS", "1")
    assert op_tags("sft_adapter")["dagster-ray/config"] == '{"num_cpus": 1, "num_gpus": 1}'
    assert op_tags("sft_dataset")["dagster-ray/config"] == '{"num_cpus": 1}'


def test_definitions_load_no_heavy_library() -> None:
    """Dagster imports them in every process that it starts."""
    script = (
        "import sys; from llmops_assets.definitions import defs; defs().resolve_all_job_defs(); "
        f"print(*[name for name in {HEAVY} if name in sys.modules])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "LLMOPS_EXECUTOR"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == []
