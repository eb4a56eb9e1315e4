"""ChatML, the one prompt format of training and serving: no default system line, the turn ends with <|im_end|>."""

from collections.abc import Mapping, Sequence

TURN_START = "<|im_start|>"
TURN_END = "<|im_end|>"
PAD = "<|endoftext|>"
SPECIAL = (TURN_START, TURN_END, PAD)

JINJA = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def opening(role: str) -> str:
    """What stands before the content of a turn."""
    return f"{TURN_START}{role}\n"


def render(messages: Sequence[Mapping[str, str]], *, answer: bool = False) -> str:
    """The text of a conversation, as `JINJA` renders it; `answer` opens the assistant's turn."""
    turns = "".join(f"{opening(turn['role'])}{turn['content']}{TURN_END}\n" for turn in messages)
    return turns + opening("assistant") if answer else turns
