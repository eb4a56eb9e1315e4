"""Where in a function a rule can be broken at all: what an engine can hold a review to.

A finding is about something that stands in its line: an assert, a handler, a call of zip. An answer that points at a line where
nothing of the kind stands is wrong for certain, and is asked for again with only such places to choose from. Whether the thing
is a mistake there, the syntax does not say: that is what the model is asked.
"""

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmops_assets.tasks import code_review
from llmops_assets.tasks.signature import UNREADABLE

UNCLEAR = frozenset("lIO")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def second_form(text: str, messages: Sequence[Mapping[str, str]], certain: bool) -> dict[str, Any] | None:
    """The form to ask again by, where an answer is not taken.

    Args:
        text: the first answer.
        messages: the conversation; its last turn is the request, one function.
        certain: not used: no review is a refusal.

    Returns:
        A JSON Schema; None where the answer stands, or the request is not one function.
    """
    del certain
    answer = code_review.parse(text)
    try:
        known = places(code_review.code_of(messages[-1]["content"]))
    except UNREADABLE:
        return None
    if answer is not None and all(item["rule"] in known.get(item["line"], ()) for item in answer["findings"]):
        return None
    return form(known)


def form(known: Mapping[int, Sequence[str]]) -> dict[str, Any]:
    """The JSON Schema of every review whose findings are at these places (line -> rules); none at all is one."""
    kinds = [code_review.finding_schema({"const": line}, rules) for line, rules in known.items()]
    return code_review.answer_schema({"anyOf": kinds}, code_review.MAX_FINDINGS if kinds else 0)


def places(code: str) -> dict[int, tuple[str, ...]]:
    """By line, from 1, the rules that something there could break.

    Raises:
        SyntaxError: the code does not parse.
        ValueError: it holds a null byte.
    """
    found: dict[int, set[str]] = {}
    for line, rule in _places(ast.parse(code), code.splitlines()):
        found.setdefault(line, set()).add(rule)
    return {line: tuple(sorted(found[line])) for line in sorted(found)}


def _places(tree: ast.Module, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    for number, text in enumerate(lines, 1):
        if text.lstrip().startswith(("else", "elif")):
            yield number, "needless else"
    nodes: Iterator[Any] = ast.walk(tree)
    for node in nodes:
        yield from ((node.lineno, rule) for rule in _of(node))
        for line, name in _bound(node) if node not in tree.body else ():
            if name in UNCLEAR:
                yield line, "unclear name"
            if hasattr(builtins, name):
                yield line, "shadows builtin"
        if isinstance(node, FUNCTIONS):
            defaults = [*node.args.defaults, *(value for value in node.args.kw_defaults if value is not None)]
            yield from ((value.lineno, "mutable default") for value in defaults)


KINDS: tuple[tuple[type[ast.AST], tuple[str, ...]], ...] = (
    (ast.Assert, ("assert in code",)),
    (ast.ExceptHandler, ("catches everything", "swallowed error")),
    (ast.Try, ("swallowed error",)),
    (ast.Global, ("global statement",)),
    (ast.Import, ("import inside function",)),
    (ast.ImportFrom, ("import inside function",)),
    (ast.Raise, ("raise without from",)),
)
CALLS = {"print": "leftover print", "zip": "zip without strict"}


def _of(node: Any) -> tuple[str, ...]:
    """The rules that a node of the tree may break by being there."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
        return (CALLS[node.func.id],)
    formatted = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"
    if formatted or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)):
        return ("old string formatting",)
    return next((rules for kind, rules in KINDS if isinstance(node, kind)), ())


def _bound(node: Any) -> Iterator[tuple[int, str]]:
    """Names that a node gives a meaning, each with its line."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.lineno, node.id
    elif isinstance(node, ast.arg):
        yield node.lineno, node.arg
    elif isinstance(node, ast.alias):
        yield node.lineno, node.asname or node.name
    elif isinstance(node, ast.ExceptHandler | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.lineno, node.name or ""
