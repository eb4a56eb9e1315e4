"""The weights of one GGUF file in llama.cpp, and what its tokens say."""

import ctypes
from functools import cache, cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.export.native import ErrorLines
from llmops_assets.serving.rounding import Rounding

PIECE = 256
"""Bytes of the longest text that a token stands for."""


class LlamaModel:
    """The weights, read once for all engines of a process. Close it, after its engines, to free the memory."""

    def __init__(self, gguf: Path) -> None:
        """Maps the file into memory.

        Raises:
            ServingError: llama.cpp cannot load it.
        """
        lib = llama_cpp()
        params = lib.llama_model_default_params()
        # Weights packed anew for the processor would be a second copy in memory, and were no faster.
        params.use_extra_bufts = False
        self.pointer = lib.llama_model_load_from_file(str(gguf).encode(), params)
        if not self.pointer:
            raise ServingError(
                f"expected a model that llama.cpp can load in {gguf.name}, got a refusal; the file may be cut or of an "
                "unknown architecture, or the memory may be too small"
            )
        self._vocabulary = lib.llama_model_get_vocab(self.pointer)
        self._reading = Lock()
        self.rounding = Rounding()
        self.words = lib.llama_vocab_n_tokens(self._vocabulary)

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text, special ones read as such.

        Raises:
            ServingError: the text holds half a character.
        """
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise ServingError("expected a prompt of whole characters, got half of one (a lone surrogate)") from error
        room = len(data) + 8
        found = (llama_cpp().llama_token * room)()
        return list(found[: llama_cpp().llama_tokenize(self._vocabulary, data, len(data), found, room, True, True)])

    def ends(self, token: int) -> bool:
        """Whether the model ends its turn with it."""
        return bool(llama_cpp().llama_vocab_is_eog(self._vocabulary, token))

    def piece(self, token: int) -> bytes:
        """What a token says; special ones say nothing."""
        buffer = ctypes.create_string_buffer(PIECE)
        size = llama_cpp().llama_token_to_piece(self._vocabulary, token, buffer, PIECE, 0, False)
        return buffer.raw[: max(0, size)]

    @property
    def grammar_tokens(self) -> Any:
        """The vocabulary as llguidance reads it: a second's work, done when the first schema comes."""
        with self._reading:
            return self._grammar_tokens

    @cached_property
    def _grammar_tokens(self) -> Any:
        from llguidance.llamacpp import lltokenizer_from_vocab

        return lltokenizer_from_vocab(self._vocabulary)

    def close(self) -> None:
        """Frees it."""
        llama_cpp().llama_model_free(self.pointer)


@cache
def llama_cpp() -> Any:
    """The library, silent and ready."""
    import llama_cpp

    _ERRORS.listen()
    llama_cpp.llama_backend_init()
    return llama_cpp


_ERRORS = ErrorLines()
