"""The serving side of ChatML: one `render`, and the same template spelled for Hugging Face (`JINJA`) and Ollama (`GO_TEMPLATE`).

Tokens of the format are stripped from what people write: a message cannot close its turn and forge another one. Ollama's own
templates cannot do that, so whatever stands in front of an Ollama server calls `strip_markers` first.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from llmops_assets.tasks import chat_template as chatml

JINJA = chatml.JINJA
GO_TEMPLATE = "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
STOPS = (chatml.TURN_END, chatml.TURN_START)


def strip_markers(text: str, markers: Iterable[str] = chatml.SPECIAL) -> str:
    """Removes every marker, also one that appears only once another is gone."""
    pattern = re.compile("|".join(re.escape(marker) for marker in markers))
    while (stripped := pattern.sub("", text)) != text:
        text = stripped
    return text


def render(
    messages: Sequence[Mapping[str, str]], *, system: str | None = None, add_generation_prompt: bool = True
) -> str:
    """The prompt of a conversation; `system` is used where the conversation does not bring its own."""
    turns = [{"role": turn["role"], "content": strip_markers(turn["content"])} for turn in messages]
    if system and not (turns and turns[0]["role"] == "system"):
        turns.insert(0, {"role": "system", "content": strip_markers(system)})
    return chatml.render(turns, answer=add_generation_prompt)
