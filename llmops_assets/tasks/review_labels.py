"""The right review of a function: what the linter finds in it, by line and rule of ours."""

import ast
from collections.abc import Sequence
from typing import Any

from llmops_assets.tasks.linting import Finding, lint
from llmops_assets.tasks.review_rules import BY_CODE

Review = dict[str, list[dict[str, Any]]]
"""An answer: {"findings": [{"line": 3, "rule": "zip without strict"}, ...]}, by line and rule."""


def linted(codes: Sequence[str]) -> list[list[Finding]]:
    """What the linter says of each function in the rules of the product.

    That the function itself is called like a builtin is left out: a method called `filter` hides nothing, and the function
    alone does not tell whether it is one.
    """
    found = lint(codes, select=sorted(BY_CODE))
    return [
        [finding for finding in findings if finding.code in BY_CODE and not _own_name(code, finding)]
        for code, findings in zip(codes, found, strict=True)
    ]


def _own_name(code: str, finding: Finding) -> bool:
    if finding.code != "A001":
        return False
    function = ast.parse(code).body[0]
    named = isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and f"`{function.name}`" in finding.message
    return named and finding.line == function.lineno


def label(codes: Sequence[str]) -> list[Review]:
    """The right answer for each function."""
    return [
        {"findings": [{"line": line, "rule": rule} for line, rule in sorted({place(code, one) for one in findings})]}
        for code, findings in zip(codes, linted(codes), strict=True)
    ]


def place(code: str, finding: Finding) -> tuple[int, str]:
    """Line and rule under which an answer names a finding."""
    rule = BY_CODE[finding.code].name
    # SIM105 points at the try, S110 at its except: one mistake, so one place.
    if finding.code != "SIM105":
        return finding.line, rule
    tries = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Try) and node.lineno == finding.line]
    return (tries[0].handlers[0].lineno if tries else finding.line), rule
