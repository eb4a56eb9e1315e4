"""Reads the part of Go's text/template that chat templates use: fields, variables, if, range, and a few functions.

Anything else is refused with its name when the template is created, never half understood when it is used.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from llmops_assets.errors import ServingError

FUNCTIONS = frozenset(["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "len", "slice", "index"])
FIELDS = frozenset(
    [
        "Messages",
        "System",
        "Prompt",
        "Response",
        "Suffix",
        "Tools",
        "Role",
        "Content",
        "Thinking",
        "ToolCalls",
        "ToolName",
        "ToolCallID",
        "Images",
        "Think",
    ]
)
ACTION = re.compile(r"\{\{(?P<left>-(?=\s))?(?P<code>.*?)(?P<right>(?<=\s)-)?\}\}", re.DOTALL)
TOKEN = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<number>-?\d+)|(?P<path>\$?(?:\w+)?(?:\.\w+)+|\$\w*|\.)'
    r"|(?P<word>\w+)|(?P<mark>:=|=|\(|\)|,))"
)


class TemplateError(ServingError):
    """A template that this server cannot carry out."""


@dataclass(frozen=True)
class Path:
    """`.A.B`, `$x.A` or `.`: the variable it starts from ("." for the cursor), then field names."""

    start: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Literal:
    """A string, number or boolean."""

    value: Any


@dataclass(frozen=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple["Expression", ...]


Expression = Path | Literal | Call


@dataclass(frozen=True)
class Text:
    """What is printed as it stands."""

    value: str


@dataclass(frozen=True)
class Output:
    """An expression that is printed."""

    value: Expression


@dataclass(frozen=True)
class Assign:
    """`$x := value`, or `$x = value` for a variable that exists."""

    name: str
    value: Expression
    declares: bool


@dataclass(frozen=True)
class If:
    """A condition with what is done where it holds, and where not."""

    condition: Expression
    body: tuple["Node", ...]
    otherwise: tuple["Node", ...]


@dataclass(frozen=True)
class Range:
    """A loop; `names` are its variables (element, or index and element)."""

    names: tuple[str, ...]
    value: Expression
    body: tuple["Node", ...]
    otherwise: tuple["Node", ...]


Node = Text | Output | Assign | If | Range


@dataclass(frozen=True)
class Syntax:
    """A template that was read: its nodes, and every field that it names."""

    nodes: tuple[Node, ...]
    fields: frozenset[str]


def read(source: str) -> Syntax:
    """Reads a template.

    Raises:
        TemplateError: it is malformed, or uses what this server does not know.
    """
    reader = _Reader(list(_pieces(source)))
    nodes, ended = reader.block()
    if ended is not None:
        raise TemplateError(f"template: unexpected {{{{{ended}}}}}")
    return Syntax(nodes, frozenset(reader.fields))


def _pieces(source: str) -> Iterator[tuple[bool, str]]:
    """(is code, text), with the white space gone that `{{-` and `-}}` trim."""
    position, trim = 0, False
    for found in ACTION.finditer(source):
        text = source[position : found.start()]
        text = text.lstrip(" \t\r\n") if trim else text
        yield False, text.rstrip(" \t\r\n") if found["left"] else text
        if not found["code"].strip().startswith("/*"):
            yield True, found["code"].strip()
        position, trim = found.end(), found["right"] is not None
    rest = source[position:]
    if "{{" in rest:
        raise TemplateError("template: unclosed action")
    yield False, rest.lstrip(" \t\r\n") if trim else rest


@dataclass
class _Reader:
    pieces: list[tuple[bool, str]]
    at: int = 0
    fields: set[str] = field(default_factory=set)

    def block(self) -> tuple[tuple[Node, ...], str | None]:
        """Nodes up to `end` or `else`, and the code that ended them (None at the end of the template)."""
        nodes: list[Node] = []
        while self.at < len(self.pieces):
            is_code, text = self.pieces[self.at]
            self.at += 1
            word = text.split(maxsplit=1)[0] if is_code and text else ""
            if not is_code:
                nodes += [Text(text)] if text else []
            elif word in ("end", "else"):
                return tuple(nodes), text
            elif word in ("if", "range"):
                nodes.append(self.compound(word, text[len(word) :]))
            else:
                nodes.append(self.action(text))
        return tuple(nodes), None

    def compound(self, word: str, head: str) -> Node:
        body, ended = self.block()
        otherwise: tuple[Node, ...] = ()
        if ended is not None and ended != "end":
            rest = ended.removeprefix("else").strip()
            if rest.startswith("if"):
                otherwise, ended = (self.compound("if", rest[2:]),), "end"
            else:
                otherwise, ended = self.block()
        if ended != "end":
            raise TemplateError(f"template: {{{{{word}{head}}}}} has no end")
        if word == "if":
            return If(self.expression(head), body, otherwise)
        names, _, value = head.rpartition(":=")
        return Range(
            tuple(name.strip() for name in names.split(",") if name.strip()),
            self.expression(value),
            body,
            otherwise,
        )

    def action(self, code: str) -> Node:
        assigned = re.match(r"(\$\w+)\s*(:?=)\s*", code)
        if assigned:
            return Assign(assigned[1], self.expression(code[assigned.end() :]), assigned[2] == ":=")
        return Output(self.expression(code))

    def expression(self, code: str) -> Expression:
        tokens = list(_tokens(code.strip()))
        found = self.command(tokens)
        if tokens:
            raise TemplateError(f"template: cannot read {{{{{code.strip()}}}}}")
        return found

    def command(self, tokens: list[tuple[str, str]]) -> Expression:
        """A function with its arguments, or one operand; takes what it reads from `tokens`."""
        if not tokens or tokens[0][0] != "word" or tokens[0][1] in ("true", "false"):
            return self.operand(tokens)
        name = tokens.pop(0)[1]
        if name not in FUNCTIONS:
            raise TemplateError(f'template: function "{name}" is not supported by this server')
        arguments = []
        while tokens and tokens[0] != ("mark", ")"):
            arguments.append(self.operand(tokens))
        return Call(name, tuple(arguments))

    def operand(self, tokens: list[tuple[str, str]]) -> Expression:
        kind, text = tokens.pop(0) if tokens else ("", "")
        if kind == "string":
            return Literal(text[1:-1] if text[0] == "`" else text[1:-1].encode().decode("unicode_escape"))
        if kind == "number":
            return Literal(int(text))
        if kind == "path":
            return self.path(text)
        if (kind, text) == ("mark", "("):
            inside = self.command(tokens)
            if tokens and tokens.pop(0) == ("mark", ")"):
                return inside
        if text in ("true", "false"):
            return Literal(text == "true")
        raise TemplateError(f"template: cannot read {text or 'an empty action'!r}")

    def path(self, text: str) -> Path:
        start, *names = text.split(".") if text != "." else ["."]
        unknown = [name for name in names if name not in FIELDS]
        if unknown:
            raise TemplateError(f"template: field .{unknown[0]} is not supported by this server")
        self.fields.update(names)
        return Path(start or ".", tuple(names))


def _tokens(code: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(code):
        found = TOKEN.match(code, position)
        if found is None or found.lastgroup is None:
            raise TemplateError(f"template: cannot read {{{{{code}}}}}")
        yield found.lastgroup, found[found.lastgroup]
        position = found.end()
