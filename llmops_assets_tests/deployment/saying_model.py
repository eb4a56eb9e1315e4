"""A real GGUF of 600 kB that says one thing, made in a moment: its last layer maps each token to the next one, so nothing is random.

Every byte is a token, and the whole answer is one token too: after the line break that ends the prompt comes the answer, then the
end of the turn. `babbling` has no end: the answer follows itself.
"""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType

from llmops_assets.tasks.chat_template import JINJA, SPECIAL, TURN_END

BYTES = 256
HEADS = 4


def write_saying_model(path: Path, says: str, *, babbling: bool = False, context: int = 512) -> Path:
    """Writes a model that answers every request with `says`; babbling, it says it again and again."""
    tokens = [*_byte_tokens(), *SPECIAL, _spelled(says)]
    size = -(-len(tokens) // (HEADS * 2)) * HEADS * 2
    writer = GGUFWriter(path, "llama")
    writer.add_name("saying")
    writer.add_context_length(context)
    writer.add_embedding_length(size)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(size // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    _add_tokenizer(writer, tokens)
    for name, array in _weights(tokens, size, babbling).items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _byte_tokens() -> list[str]:
    """GPT-2's printable stand-in for each byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [byte for byte in range(BYTES) if byte not in printable]
    return [chr(byte) if byte in printable else chr(BYTES + others.index(byte)) for byte in range(BYTES)]


def _spelled(text: str) -> str:
    byte_tokens = _byte_tokens()
    return "".join(byte_tokens[byte] for byte in text.encode())


def _add_tokenizer(writer: GGUFWriter, tokens: list[str]) -> None:
    special = len(tokens) - 1 - len(SPECIAL)
    types = [TokenType.NORMAL] * special + [TokenType.CONTROL] * len(SPECIAL) + [TokenType.NORMAL]
    end = tokens.index(TURN_END)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_chat_template(JINJA)


def _weights(tokens: list[str], size: int, babbling: bool) -> dict[str, np.ndarray]:
    """One token, one dimension; the layer adds nothing, and the output row of the next token looks at the last one."""
    answer, end, line_break = len(tokens) - 1, tokens.index(TURN_END), ord("\n")
    after = np.full(len(tokens), end)
    after[line_break] = answer
    after[answer] = answer if babbling else end
    output = np.zeros((len(tokens), size), np.float16)
    output[after, np.arange(len(tokens))] = 1
    ones, square = np.ones(size, np.float32), np.zeros((size, size), np.float16)
    layer = {f"attn_{name}": square for name in ("q", "k", "v", "output")}
    layer |= {f"ffn_{name}": np.zeros((32, size), np.float16) for name in ("gate", "up")}
    layer |= {"ffn_down": np.zeros((size, 32), np.float16), "attn_norm": ones, "ffn_norm": ones}
    return {
        "token_embd.weight": np.eye(len(tokens), size, dtype=np.float16),
        "output_norm.weight": ones,
        "output.weight": output,
        **{f"blk.0.{name}.weight": array for name, array in layer.items()},
    }
