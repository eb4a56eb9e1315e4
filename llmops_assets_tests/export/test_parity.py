from pathlib import Path

from llmops_assets.export.parity import compare, exported_token_ids
from llmops_assets.serving.chat_template import GO_TEMPLATE
from llmops_assets.serving.prompting import render_prompt
from llmops_assets.tasks.chat_template import render
from llmops_assets.training.base_model import load_tokenizer

CONTENTS = (
    "remind me to pay 1234 bills",
    "Zürich, 東京 and 🚀 at 5:30\n\n  then  rest",
    "don't FORGET: naïve_code(x=1) # TODO",
    "",
)
PROMPTS = [[{"role": "system", "content": "be brief"}, {"role": "user", "content": text}] for text in CONTENTS]
IDS = [[1, 2], [3], [4], [5]]


def test_trainer_and_exported_file_cut_text_into_the_same_tokens(model_folder: Path, f16: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(model_folder)
    trained = [tokenizer.apply_chat_template(one, add_generation_prompt=True, return_dict=False) for one in PROMPTS]
    texts = [render(one, answer=True) for one in PROMPTS]
    assert exported_token_ids(f16, texts, tmp_path, print) == trained


def test_the_serving_stack_renders_the_same_bytes() -> None:
    found = compare(PROMPTS, IDS, IDS, lambda messages: render_prompt(GO_TEMPLATE, messages))
    assert (found.share, found.first_difference) == (1.0, "")


def test_another_token_costs_its_prompt_and_is_shown() -> None:
    found = compare(PROMPTS, IDS, [[1, 9], *IDS[1:]], lambda messages: render(messages, answer=True))
    assert found.share == 0.75
    assert found.first_difference.startswith("trained as [1, 2], exported as [1, 9]")


def test_a_serving_template_with_another_byte_is_found() -> None:
    found = compare(PROMPTS, IDS, IDS, lambda messages: render_prompt(GO_TEMPLATE + " ", messages))
    assert found.share == 0.0
    assert "served as" in found.first_difference
