"""Messages -> prompt by a model's Go template, with the rules of Ollama.

Turns of one role are joined, and a template without `.Messages` is carried out once a turn. Markers of the template's
format are stripped from what people wrote.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmops_assets.serving.chat_template import strip_markers
from llmops_assets.serving.go_syntax import Node, Output, Path
from llmops_assets.serving.go_template import GoTemplate, parse
from llmops_assets.tasks.chat_template import SPECIAL

Message = Mapping[str, Any]
MARKER = re.compile(r"<\|[^|<>\s]+\|>")
BETWEEN_JOINED = "\n\n"


def render_prompt(source: str, messages: Sequence[Message]) -> str:
    """The prompt for a conversation.

    Args:
        source: the Go template.
        messages: mappings with role and content.

    Raises:
        TemplateError: the template cannot be carried out.
    """
    template = parse(source)
    markers = (*SPECIAL, *sorted(set(MARKER.findall(source)) - set(SPECIAL)))
    turns = _joined([{**turn, "content": strip_markers(turn["content"], markers)} for turn in messages])
    if "Messages" in template.fields:
        return template.execute(_as_data(turns))
    return "".join(_turn_by_turn(template, turns))


def _joined(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Neighbours of one role become one turn, as Ollama does it."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if turns and turns[-1]["role"] == message["role"] != "tool":
            turns[-1]["content"] += BETWEEN_JOINED + message["content"]
        else:
            turns.append(dict(message))
    return turns


def _as_data(turns: Sequence[Message]) -> dict[str, Any]:
    systems = [turn["content"] for turn in turns if turn["role"] == "system"]
    return {
        "System": BETWEEN_JOINED.join(systems),
        "Messages": [{"Role": turn["role"], "Content": turn["content"]} for turn in turns],
    }


def _turn_by_turn(template: GoTemplate, turns: Sequence[Message]) -> Iterator[str]:
    """One execution a turn; the last one is cut where the model's response belongs."""
    waiting = {"System": "", "Prompt": "", "Response": ""}
    for turn in turns:
        begins_anew = {"system": waiting["Prompt"] or waiting["Response"], "user": waiting["Response"]}
        if begins_anew.get(turn["role"]):
            yield template.execute(waiting)
            waiting = {"System": "", "Prompt": "", "Response": ""}
        waiting[{"system": "System", "user": "Prompt"}.get(turn["role"], "Response")] = turn["content"]
    yield template.execute(waiting, _up_to_response(template.nodes))
    if "Response" not in template.fields:
        yield waiting["Response"]


def _up_to_response(nodes: Sequence[Node]) -> list[Node]:
    """The nodes before and with the one that prints `.Response`; all where none does."""
    kept: list[Node] = []
    for node in nodes:
        if isinstance(node, Output) and isinstance(node.value, Path) and node.value.names == ("Response",):
            return [*kept, node]
        kept.append(node)
    return kept
