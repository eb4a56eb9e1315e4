"""The serving side of ChatML: one `render`, and the same template spelled for Hugging Face (`JINJA`) and Ollama (`GO_TEMPLATE`).

Tokens of the format are stripped from what people write: a message cannot close its turn and forge another one. Ollama's own
templates cannot do that, so whatever stands in front of an Ollama server calls `strip_markers` first.
"""

from collections.abc import Collection, Mapping, Sequence

from llmops_assets.tasks import chat_template as chatml

JINJA = chatml.JINJA
GO_TEMPLATE = "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
STOPS = (chatml.TURN_END, chatml.TURN_START)


def strip_markers(text: str, markers: Collection[str] = chatml.SPECIAL) -> str:
    """Removes every marker, also one that appears only once another is gone; no marker may overlap another."""
    if not any(marker in text for marker in markers):
        return text
    spelled = [list(marker) for marker in markers]
    ends = {marker[-1] for marker in spelled}
    kept: list[str] = []
    for character in text:
        kept.append(character)
        if character in ends:
            found = next((marker for marker in spelled if kept[-len(marker) :] == marker), None)
            if found:
                del kept[-len(found) :]
    return "".join(kept)


def render(
    messages: Sequence[Mapping[str, str]], *, system: str | None = None, add_generation_prompt: bool = True
) -> str:
    """The prompt of a conversation; `system` is used where the conversation does not bring its own."""
    turns = [{"role": turn["role"], "content": strip_markers(turn["content"])} for turn in messages]
    if system and not (turns and turns[0]["role"] == "system"):
        turns.insert(0, {"role": "system", "content": strip_markers(system)})
    return chatml.render(turns, answer=add_generation_prompt)
