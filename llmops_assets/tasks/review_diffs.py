"""A unified diff as a request: the one function that it adds lines to, and where that stands in the new file.

`git diff --function-context` shows functions whole.
"""

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmops_assets.errors import DataError
from llmops_assets.tasks.signature import UNREADABLE

HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@", re.MULTILINE)
HEADER = re.compile(r"^\+\+\+ ", re.MULTILINE)
DEF = re.compile(r"(?P<indent>\s*)(?:async\s+)?def\s")
CLOSING = (")", "]", "}")


@dataclass(frozen=True)
class Touched:
    """A function that a diff adds lines to.

    Attributes:
        code: the function after the change, dedented.
        path: of the new file.
        first: the function's first line there (1 is the file's first).
        indent: what stood before each line.
        added: the function's own lines (1 is its first) that are new.
    """

    code: str
    path: str
    first: int
    indent: str
    added: frozenset[int]


def is_diff(text: str) -> bool:
    """Whether a request is a unified diff."""
    return bool(HUNK.search(text) and HEADER.search(text))


def touched(diff: str) -> list[Touched]:
    """The functions that a diff adds lines to, as far as its hunks show them; one inside another belongs to that.

    Raises:
        DataError: it is no whole unified diff.
    """
    from unidiff.errors import UnidiffParseError
    from unidiff.patch import PatchSet

    try:
        files = PatchSet(diff if diff.endswith("\n") else f"{diff}\n")
    except UnidiffParseError as error:
        raise DataError(f"expected a whole unified diff, got one that cannot be read: {error}") from error
    shown = [
        (
            file.path,
            [_Line(line.value.rstrip("\r\n"), line.target_line_no or 0, line.is_added) for line in hunk.target_lines()],
        )
        for file in files
        for hunk in file
    ]
    return [function for path, lines in shown for function in _functions(path, lines) if function.added]


@dataclass(frozen=True)
class _Line:
    text: str
    number: int
    added: bool


def _functions(path: str, lines: Sequence[_Line]) -> Iterator[Touched]:
    start = 0
    while start < len(lines):
        head = DEF.match(lines[start].text)
        end = _end(lines, start, len(head["indent"])) if head else start
        code = textwrap.dedent("\n".join(line.text for line in lines[start:end]))
        if head and _is_function(code):
            added = frozenset(number for number, line in enumerate(lines[start:end], 1) if line.added)
            yield Touched(code, path, lines[start].number, head["indent"], added)
            start = end
        else:
            start += 1


def _end(lines: Sequence[_Line], start: int, indent: int) -> int:
    """Behind the last line of the block that begins at `start`, without the blank ones at its end."""
    end = start + 1
    for place in range(start + 1, len(lines)):
        text = lines[place].text
        if not text.strip():
            continue
        # A signature over several lines is closed at the level of its `def`.
        if len(text) - len(text.lstrip()) <= indent and not text.lstrip().startswith(CLOSING):
            break
        end = place + 1
    return end


def _is_function(code: str) -> bool:
    try:
        body = ast.parse(code).body
    except UNREADABLE:
        return False
    return len(body) == 1 and isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef)
