"""Clean functions of real packages with one fix undone, for rules that real code breaks too seldom to learn from.

`def first(items=None):` becomes `def first(items=[]):`. The linter labels the result: what it does not prove is not kept.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from llmops_assets.storage.atomic import sha256_bytes

Undo = Callable[["Source"], Iterator[str]]


@dataclass(frozen=True)
class Source:
    """One function, ready to be edited: its lines, its syntax tree, and a number that its text alone decides."""

    lines: tuple[str, ...]
    function: ast.FunctionDef | ast.AsyncFunctionDef
    dice: int

    @classmethod
    def of(cls, code: str) -> "Source":
        """The function that is all of `code`."""
        function = ast.parse(code).body[0]
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            raise TypeError(f"expected a function, got {type(function).__name__}")
        return cls(tuple(code.splitlines()), function, int(sha256_bytes(code.encode())[:8], 16))

    def pick(self, options: Sequence[str]) -> str:
        """One of the options, always the same for this text."""
        return options[self.dice % len(options)]

    def nodes(self) -> Iterator[ast.AST]:
        """All nodes of the tree."""
        return ast.walk(self.function)

    def replaced(self, node: ast.expr | ast.keyword, text: str) -> str:
        """The code with other text in the place of a node that stands in one line."""
        return self._with_spans([(node.lineno, node.col_offset, node.end_col_offset or 0)], text)

    def renamed(self, spots: Sequence[ast.Name], text: str) -> str:
        """The code with other text in the place of each of these names."""
        return self._with_spans([(spot.lineno, spot.col_offset, spot.end_col_offset or 0) for spot in spots], text)

    def _with_spans(self, spans: Sequence[tuple[int, int, int]], text: str) -> str:
        lines = list(self.lines)
        for number, start, end in sorted(spans, reverse=True):
            lines[number - 1] = lines[number - 1][:start] + text + lines[number - 1][end:]
        return "\n".join(lines)

    def with_lines(self, first: int, last: int, lines: Sequence[str]) -> str:
        """The code with other lines in the place of these (numbered from 1; `last` before `first`: inserted)."""
        return "\n".join([*self.lines[: first - 1], *lines, *self.lines[last:]])

    def indent(self, number: int) -> str:
        """The blanks before a line's first sign."""
        line = self.lines[number - 1]
        return line[: len(line) - len(line.lstrip())]


def undone(code: str, rule: str) -> list[str]:
    """The function with one fix for this rule undone, once for each place where that can be done."""
    return list(UNDO[rule](Source.of(code))) if rule in UNDO else []


def _mutable_default(source: Source) -> Iterator[str]:
    arguments = source.function.args
    named = [*arguments.posonlyargs, *arguments.args]
    pairs = list(zip(named[len(named) - len(arguments.defaults) :], arguments.defaults, strict=True))
    pairs += [(name, value) for name, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    for name, value in pairs:
        if isinstance(value, ast.Constant) and value.value is None and value.lineno == value.end_lineno:
            said = ast.unparse(name.annotation).casefold() if name.annotation else name.arg.casefold()
            text = "{}" if any(word in said for word in ("dict", "mapping", "kwargs", "options")) else "[]"
            yield source.replaced(value, text)


def _leftover_print(source: Source) -> Iterator[str]:
    for node in source.nodes():
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name, number = node.targets[0].id, node.end_lineno or node.lineno
        said = source.pick(
            [f"print({name})", f'print("{name}", {name})', f'print(f"{{{name}=}}")', f"print(repr({name}))"]
        )
        yield source.with_lines(number + 1, number, [f"{source.indent(node.lineno)}{said}"])


def _handlers(source: Source) -> Iterator[ast.ExceptHandler]:
    yield from (node for node in source.nodes() if isinstance(node, ast.ExceptHandler))


def _swallowed_error(source: Source) -> Iterator[str]:
    for handler in _handlers(source):
        first, last = handler.body[0].lineno, handler.body[-1].end_lineno or 0
        if first == handler.lineno:
            continue
        yield source.with_lines(first, last, [f"{source.indent(first)}pass"])


def _catches_everything(source: Source) -> Iterator[str]:
    for handler in _handlers(source):
        caught = handler.type
        if caught is None or caught.lineno != caught.end_lineno:
            continue
        yield source.replaced(caught, "Exception")
        if handler.name is None:
            number = handler.lineno
            yield source.with_lines(number, number, [f"{source.indent(number)}except:"])


def _raise_without_from(source: Source) -> Iterator[str]:
    for node in source.nodes():
        if not isinstance(node, ast.Raise) or node.cause is None or node.exc is None:
            continue
        number, end = node.exc.end_lineno or 0, node.exc.end_col_offset
        if number == node.cause.end_lineno:
            yield source.with_lines(number, number, [source.lines[number - 1][:end]])


def _global_statement(source: Source) -> Iterator[str]:
    taken = {argument.arg for argument in ast.walk(source.function.args) if isinstance(argument, ast.arg)}
    first = source.function.body[0].lineno
    for statement in source.function.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id not in taken and first > source.function.lineno:
            yield source.with_lines(first, first - 1, [f"{source.indent(first)}global {target.id}"])


def _unclear_name(source: Source) -> Iterator[str]:
    names = [node for node in source.nodes() if isinstance(node, ast.Name)]
    texts = [node for node in source.nodes() if isinstance(node, ast.JoinedStr)]
    hidden = {node.id for text in texts for node in ast.walk(text) if isinstance(node, ast.Name)}
    nested = {argument.arg for argument in source.nodes() if isinstance(argument, ast.arg)}
    letter = source.pick(["l", "l", "l", "I", "O"])
    for name in dict.fromkeys(node.id for node in names if isinstance(node.ctx, ast.Store)):
        if name in hidden or name in nested or letter in {node.id for node in names}:
            continue
        yield source.renamed([node for node in names if node.id == name], letter)


def _zip_without_strict(source: Source) -> Iterator[str]:
    for node in source.nodes():
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "zip":
            continue
        strict = next((word for word in node.keywords if word.arg == "strict"), None)
        if strict is not None and node.args and strict.lineno == node.args[-1].end_lineno:
            line = source.lines[strict.lineno - 1]
            kept = line[: node.args[-1].end_col_offset] + line[strict.end_col_offset or 0 :]
            yield source.with_lines(strict.lineno, strict.lineno, [kept])


UNDO: dict[str, Undo] = {
    "mutable default": _mutable_default,
    "leftover print": _leftover_print,
    "swallowed error": _swallowed_error,
    "catches everything": _catches_everything,
    "raise without from": _raise_without_from,
    "global statement": _global_statement,
    "unclear name": _unclear_name,
    "zip without strict": _zip_without_strict,
}
"""By the rule that the result breaks."""
