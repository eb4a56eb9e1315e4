"""Modelfiles: written, read, and read back the same."""

from typing import Any

import pytest

from llmops_assets.errors import ServingError
from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.modelfile import Modelfile, from_request, parse


@pytest.mark.parametrize(
    "modelfile",
    [
        Modelfile("./model.gguf"),
        Modelfile("./model.gguf", GO_TEMPLATE, "Be short.", {"temperature": 0.0, "num_ctx": 2048}, STOPS, ("MIT",)),
        Modelfile("base:1", system="Two\nlines", license=("First\n\n  indented", "Second")),
        Modelfile("base", messages=(("user", "Hi # there"), ("assistant", 'He said "hi" to me'))),
        Modelfile("base", parameters={"use_mmap": False, "top_p": 0.5, "seed": -1}),
        Modelfile("base", stops=("\n", " ", "<|im_end|>")),
    ],
)
def test_what_is_written_is_read_back(modelfile: Modelfile) -> None:
    assert parse(modelfile.text) == modelfile


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from a\n", Modelfile("a")),
        ("  FROM   a b \n", Modelfile("a b")),
        ("# comment\n\nFrOm a\nsystem hello there", Modelfile("a", system="hello there")),
        ('FROM a\nSYSTEM "quoted"\n', Modelfile("a", system="quoted")),
        ('FROM a\r\nSYSTEM """one\r\ntwo"""\r\n', Modelfile("a", system="one\r\ntwo")),
        ("PARAMETER temperature 0.2\nFROM a\nPARAMETER STOP x\nPARAMETER stop y\n", None),
        ("FROM a\nMESSAGE User hi\n", Modelfile("a", messages=(("user", "hi"),))),
    ],
)
def test_instructions_come_in_any_case_and_order(text: str, expected: Modelfile | None) -> None:
    assert parse(text) == (expected or Modelfile("a", parameters={"temperature": 0.2}, stops=("x", "y")))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("SYSTEM x\n", "a FROM line"),
        ("FROM a\nADAPTER b\n", "line 2: expected FROM, PARAMETER"),
        ("FROM a\nPARAMETER temperature hot\n", "line 2: expected PARAMETER temperature must be of type float32"),
        ("FROM a\nPARAMETER wisdom 7\n", "line 2: expected PARAMETER wisdom to be one that is known"),
        ("FROM a\nMESSAGE robot beep\n", "line 2: expected a role"),
        ('FROM a\nSYSTEM """never\nclosed\n', "line 2: expected closing"),
        ("FROM a\nnonsense\n", "line 2: expected an instruction and its value"),
    ],
)
def test_what_is_not_understood_is_named_with_its_line(text: str, error: str) -> None:
    with pytest.raises(ServingError, match=error) as raised:
        parse(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("system", ['three """ quotes', '"begins', 'ends"'])
def test_a_text_that_no_modelfile_can_say_is_refused(system: str) -> None:
    with pytest.raises(ServingError, match="quotes"):
        _ = Modelfile("a", system=system).text


def test_the_request_holds_what_create_takes() -> None:
    modelfile = Modelfile("a", "T", "S", {"top_k": 1}, ("x",), ("MIT",), (("user", "hi"),))
    fields: dict[str, Any] = {
        "template": "T",
        "system": "S",
        "parameters": {"top_k": 1, "stop": ["x"]},
        "license": ["MIT"],
        "messages": [{"role": "user", "content": "hi"}],
    }
    assert modelfile.request == fields
    assert from_request("a", fields) == modelfile
    assert Modelfile("a").request == {}
