"""Stages of one tiny model: an adapter that changes it, the merged model, and the file made from it."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.evaluation.answering import Answer
from llmops_assets.evaluation.cases import CaseBook, evenly, read_cases
from llmops_assets.evaluation.lineage import Lineage
from llmops_assets.evaluation.report import write_report
from llmops_assets.evaluation.stage_answers import ask_files
from llmops_assets.evaluation.stage_parity import OFF, StageParity
from llmops_assets.recipes.evaluation import EvaluationConfig
from llmops_assets.storage.atomic import sha256_file
from llmops_assets.tasks.registry import get_task
from llmops_assets_tests.evaluation.small_report import made
from llmops_assets_tests.evaluation.test_evaluate import write_cases

CONFIG = EvaluationConfig(parity_cases=2)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> CaseBook:
    return read_cases(write_cases(tmp_path_factory.mktemp("cases"), each=3))


@pytest.fixture(scope="module")
def served(book: CaseBook, tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    """What a server says: the engine's own answers."""
    asked = [case["messages"] for case in book.sets["contract"]]
    spec = {"files": {"f16": str(tiny_gguf)}, "conversations": asked, "max_tokens": 6, "context": 1024}
    found = ask_files(spec, tmp_path_factory.mktemp("served"))["f16"]
    return [
        Answer(text, 0.1, n, 6, "length", 8) for text, n in zip(found["texts"], found["prompt_tokens"], strict=True)
    ]


@pytest.fixture(scope="module")
def lineage(tiny_model: Path, tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Lineage:
    """An adapter of zeros on the model: nothing changes from stage to stage but the form."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    adapter = tmp_path_factory.mktemp("adapter")
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_model)
    get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")).save_pretrained(adapter)
    folders = {"dpo": str(tiny_model), "merged": str(tiny_model), "adapter": str(adapter)}
    return Lineage(
        base=str(tiny_model),
        cache=str(adapter / "cache"),
        model_name="tiny",
        f16_sha256=sha256_file(tiny_gguf),
        folders=folders,
        digests=dict.fromkeys(folders, "0123456789abcdef"),
    )


@pytest.fixture
def parity(book: CaseBook, served: list[Answer], lineage: Lineage, tiny_gguf: Path, tmp_path: Path) -> StageParity:
    task = get_task("command")
    return StageParity(
        task,
        CONFIG,
        book,
        lineage,
        tiny_gguf,
        "Q8_0",
        served,
        {"num_predict": 6, "num_ctx": 1024},
        tmp_path / "stages",
        lambda _: None,
    )


def test_every_stage_of_the_same_weights_gives_the_same_answers(parity: StageParity, tmp_path: Path) -> None:
    metric, found = parity.measure()
    assert found is not None
    assert (metric.value, metric.n) == (1.0, 5)
    assert [row["stage"] for row in found["rows"]] == [
        "base and SFT adapter, not merged",
        "merged model",
        "DPO model",
        "GGUF F16",
        "GGUF as it ships",
        "served by Ollama's API",
    ]
    assert [row["same_as_before"] for row in found["rows"]] == [None, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert [row["note"] for row in found["rows"][2:5]] == ["0123456789ab", "", "Q8_0, the file that ships"]
    gaps = [row["gold_gap"] for row in found["rows"]]
    assert gaps[1] == pytest.approx(0, abs=1e-3)
    assert gaps[2] == 0.0
    assert gaps[3] == pytest.approx(0, abs=0.1)
    assert gaps[5] is None
    assert (found["other_prompts"], found["left_out"]) == ([], [])
    assert len(found["prompt_sha256"]) == 64
    assert found["dpo"]["says"].startswith("DPO does not help on these cases; nothing got worse.")
    assert [row["measure"] for row in found["dpo"]["rows"]] == [
        "accuracy",
        "preference",
        "preference margin, nats",
        "safety",
        "false refusal",
    ]
    assert {row["n"] for row in found["dpo"]["rows"]} == {2}
    write_report(tmp_path, made(stage_parity=found))
    page = (tmp_path / "eval_report.html").read_text(encoding="utf-8")
    assert f"<code>{found['prompt_sha256'][:16]}</code>" in page
    assert page.count('<span class="passed">yes</span>') == 5
    assert "<td>false refusal</td>" in page


def test_what_is_missing_is_left_out_and_said(parity: StageParity) -> None:
    gone = Lineage(missing={"adapter": "its files were dropped", "merged": "dropped", "dpo": "gone"})
    metric, found = replace(parity, lineage=gone).measure()
    assert found is not None
    assert [row["stage"] for row in found["rows"]] == ["GGUF as it ships", "served by Ollama's API"]
    assert [row["reason"] for row in found["left_out"]] == [
        "its files were dropped",
        "dropped",
        "gone",
        "the DPO model it is made from cannot be read",
    ]
    assert (metric.value, metric.n, found["dpo"]) == (1.0, 1, None)


def test_a_changed_adapter_is_seen_at_the_merge(parity: StageParity, tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny_model, tmp_path / "other")
    (path,) = (tmp_path / "other").glob("*.safetensors")
    save_file({name: -weight for name, weight in load_file(path).items()}, path, {"format": "pt"})
    folders = {**parity.lineage.folders, "merged": str(tmp_path / "other")}
    del folders["dpo"]
    metric, found = replace(parity, lineage=replace(parity.lineage, folders=folders, missing={"dpo": "gone"})).measure()
    assert found is not None
    assert found["rows"][1]["held"] is False
    assert found["rows"][1]["first_difference"] == "contract-0"
    assert found["rows"][1]["gold_gap"] > 0.1
    assert found["says"].startswith("merged model: 0.000 the same as before")
    assert (metric.value, metric.n) == (0.5, 2)


def test_an_f16_file_that_ships_is_one_stage_and_another_f16_none(parity: StageParity) -> None:
    only = replace(parity.lineage, folders={"dpo": parity.lineage.folders["dpo"]}, missing={})
    _, found = replace(parity, lineage=only, quantization="F16").measure()
    assert found is not None
    assert [row["note"] for row in found["rows"]] == ["0123456789ab", "F16, the file that ships", ""]
    assert [row["held"] for row in found["rows"]] == [None, True, True]
    _, other = replace(parity, lineage=replace(only, f16_sha256="0" * 64)).measure()
    assert other is not None
    assert other["left_out"][0]["reason"].startswith("made again it is another file")


def test_a_server_that_reads_prompts_of_other_lengths_holds_nothing(parity: StageParity) -> None:
    longer = [replace(answer, prompt_tokens=answer.prompt_tokens + 1) for answer in parity.served]
    metric, found = replace(parity, lineage=Lineage(), served=longer).measure()
    assert found is not None
    assert found["other_prompts"] == ["served by Ollama's API"]
    assert metric.value == 0.0


def test_nothing_is_asked_where_the_recipe_asks_for_no_case(parity: StageParity) -> None:
    assert replace(parity, config=EvaluationConfig()).measure() == (OFF, None)
    assert not parity.work.exists()


@pytest.mark.parametrize(
    ("count", "wanted", "places"), [(10, 3, [0, 3, 6]), (3, 3, [0, 1, 2]), (2, 5, [0, 1]), (0, 4, []), (5, 0, [])]
)
def test_cases_are_chosen_evenly(count: int, wanted: int, places: list[int]) -> None:
    assert evenly(count, wanted) == places
