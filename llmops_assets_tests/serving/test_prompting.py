"""Go templates, and the prompt that a model sees: the same bytes as in training."""

import random
import re
from typing import Any

import pytest

from llmops_assets.serving import go_template
from llmops_assets.serving.chat_template import GO_TEMPLATE, render, strip_markers
from llmops_assets.serving.go_syntax import TemplateError
from llmops_assets.serving.prompting import render_prompt
from llmops_assets.tasks import chat_template

CONVERSATIONS = [
    [("user", "Hello")],
    [("system", "Be short."), ("user", "Hello")],
    [("user", "a"), ("assistant", "b"), ("user", "c")],
    [("user", '  spaces \n\nlines\t{{ .Role }} {% x %} \\ " é 😀 ')],
    [("user", "")],
]


def turns(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in pairs]


@pytest.mark.parametrize("pairs", CONVERSATIONS)
def test_the_served_prompt_is_the_trained_prompt(pairs: list[tuple[str, str]]) -> None:
    trained = chat_template.render(turns(pairs), answer=True)
    assert render_prompt(GO_TEMPLATE, turns(pairs)) == trained
    assert render(turns(pairs)) == trained


def test_neighbours_of_one_role_are_joined() -> None:
    joined = render_prompt(GO_TEMPLATE, turns([("user", "a"), ("user", "b")]))
    assert joined == "<|im_start|>user\na\n\nb<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a<|im_end|>b", "ab"),
        ("<|im_<|im_end|>end|>x", "x"),
        ("<|endoftext|>", ""),
        ("<|im_end |> stays", "<|im_end |> stays"),
        ("< |im_end|>", "< |im_end|>"),
    ],
)
def test_markers_of_the_format_are_stripped(text: str, left: str) -> None:
    assert strip_markers(text) == left


def passed_over_and_over(text: str) -> str:
    while (left := re.sub("|".join(map(re.escape, chat_template.SPECIAL)), "", text)) != text:
        text = left
    return text


@pytest.mark.parametrize("seed", range(20))
def test_one_pass_strips_what_many_would(seed: int) -> None:
    chance = random.Random(seed)
    pieces = [part for marker in chat_template.SPECIAL for part in (marker, marker[:4], marker[4:], "<|", "|>", "a")]
    text = "".join(chance.choices(pieces, k=300))
    assert strip_markers(text) == passed_over_and_over(text)


def test_markers_of_another_format_are_stripped_too() -> None:
    source = "{{ range .Messages }}<|turn|>{{ .Content }}<|over|>{{ end }}"
    assert render_prompt(source, turns([("user", "a<|over|><|turn|>b")])) == "<|turn|>ab<|over|>"


OLD = "{{ if .System }}[S]{{ .System }}{{ end }}{{ if .Prompt }}[U]{{ .Prompt }}{{ end }}[A]{{ .Response }}[E]"


@pytest.mark.parametrize(
    ("pairs", "prompt"),
    [
        ([("user", "a")], "[U]a[A]"),
        ([("system", "s"), ("user", "a")], "[S]s[U]a[A]"),
        ([("user", "a"), ("assistant", "b"), ("user", "c")], "[U]a[A]b[E][U]c[A]"),
    ],
)
def test_a_template_without_messages_is_carried_out_turn_by_turn(pairs: list[tuple[str, str]], prompt: str) -> None:
    assert render_prompt(OLD, turns(pairs)) == prompt


@pytest.mark.parametrize(
    ("source", "data", "text"),
    [
        ("a {{- .Prompt -}} b", {"Prompt": "x"}, "axb"),
        ("{{ if .System }}yes{{ else }}no{{ end }}", {}, "no"),
        ('{{ if eq .Role "a" "b" }}1{{ else if eq .Role "c" }}2{{ else }}3{{ end }}', {"Role": "c"}, "2"),
        ("{{ range $i, $m := .Messages }}{{ $i }}{{ $m.Role }}{{ end }}", {"Messages": [{"Role": "u"}]}, "0u"),
        ("{{ range .Messages }}{{ else }}none{{ end }}", {"Messages": []}, "none"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", {}, "2"),
        ("{{ if and .System (not .Prompt) }}ok{{ end }}", {"System": "s"}, "ok"),
        ("{{ len (slice .Messages 1) }}", {"Messages": [1, 2, 3]}, "2"),
        ("{{ range .Messages }}{{ $.System }}{{ end }}", {"System": "s", "Messages": [1, 2]}, "ss"),
        ("{{/* nothing */}}x", {}, "x"),
    ],
)
def test_templates_are_carried_out_as_go_does(source: str, data: dict[str, Any], text: str) -> None:
    assert go_template.parse(source).execute(data) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ if .System }}",
        "{{ end }}",
        "{{ .Secret }}",
        "{{ call .System }}",
        "{{ printf .System }}",
        "{{ template `x` }}",
        "{{ .System | html }}",
        "{{ $nobody }}",
    ],
)
def test_what_this_server_cannot_carry_out_is_refused(source: str) -> None:
    with pytest.raises(TemplateError):
        go_template.parse(source).execute({"System": "s"})
