"""Functions out of the source files of a package: read by `ast`, never imported.

One function: package "kombu", module "kombu/utils/url.py", name "parse_url", code without its docstring.
"""

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from llmops_assets.curation.collecting.carriers import Carrier, Progress, unpacked

NOT_OURS = re.compile(
    r"test|vendor|_pb2|antlr|generated|migrations|contrib/(?:gis|admin)|locale|examples|/ext/|_dist_ver|externals"
)
TOOL_COMMENT = re.compile(r"noqa|pylint|nosec|ruff:|pragma|type: ignore|pyre-|fmt:")


@dataclass(frozen=True)
class SourceFunction:
    """One function as the product sees it, and where it came from."""

    package: str
    module: str
    name: str
    code: str
    docstring: str
    decorated: bool

    @property
    def group(self) -> str:
        """All functions of one module stay on one side of a split."""
        return self.module

    @property
    def lines(self) -> int:
        """How many lines the code has."""
        return self.code.count("\n") + 1


def functions_in(folder: Path, package: str) -> Iterator[SourceFunction]:
    """Functions of every module below `folder` that belongs to the package itself, in a fixed order."""
    for path in sorted(folder.rglob("*.py")):
        module = path.relative_to(folder).as_posix()
        if NOT_OURS.search(module) or not module.startswith(package.split("/", maxsplit=1)[0]):
            continue
        try:
            yield from functions_of(path.read_text(encoding="utf-8"), package, module)
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue


def codes_in(carriers: Iterable[Carrier], folders: Mapping[str, str], cache: Path, progress: Progress) -> set[str]:
    """The text of every function of these packages: what packages have copied from each other stays out of training."""
    return {
        function.code
        for carrier in carriers
        for function in functions_in(unpacked(carrier, cache, progress), folders.get(carrier.name, carrier.name))
    }


def functions_of(source: str, package: str, module: str) -> list[SourceFunction]:
    """Functions of one module: dedented, without decorators, docstring and blank lines.

    Left out: functions that are a docstring only, that carry comments to a tool (they give the answer), that
    are not ASCII, or that do not parse alone.
    """
    lines = source.splitlines()
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        docstring = ast.get_docstring(node) or ""
        if docstring and len(node.body) == 1:
            continue
        code = _code(lines, node, skip_first=bool(docstring))
        if code and code.isascii() and not TOOL_COMMENT.search(code) and _parses(code):
            found.append(SourceFunction(package, module, node.name, code, docstring, bool(node.decorator_list)))
    return found


def _code(lines: list[str], node: ast.FunctionDef | ast.AsyncFunctionDef, *, skip_first: bool) -> str:
    first = node.body[0]
    skipped = range(first.lineno, (first.end_lineno or first.lineno) + 1) if skip_first else range(0)
    numbers = (number for number in range(node.lineno, (node.end_lineno or node.lineno) + 1) if number not in skipped)
    kept = [lines[number - 1].expandtabs(4).rstrip() for number in numbers]
    return textwrap.dedent("\n".join(line for line in kept if line))


def _parses(code: str) -> bool:
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError):
        return False
    return len(body) == 1 and isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef)
