"""The fields of a request's JSON."""

import pytest

from llmops_assets.serving.api_errors import ApiError
from llmops_assets.serving.request_fields import read_fields


def test_null_counts_as_absent() -> None:
    fields = read_fields(b'{"a": null}', "X")
    assert (fields.text("a"), fields.flag("a", True), fields.mapping("a"), fields.items("a"), fields.number("a")) == (
        "",
        True,
        {},
        [],
        0,
    )


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "missing request body"),
        (b"{", "invalid JSON in the request body"),
        (b"[]", "json: cannot unmarshal array into Go struct field X of type object"),
    ],
)
def test_what_is_no_object_is_refused(body: bytes, error: str) -> None:
    with pytest.raises(ApiError, match=error) as raised:
        read_fields(body, "X")
    assert raised.value.status == 400


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("text", "cannot unmarshal number into Go struct field X.a of type string"),
        ("flag", "cannot unmarshal number into Go struct field X.a of type bool"),
        ("items", "cannot unmarshal number into Go struct field X.a of type"),
        ("mapping", "cannot unmarshal number into Go struct field X.a of type map"),
        ("texts", "cannot unmarshal number into Go struct field X.a of type"),
    ],
)
def test_a_wrong_type_is_named(read: str, text: str) -> None:
    with pytest.raises(ApiError, match=text):
        getattr(read_fields(b'{"a": 7}', "X"), read)("a")


def test_half_a_character_becomes_a_replacement() -> None:
    assert read_fields(rb'{"a": "x\ud83dy \ud83d\ude00"}', "X").text("a") == "x\ufffdy \U0001f600"
