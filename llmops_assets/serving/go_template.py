"""Carries out the Go templates that `go_syntax` reads."""

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from llmops_assets.serving import go_syntax
from llmops_assets.serving.go_syntax import (
    Assign,
    Call,
    Expression,
    If,
    Literal,
    Node,
    Output,
    Range,
    TemplateError,
    Text,
)


@dataclass(frozen=True)
class GoTemplate:
    """A template, ready to be executed."""

    source: str
    nodes: tuple[Node, ...]
    fields: frozenset[str]

    def execute(self, data: Mapping[str, Any], nodes: Sequence[Node] | None = None) -> str:
        """The text for `data`, a mapping of the template's top-level fields; `nodes` carries out a part of it."""
        scope: ChainMap[str, Any] = ChainMap({"$": data, ".": data})
        return "".join(_run(self.nodes if nodes is None else nodes, scope))


@lru_cache(maxsize=64)
def parse(source: str) -> GoTemplate:
    """Reads a template.

    Raises:
        TemplateError: it is malformed, or uses what this server does not know.
    """
    syntax = go_syntax.read(source)
    return GoTemplate(source, syntax.nodes, syntax.fields)


def _run(nodes: Sequence[Node], scope: ChainMap[str, Any]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, Text):
            yield node.value
        elif isinstance(node, Output):
            yield _printed(_value(node.value, scope))
        elif isinstance(node, Assign):
            holder = next((part for part in scope.maps if node.name in part), scope.maps[0])
            (scope.maps[0] if node.declares else holder)[node.name] = _value(node.value, scope)
        elif isinstance(node, If):
            yield from _run(node.body if _value(node.condition, scope) else node.otherwise, scope.new_child())
        else:
            yield from _loop(node, scope)


def _loop(node: Range, scope: ChainMap[str, Any]) -> Iterator[str]:
    items = _value(node.value, scope)
    for index, item in enumerate(items or ()):
        inner = scope.new_child({".": item})
        inner.update(zip(node.names, (index, item) if len(node.names) == 2 else (item,), strict=False))
        yield from _run(node.body, inner)
    if not items:
        yield from _run(node.otherwise, scope.new_child())


def _value(expression: Expression, scope: ChainMap[str, Any]) -> Any:
    if isinstance(expression, Literal):
        return expression.value
    if isinstance(expression, Call):
        return FUNCTIONS[expression.name](*(_value(part, scope) for part in expression.arguments))
    if expression.start not in scope:
        raise TemplateError(f"template: undefined variable {expression.start}")
    value = scope[expression.start]
    for name in expression.names:
        value = value.get(name, "") if isinstance(value, Mapping) else ""
    return value


def _printed(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise TemplateError(f"template: cannot print a {type(value).__name__}")


def _and(*values: Any) -> Any:
    return next((value for value in values if not value), values[-1])


def _or(*values: Any) -> Any:
    return next((value for value in values if value), values[-1])


FUNCTIONS: dict[str, Any] = {
    "eq": lambda first, *others: first in others,
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: first < second,
    "le": lambda first, second: first <= second,
    "gt": lambda first, second: first > second,
    "ge": lambda first, second: first >= second,
    "and": _and,
    "or": _or,
    "not": lambda value: not value,
    "len": len,
    "slice": lambda value, *bounds: value[slice(*bounds) if len(bounds) == 2 else slice(bounds[0], None)],
    "index": lambda value, key: value[key],
}
