"""What to write instead: for a finding that code can mend, the lines that remove it, proven by the linter.

The linter's own edits come first; for the rules that it names without mending, edits stand here. What only a person can
decide has none: which error to catch, what a global shall become, how a parameter is called.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TypeVar

from llmops_assets.tasks.linting import Edit, Finding, Place, edited
from llmops_assets.tasks.review_labels import linted, place
from llmops_assets.tasks.signature import UNREADABLE

MAX_STEPS = 4
OPPOSITES: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
"""Not the orders: `not a < b` is no `a >= b` where one is NaN."""
CLEARER = {"l": "items", "O": "other", "I": "index"}


@dataclass(frozen=True)
class Replacement:
    """Lines `first` to `last` of a function (1 is its first) become `text`; `last` is `first` - 1 where it only adds lines."""

    first: int
    last: int
    text: str

    def applied(self, code: str) -> str:
        """The function with it."""
        lines = code.splitlines()
        return "\n".join([*lines[: self.first - 1], *self.text.splitlines(), *lines[self.last :]])


def fix(code: str, line: int, rule: str) -> Replacement | None:
    """What removes a finding, or None where it is no finding or nothing here removes it.

    The result parses, has that finding no more, and none that was not there. About 30 ms a text that is tried, for the linter.

    Args:
        code: one dedented function.
        line: of the finding.
        rule: its name.

    Raises:
        EvaluationError: the linter did not run.
    """
    found = [finding for where, finding in _placed(code) if where == (line, rule)]
    if not found:
        return None
    allowed = _rules(code) - Counter([rule])
    for text in _candidates(code, line, rule, found):
        if text != code and _parses(text) and _rules(text) <= allowed:
            return _replacement(code, text)
    return None


@lru_cache(maxsize=64)
def _placed(code: str) -> tuple[tuple[tuple[int, str], Finding], ...]:
    """What the linter finds, by line and rule; remembered, for a fix asks several times about the same text."""
    return tuple((place(code, finding), finding) for finding in linted([code])[0])


def _rules(code: str) -> Counter[str]:
    return Counter(rule for _, rule in {where for where, _ in _placed(code)})


def _parses(code: str) -> bool:
    try:
        compile(code, "fix", "exec", ast.PyCF_ONLY_AST)
    except UNREADABLE:
        return False
    return True


def _candidates(code: str, line: int, rule: str, found: Sequence[Finding]) -> Iterator[str]:
    for finding in found:
        # `%` becomes `.format` first and that an f-string; of `elif ... else` the one goes after the other.
        steps, text = 0, code
        while finding.edits and steps < MAX_STEPS:
            steps, text = steps + 1, edited(text, finding.edits)
            if not _parses(text):
                break
            yield text
            left = [one for (_, name), one in _placed(text) if name == rule and one.line >= line and one.edits]
            finding = left[0] if left else replace(finding, edits=())
    if rule in MENDERS:
        yield from MENDERS[rule](code, line)


def _replacement(code: str, text: str) -> Replacement:
    before, after = code.splitlines(), text.splitlines()
    changes = [
        change for change in SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if change[0] != "equal"
    ]
    (_, start, _, new_start, _), (_, _, end, _, new_end) = changes[0], changes[-1]
    return Replacement(start + 1, end, "\n".join(after[new_start:new_end]))


def _with_cause(code: str, line: int) -> Iterator[str]:
    """`raise New()` inside `except Old:` -> `raise New() from error`, the error named where it was not."""
    for handler in _nodes(code, ast.ExceptHandler):
        raises = [node for node in ast.walk(handler) if isinstance(node, ast.Raise) and node.lineno == line]
        if not raises or raises[0].exc is None or raises[0].cause is not None:
            continue
        name = handler.name or _free("error", code)
        edits = [_after(code, raises[0], f" from {name}")]
        if handler.name is None and handler.type is not None:
            edits.append(_after(code, handler.type, f" as {name}"))
        yield edited(code, edits)


def _raising(code: str, line: int) -> Iterator[str]:
    """`assert x, y` -> `if not x: raise AssertionError(y)`, on two lines."""
    for node in _nodes(code, ast.Assert):
        if node.lineno == line:
            test = _negated(node.test)
            said = ast.unparse(node.msg) if node.msg else ""
            indent = " " * node.col_offset
            yield edited(code, [_instead(code, node, f"if {test}:\n{indent}    raise AssertionError({said})")])


def _negated(test: ast.expr) -> str:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return ast.unparse(test.operand)
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in OPPOSITES:
        return ast.unparse(ast.Compare(test.left, [OPPOSITES[type(test.ops[0])]()], test.comparators))
    return ast.unparse(ast.UnaryOp(ast.Not(), test))


def _import_above(code: str, line: int) -> Iterator[str]:
    """The import before the function instead of in it."""
    for node in [*_nodes(code, ast.Import), *_nodes(code, ast.ImportFrom)]:
        if node.lineno == line:
            lines = code.splitlines()
            yield "\n".join([ast.unparse(node), "", "", *lines[: node.lineno - 1], *lines[node.end_lineno :]])


def _renamed(better: Callable[[str], str]) -> Callable[[str, int], Iterator[str]]:
    """Renames the variables that a line binds, all over the function; parameters keep the names that callers know."""

    def mend(code: str, line: int) -> Iterator[str]:
        names, parameters = _nodes(code, ast.Name), {node.arg for node in _nodes(code, ast.arg)}
        bound = [node.id for node in names if isinstance(node.ctx, ast.Store) and node.lineno == line]
        for old in dict.fromkeys(bound):
            text = renamed(code, old, better(old)) if better(old) and old not in parameters else ""
            if text:
                yield text

    return mend


def renamed(code: str, old: str, new: str) -> str:
    """The function with another name for one of its variables or parameters, or for `new` with underscores where that is taken.

    Empty where the name is more than that: a global, an error's or an import's name, or used in a class, a function inside,
    or an f-string (whose places Python 3.11 does not tell).
    """
    if old in _fixed_names(code):
        return ""
    new = _free(new, code)
    uses = [_instead(code, node, new) for node in _nodes(code, ast.Name) if node.id == old]
    for node in _nodes(code, ast.arg):
        if node.arg == old:
            start = _characters(code, node.lineno, node.col_offset)
            uses.append(Edit(start, (start[0], start[1] + len(old)), new))
    return edited(code, uses)


def _fixed_names(code: str) -> set[str]:
    fixed = {node.name or "" for node in _nodes(code, ast.ExceptHandler)}
    fixed |= {alias.asname or alias.name for alias in _nodes(code, ast.alias)}
    declared = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Global | ast.Nonlocal)]
    fixed |= {name for node in declared for name in node.names}
    inner: list[ast.AST] = [*_nodes(code, ast.ClassDef), *_nodes(code, ast.Lambda), *_nodes(code, ast.JoinedStr)]
    functions = [*_nodes(code, ast.FunctionDef), *_nodes(code, ast.AsyncFunctionDef)]
    inner += [node for node in functions if node.col_offset]
    for node in inner:
        fixed |= {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
        fixed |= {argument.arg for argument in ast.walk(node) if isinstance(argument, ast.arg)}
    return fixed


Node = TypeVar("Node", bound=ast.AST)


def _nodes(code: str, kind: type[Node]) -> list[Node]:
    return [node for node in ast.walk(ast.parse(code)) if isinstance(node, kind)]


def _free(name: str, code: str) -> str:
    """The name, with underscores behind it until nothing is called so."""
    taken = {node.id for node in _nodes(code, ast.Name)} | {node.arg for node in _nodes(code, ast.arg)}
    while name in taken:
        name += "_"
    return name


def _instead(code: str, node: ast.stmt | ast.expr, text: str) -> Edit:
    return Edit(_characters(code, node.lineno, node.col_offset), _end(code, node), text)


def _after(code: str, node: ast.stmt | ast.expr, text: str) -> Edit:
    return Edit(_end(code, node), _end(code, node), text)


def _end(code: str, node: ast.stmt | ast.expr) -> Place:
    return _characters(code, node.end_lineno or node.lineno, node.end_col_offset or 0)


def _characters(code: str, line: int, offset: int) -> Place:
    """A place as the linter counts: columns are characters from 1, where the syntax tree has bytes from 0."""
    return line, len(code.splitlines()[line - 1].encode()[:offset].decode()) + 1


MENDERS: Mapping[str, Callable[[str, int], Iterator[str]]] = {
    "assert in code": _raising,
    "import inside function": _import_above,
    "raise without from": _with_cause,
    "shadows builtin": _renamed(lambda name: f"{name}_"),
    "unclear name": _renamed(lambda name: CLEARER.get(name, "")),
}
"""Edits for rules that the linter does not mend: (code, line) -> texts to try."""
