"""What a function's code promises, read from its syntax tree: parameters, result, errors, words."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's parser, and a walk along its tree, say of a text: it is no code, or nested too deeply."""
STEM = 5
STOP = frozenset((
    "the", "a", "an", "of", "to", "in", "for", "and", "or", "if", "is", "are", "be", "it", "its", "this",
    "that", "with", "by", "from", "on", "at", "as", "into", "when", "whether", "not", "no", "all", "any",
    "each", "given", "which", "will", "should", "can", "has", "have", "was", "were", "than", "then", "return",
    "returns", "get", "set", "method", "function", "object", "value",
))  # fmt: skip


@dataclass(frozen=True)
class Signature:
    """What a docstring of this function has to speak of."""

    name: str
    parameters: tuple[str, ...]
    returns: bool
    yields: bool
    raises: tuple[str, ...]


def read_signature(code: str) -> Signature | None:
    """The signature of a text that holds exactly one function, else None."""
    try:
        body = ast.parse(code).body
        return _signature(body[0]) if len(body) == 1 and isinstance(body[0], Function) else None
    except UNREADABLE:
        return None


def _signature(node: Function) -> Signature:
    own = list(_own_nodes(node))
    yields = any(isinstance(child, ast.Yield | ast.YieldFrom) for child in own)
    return Signature(node.name, _parameters(node), not yields and _returns(own), yields, _raises(own))


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of the body, those of inner functions, lambdas and classes left out."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _own_nodes(child)


def _parameters(node: Function) -> tuple[str, ...]:
    args = node.args
    names = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    names = names[1:] if names[:1] in (["self"], ["cls"]) else names
    names += [args.vararg.arg] if args.vararg else []
    names += [arg.arg for arg in args.kwonlyargs]
    names += [args.kwarg.arg] if args.kwarg else []
    return tuple(name for name in names if not name.startswith("_"))


def _returns(own: list[ast.AST]) -> bool:
    values = [child.value for child in own if isinstance(child, ast.Return)]
    return any(value is not None and not (isinstance(value, ast.Constant) and value.value is None) for value in values)


def _raises(own: list[ast.AST]) -> tuple[str, ...]:
    names = []
    for child in own:
        if isinstance(child, ast.Raise) and child.exc is not None:
            raised = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            name = ast.unparse(raised).rsplit(".", maxsplit=1)[-1]
            names += [name] if name[:1].isupper() else []
    return tuple(dict.fromkeys(names))


def stems(text: str) -> frozenset[str]:
    """The first letters of the words of a text, identifiers taken apart, little words left out."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text.replace("_", " "))
    return frozenset(word.lower()[:STEM] for word in words if len(word) > 2 and word.lower() not in STOP)


def insert_docstring(code: str, docstring: str) -> str:
    """The function with this docstring as the first statement of its body."""
    lines = code.splitlines()
    node = ast.parse(code).body[0]
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return code
    first = node.body[0]
    if first.lineno == node.lineno:
        return code
    at = min(first.lineno, *(one.lineno for one in getattr(first, "decorator_list", [])), first.lineno)
    indent = " " * first.col_offset
    text = docstring.replace("\\", "\\\\").replace('"""', "'''")
    inner = [f"{indent}{line}".rstrip() for line in f'"""{text}'.splitlines()]
    tail = [f'{indent}"""'] if len(inner) > 1 else []
    if not tail:
        inner[0] += '"""'
    return "\n".join([*lines[: at - 1], *inner, *tail, *lines[at - 1 :]])
