"""The linter as an oracle."""

from llmops_assets.tasks.linting import RUFF_VERSION, lint, ruff_binary


def test_the_binary_is_the_pinned_one() -> None:
    assert ruff_binary().name == "ruff"
    assert RUFF_VERSION.count(".") == 2


def test_findings_come_back_by_text_and_line() -> None:
    found = lint(["x = 1", "def f():\n    print(1)", "def f(:"], select=["T201"])
    assert found[0] == []
    assert [(one.line, one.code) for one in found[1]] == [(2, "T201")]
    assert found[2][0].code == "invalid-syntax"


def test_no_texts_give_no_findings() -> None:
    assert lint([], select=["T201"]) == []
