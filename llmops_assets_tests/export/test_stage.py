import shutil
from pathlib import Path

import pytest

from llmops_assets.evaluation.answering import OPTIONS
from llmops_assets.export.gguf import open_gguf
from llmops_assets.export.stage import make_gguf_model
from llmops_assets.pipeline.export import Answering
from llmops_assets.pipeline.serving_form import parameters
from llmops_assets.recipes.deployment import DeploymentConfig
from llmops_assets.recipes.loading import find_recipe, load_recipes
from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.options import Sampling, sampling
from llmops_assets.serving.prompting import render_prompt
from llmops_assets.storage.atomic import sha256_file
from llmops_assets_tests.tiny_model import conversation

PROMPTS = [conversation(number)["messages"][:-1] for number in range(4)]


def make(work: Path, model: Path, quantization: str, answer, tokens: int = 4) -> dict:
    config = DeploymentConfig.model_validate({"model_name": "tiny", "quantization": quantization})
    return make_gguf_model(
        work,
        model=model,
        prompts=PROMPTS,
        config=config,
        answer=answer,
        render=lambda messages: render_prompt(GO_TEMPLATE, messages),
        max_answer_tokens=tokens,
        log=print,
    )


def test_a_model_folder_becomes_one_file_that_is_described(model_folder: Path, tmp_path: Path) -> None:
    def answer(path: Path, prompts: list) -> list[str]:
        return [path.stem if number == 0 else "same" for number, _ in enumerate(prompts)]

    found = make(tmp_path, model_folder, "Q8_0", answer)
    shutil.rmtree(tmp_path / "scratch")
    file = tmp_path / "model.gguf"
    assert [path.name for path in tmp_path.iterdir()] == ["model.gguf"]
    assert (found["sha256"], found["size_bytes"]) == (sha256_file(file), file.stat().st_size)
    assert (found["read_back"], found["prompt_parity"], found["agreement"]) == (1, 1.0, 0.75)
    assert {tensor.tensor_type.name for tensor in open_gguf(file).tensors} == {"Q8_0", "F32"}
    assert found["hf_agreement"] == 0.0
    assert [rung["quantization"] for rung in found["ladder"]] == ["Q8_0"]


def test_the_ladder_samples_as_the_server_does_for_an_evaluation() -> None:
    recipe = find_recipe(load_recipes(Path(__file__).parents[2] / "llmops_assets" / "recipes"), "TaskMaster")
    wanted = Sampling.greedy(max_tokens=recipe.deployment.num_predict, stop=STOPS)
    assert sampling(parameters(recipe), OPTIONS) == wanted


@pytest.mark.slow
def test_the_served_engine_answers_as_the_model_folder_does(model_folder: Path, tmp_path: Path) -> None:
    answer = Answering(tmp_path / "scratch", 512, 16, print)
    found = make(tmp_path, model_folder, "auto", answer, tokens=16)
    assert found["hf_agreement"] == 1.0
    assert found["agreement"] >= 0.97
    assert found["ladder"][-1]["chosen"]
    assert found["sha256"] == sha256_file(tmp_path / "model.gguf")
