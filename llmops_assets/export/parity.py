"""One prompt, three ways: as the trainer tokenised it, as llama.cpp does with the exported file, and as the server renders it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets import processes
from llmops_assets.errors import ExportError
from llmops_assets.export.native import ErrorLines
from llmops_assets.tasks.chat_template import render

Messages = Sequence[Mapping[str, str]]
Render = Callable[[Messages], str]


@dataclass(frozen=True)
class Parity:
    """The share of prompts that are the same everywhere, and the first that is not."""

    share: float
    first_difference: str


def compare(
    prompts: Sequence[Messages], trained: Sequence[list[int]], exported: Sequence[list[int]], served: Render
) -> Parity:
    """Compares token ids and texts.

    Args:
        prompts: conversations that end with the user's turn.
        trained: token ids of the trainer's tokenizer, a prompt each.
        exported: token ids of the exported file, a prompt each.
        served: renders a prompt as the serving stack does.
    """
    differences = []
    for messages, ours, theirs in zip(prompts, trained, exported, strict=True):
        text = render(messages, answer=True)
        if ours != theirs:
            differences.append(f"trained as {ours}, exported as {theirs}: {text!r}")
        elif (rendered := served(messages)) != text:
            differences.append(f"trained as {text!r}, served as {rendered!r}")
    return Parity(1 - len(differences) / len(prompts), differences[0] if differences else "")


def exported_token_ids(gguf: Path, texts: list[str], work: Path, log: Callable[[str], None]) -> list[list[int]]:
    """The tokens of texts by the vocabulary of a GGUF file, asked in a child process.

    Raises:
        ExportError: llama.cpp cannot read the vocabulary.
        StageProcessError: llama.cpp crashed.
    """
    spec = {"gguf": str(gguf), "texts": texts}
    found = processes.run_stage("llmops_assets.export.parity:tokenise", spec, work, log)
    ids: list[list[int]] = found["ids"]
    return ids


def tokenise(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """The child's side of `exported_token_ids`."""
    del work
    from llama_cpp import Llama

    said = ErrorLines().listen()
    try:
        model = Llama(spec["gguf"], vocab_only=True, verbose=False)
    except ValueError as error:
        raise ExportError(
            f"expected a vocabulary in {spec['gguf']}, got: {' | '.join(said[-2:]) or error}; run again"
        ) from error
    return {"ids": [model.tokenize(text.encode(), add_bos=False, special=True) for text in spec["texts"]]}
