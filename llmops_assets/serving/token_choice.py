"""How the next token is chosen where it is not simply the best: by what a JSON schema allows, and by sampling."""

import ctypes
import json
from collections.abc import Sequence
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.serving.llama_model import LlamaModel, llama_cpp
from llmops_assets.serving.options import Sampling

ANY_OBJECT: dict[str, Any] = {"type": "object"}


class SchemaError(ServingError):
    """A JSON schema that cannot be enforced."""


class TokenChoice:
    """The choice for one answer: it remembers what was chosen."""

    def __init__(
        self, model: LlamaModel, sampling: Sampling, prompt: Sequence[int], context: int, schema: dict[str, Any] | None
    ) -> None:
        """Begins an answer.

        Args:
            model: whose tokens they are.
            sampling: how to choose.
            prompt: its tokens count for the penalties.
            context: so many tokens the penalties look back at most.
            schema: what the text must be, written without blanks between tokens.

        Raises:
            SchemaError: the schema cannot be enforced.
        """
        import numpy as np

        self._rule = _rule(model, schema) if schema is not None else None
        self._chain = None if sampling.greedily else _chain(sampling, prompt, context, model.words)
        if self._chain is not None:
            self._words = np.zeros(model.words, [("id", np.int32), ("logit", np.float32), ("p", np.float32)])
            self._words["id"] = np.arange(model.words)

    def __call__(self, logits: Any) -> int:
        """The next token, of an array with a number for each."""
        import numpy as np

        if self._rule:
            allowed = np.unpackbits(np.frombuffer(self._rule.compute_bitmask(), np.uint8), bitorder="little")
            logits = np.where(allowed[: len(logits)], logits, -np.inf)
        token = int(logits.argmax()) if self._chain is None else self._drawn(logits)
        if self._rule:
            self._rule.consume_token(token)
        return token

    def close(self) -> None:
        """Frees its memory."""
        if self._chain is not None:
            llama_cpp().llama_sampler_free(self._chain)

    def _drawn(self, logits: Any) -> int:
        lib = llama_cpp()
        words = self._words.copy()
        words["logit"] = logits
        data = words.ctypes.data_as(lib.llama_token_data_p)
        array = lib.llama_token_data_array(data=data, size=len(words), selected=-1, sorted=False)
        lib.llama_sampler_apply(self._chain, ctypes.byref(array))
        token = int(array.data[array.selected].id)
        lib.llama_sampler_accept(self._chain, token)
        return token


def _rule(model: LlamaModel, schema: dict[str, Any]) -> Any:
    from llguidance import LLMatcher

    try:
        # Free whitespace between tokens lets a small model write blanks until its tokens are used up.
        grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_flexible": False})
        rule = LLMatcher(model.grammar_tokens, grammar, log_level=0)
        refused = rule.is_error()
    except ValueError:
        refused = True
    if refused:
        raise SchemaError("invalid format: the JSON schema has a part that cannot be enforced")
    return rule


def _chain(sampling: Sampling, prompt: Sequence[int], context: int, words: int) -> Any:
    """llama.cpp's samplers in the order in which its server uses them."""
    lib, values = llama_cpp(), sampling.values
    chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    back = context if values["repeat_last_n"] < 0 else values["repeat_last_n"]
    penalties = values["repeat_penalty"], values["frequency_penalty"], values["presence_penalty"]
    samplers = [lib.llama_sampler_init_penalties(words, min(back, context), *penalties)]
    if values["temperature"] > 0:
        samplers += [
            lib.llama_sampler_init_top_k(max(0, min(values["top_k"], 2**31 - 1))),
            lib.llama_sampler_init_typical(values["typical_p"], 1),
            lib.llama_sampler_init_top_p(values["top_p"], 1),
            lib.llama_sampler_init_min_p(values["min_p"], 1),
            lib.llama_sampler_init_temp(values["temperature"]),
            # All bits set, as -1 has them, stands for another seed each time.
            lib.llama_sampler_init_dist(values["seed"] % 2**32),
        ]
    else:
        samplers.append(lib.llama_sampler_init_greedy())
    for sampler in samplers:
        lib.llama_sampler_chain_add(chain, sampler)
    for token in prompt[-back:] if back else ():
        lib.llama_sampler_accept(chain, token)
    return chain
