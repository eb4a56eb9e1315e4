"""What counts as an override, and how it is shown."""

import pytest

from llmops_assets.errors import GateError
from llmops_assets.overrides import Override, read_override


@pytest.mark.parametrize("text", ["  ", "a demo", ": a demo", "Ana:", "Ana:  ", "-: a demo", "Ana: ...", "\x00: \x1b"])
def test_an_override_without_a_name_or_a_reason_is_refused(text: str) -> None:
    with pytest.raises(GateError, match='expected an override as "Name: reason", got '):
        read_override(text)


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("Ana: a demo", "Ana", "a demo"),
        ("  Ana  Bo :a\ndemo: on Monday ", "Ana Bo", "a demo: on Monday"),
        ("Zo\u00eb: \x1b[31mred", "Zo\u00eb", "[31mred"),
    ],
)
def test_an_override_is_one_line_of_plain_text(text: str, name: str, reason: str) -> None:
    assert read_override(text) == Override(name=name, reason=reason)


def test_nothing_said_is_no_override() -> None:
    assert read_override("") is None


def test_a_record_is_red_and_its_words_cannot_become_markup() -> None:
    record = Override(name="Ana", reason="<b>now</b>").used("eval_report", ["accuracy", "safety"])
    assert record.line == f"RED, let through by Ana on {record.at[:10]}: <b>now</b> (eval_report: accuracy, safety)"
    assert record.markdown.startswith('<span style="color:#cf222e">**RED, let through by Ana on ')
    assert "&lt;b&gt;now&lt;/b&gt;" in record.markdown
