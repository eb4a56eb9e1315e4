import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmops_assets.errors import ExportError
from llmops_assets.export.conversion import metadata_of, open_source, pre_tokenizer_name
from llmops_assets.export.gguf import open_gguf, write_gguf
from llmops_assets.tasks.chat_template import JINJA, render

IN_BLOCK = (
    "attn_norm",
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_norm",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
)
TEXT = render([{"role": "user", "content": "remind me to pay 12 bills on Friday, please"}], answer=True)


def copy_of(folder: Path, target: Path, **config: Any) -> Path:
    shutil.copytree(folder, target)
    read = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps({**read, **config}))
    return target


def rewrite_weights(folder: Path, change: Any) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def hf_logits(folder: Path, tokens: list[int]) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].numpy()


@pytest.fixture(scope="module")
def reader(f16: Path) -> Any:
    return open_gguf(f16)


def test_tensors_have_the_names_of_llama_cpp(reader: Any) -> None:
    named = {f"blk.{block}.{part}.weight" for block in (0, 1) for part in IN_BLOCK}
    found = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}
    assert set(found) == named | {"token_embd.weight", "output_norm.weight"}
    assert {name for name, kind in found.items() if kind == "F32"} == {name for name in found if "norm" in name}


def test_llama_cpp_computes_the_logits_of_the_model_folder(model_folder: Path, f16: Path) -> None:
    from llama_cpp import Llama

    model = Llama(str(f16), n_ctx=128, n_threads=1, logits_all=True, verbose=False)
    tokens = model.tokenize(TEXT.encode(), add_bos=False, special=True)
    model.eval(tokens)
    wanted, found = hf_logits(model_folder, tokens), np.asarray(model.scores[: len(tokens)])
    assert np.abs(found - wanted).max() < 0.01 * wanted.std()


def test_the_file_carries_template_and_end_of_turn(reader: Any) -> None:
    tokens = reader.get_field("tokenizer.ggml.tokens").contents()
    assert reader.get_field("tokenizer.chat_template").contents() == JINJA
    assert tokens[reader.get_field("tokenizer.ggml.eos_token_id").contents()] == "<|im_end|>"
    assert tokens[reader.get_field("tokenizer.ggml.padding_token_id").contents()] == "<|endoftext|>"


def test_shape_is_read_from_the_configuration(model_folder: Path) -> None:
    found = metadata_of(open_source(model_folder), "tiny")
    wanted = {"block_count": 2, "embedding_length": 64, "attention.head_count": 4, "attention.head_count_kv": 2}
    assert {key: found[f"llama.{key}"] for key in wanted} == wanted
    assert found["llama.rope.freq_base"] == 100000.0


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "gpt2"}, "expected a model of llama, .*, got gpt2"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "expected plain rotary embeddings, got yarn"),
    ],
)
def test_what_cannot_be_written_is_refused(
    model_folder: Path, tmp_path: Path, config: dict[str, Any], said: str
) -> None:
    with pytest.raises(ExportError, match=said):
        open_source(copy_of(model_folder, tmp_path / "copy", **config))


@pytest.mark.parametrize(
    ("pre_tokenizer", "name"),
    [
        ({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}]}, "smollm"),
        ({"type": "Split", "pattern": {"Regex": r"\p{L}+|\p{N}| ?"}}, "qwen2"),
        ({"type": "Split", "pattern": {"Regex": r"\p{L}+|\p{N}{1,3}"}}, "llama-bpe"),
    ],
)
def test_pre_tokenizers_get_llama_cpps_names(pre_tokenizer: dict[str, Any], name: str) -> None:
    assert pre_tokenizer_name(pre_tokenizer) == name


def test_an_unknown_pre_tokenizer_is_refused() -> None:
    with pytest.raises(ExportError, match="expected a pre-tokenizer"):
        pre_tokenizer_name({"type": "Whitespace"})


def test_weights_beyond_f16_are_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(model_folder, tmp_path / "copy")
    rewrite_weights(folder, lambda weights: weights["model.layers.1.mlp.up_proj.weight"].fill_(1e6))
    with pytest.raises(
        ExportError, match=r"expected model\.layers\.1\.mlp\.up_proj\.weight to fit into F16, got .*1e\+06"
    ):
        write_gguf(folder, tmp_path / "m.gguf", "tiny")
    assert list(tmp_path.glob("m.*")) == []


def test_a_folder_that_lacks_a_tensor_is_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(model_folder, tmp_path / "copy")
    rewrite_weights(folder, lambda weights: weights.pop("model.layers.1.mlp.up_proj.weight"))
    with pytest.raises(ExportError, match=r"expected the tensor blk\.1\.ffn_up\.weight"):
        write_gguf(folder, tmp_path / "m.gguf", "tiny")
    assert list(tmp_path.glob("m.*")) == []


def test_cut_weights_are_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(model_folder, tmp_path / "copy")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ExportError, match="expected whole weights in"):
        write_gguf(folder, tmp_path / "m.gguf", "tiny")


def test_a_full_disk_gives_one_line_and_leaves_nothing(model_folder: Path, tmp_path: Path) -> None:
    program = (
        "import resource, sys; from pathlib import Path; from llmops_assets.export.gguf import write_gguf\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))\n"
        "write_gguf(Path(sys.argv[1]), Path(sys.argv[2]), 'tiny')"
    )
    command = [sys.executable, "-c", program, str(model_folder), str(tmp_path / "m.gguf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert "ExportError: expected to write" in last
    assert last.endswith("; free the disk")
    assert list(tmp_path.iterdir()) == []
