"""Names as Ollama reads and prints them."""

import pytest

from llmops_assets.serving.model_names import InvalidNameError, parse_name


@pytest.mark.parametrize(
    ("text", "parts", "printed"),
    [
        ("tiny", ("registry.ollama.ai", "library", "tiny", "latest"), "tiny:latest"),
        ("tiny:1.4.0", ("registry.ollama.ai", "library", "tiny", "1.4.0"), "tiny:1.4.0"),
        ("team/tiny", ("registry.ollama.ai", "team", "tiny", "latest"), "team/tiny:latest"),
        (
            "host.example:8080/team/tiny:q8",
            ("host.example:8080", "team", "tiny", "q8"),
            "host.example:8080/team/tiny:q8",
        ),
        ("_a.b-c", ("registry.ollama.ai", "library", "_a.b-c", "latest"), "_a.b-c:latest"),
    ],
)
def test_a_name_has_parts_and_prints_short(text: str, parts: tuple[str, ...], printed: str) -> None:
    name = parse_name(text)
    assert name.parts == parts
    assert str(name) == printed
    assert parse_name(printed) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":tag",
        "tiny:",
        "/tiny",
        "a//b",
        "a/b/c/d",
        "..",
        "../tiny",
        "a/../b",
        "-tiny",
        "tiny name",
        "te.am/tiny",
        "tiny:a/b",
        "tiny\n",
        "tiny:x\n",
        "a" * 81,
        "tiny:" + "b" * 81,
        "té",
        "tiny\x00",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError, match="invalid model name"):
        parse_name(text)


def test_names_of_80_characters_are_names() -> None:
    assert parse_name("a" * 80 + ":" + "b" * 80).tag == "b" * 80


def test_case_does_not_make_another_model() -> None:
    assert parse_name("Team/Tiny:Latest").key == parse_name("team/tiny").key
    assert parse_name("tiny:1").key != parse_name("tiny:2").key
