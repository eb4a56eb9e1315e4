"""The twin of a function that breaks one rule: the same function without that, by the product's own fixes or by another name."""

import ast
import re
from itertools import dropwhile

from llmops_assets.tasks.review_fixes import fix, renamed

DEF = re.compile(r"(async\s+)?def\s")
OTHER_NAMES = {
    "all": "every", "any": "some", "bin": "folder", "bytes": "content", "callable": "func", "compile": "build", "copyright": "notice",
    "credits": "thanks", "dict": "mapping", "dir": "folder", "exec": "run", "exit": "leave", "file": "path", "filter": "condition",
    "float": "number", "format": "fmt", "hash": "digest", "help": "hint", "id": "key", "input": "data", "int": "number",
    "iter": "steps", "len": "length", "license": "terms", "list": "rows", "locals": "scope", "map": "mapping", "max": "upper",
    "min": "lower", "next": "following", "object": "target", "open": "opened", "ord": "order", "print": "show", "property": "prop",
    "range": "span", "repr": "text", "reversed": "backward", "round": "turn", "set": "group", "slice": "part", "sorted": "ordered",
    "str": "text", "sum": "total", "tuple": "pair", "type": "kind", "vars": "values", "zip": "archive",
}  # fmt: skip
"""What people call a thing instead of by the name of a builtin."""


def mended(code: str, line: int, rule: str, undone: str = "") -> str:
    """The function without its finding, empty where nothing here mends it.

    Args:
        code: the function.
        line: of the finding.
        rule: its name.
        undone: the function before its fix was undone, where it was: that is the twin.
    """
    if undone:
        return undone
    if rule == "shadows builtin":
        names = [name for name in _bound(code) if name in OTHER_NAMES]
        return next((text for name in names if (text := renamed(code, name, OTHER_NAMES[name]))), "")
    found = fix(code, line, rule)
    return _function(found.applied(code)) if found else ""


def _bound(code: str) -> list[str]:
    """Parameters and variables, in the order of the tree."""
    nodes = list(ast.walk(ast.parse(code)))
    arguments = [node.arg for node in nodes if isinstance(node, ast.arg)]
    return arguments + [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


def _function(code: str) -> str:
    """Without what a fix puts above the function: its imports."""
    return "\n".join(dropwhile(lambda line: not DEF.match(line), code.splitlines()))
