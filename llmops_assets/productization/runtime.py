"""What of this project a buyer needs to run the model: its serving code, and the pinned packages that code imports.

Both follow from the imports, so that nothing is forgotten when the serving code changes.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import llmops_assets
from llmops_assets.errors import PackagingError
from llmops_assets.storage import atomic

PACKAGE = "llmops_assets"
SERVING_CODE = ("serving", "tasks", "guard/guarding")
"""Packages whole, and modules without their package: the guard's training is not sold."""
CLASSIFIER_CODE = frozenset({Path("guard/encoder.py"), Path("guard/scoring.py"), Path("tasks/minilm.py")})
"""What runs only where a trained guard ships, or in an evaluation: elsewhere its packages (torch and more) need not be there."""
SCRIPT_PACKAGES = frozenset({"ollama", "httpx"})
"""What the bundle's own scripts and client import."""
DYNAMIC_IMPORTS = frozenset({"find_spec", "import_module"})


@dataclass(frozen=True)
class Requirement:
    """A package of the runtime, pinned to what it was tested with."""

    name: str
    version: str
    licence: str
    direct: bool

    @property
    def pin(self) -> str:
        """The line of requirements.txt."""
        return f"{self.name}=={self.version}"


def project_root() -> Path:
    """The folder that holds the package."""
    return Path(llmops_assets.__file__).resolve().parent


def runtime_files(code: Sequence[str] = SERVING_CODE) -> tuple[Path, ...]:
    """The files of these packages and modules, and of all of the project that they import, relative to the package.

    Raises:
        PackagingError: one is not there.
    """
    root = project_root()
    found: set[Path] = set()
    for name in code:
        package = root / name
        if package.with_suffix(".py").exists():
            found |= _files_of(root, ".".join((PACKAGE, *Path(name).parts)))
            continue
        if not (package / "__init__.py").exists():
            raise PackagingError(
                f"expected the package {PACKAGE}.{name} for the runtime, found none; install the project whole"
            )
        found.update(path for path in atomic.files_in(package) if "__pycache__" not in path.parts)
    waiting = [path for path in found if path.suffix == ".py"]
    while waiting:
        for module in imported_modules(waiting.pop()):
            for path in _files_of(root, module) - found:
                found.add(path)
                waiting.append(path)
    return tuple(sorted(path.relative_to(root) for path in found))


def imported_modules(source: Path) -> set[str]:
    """Every module that a file imports, inside functions too; of `from a import b` both `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            names.update(_named_in_call(node))
    return names


def _named_in_call(call: ast.Call) -> set[str]:
    """The module of `find_spec("x")` or `import_module("x")`."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    first = call.args[0] if call.args else None
    if called in DYNAMIC_IMPORTS and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return {first.value}
    return set()


def _files_of(root: Path, module: str) -> set[Path]:
    """The file of a module of ours and the `__init__.py` of every package above it; nothing for other modules."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return set()
    files = {root.joinpath(*parts[1:depth], "__init__.py") for depth in range(1, len(parts) + 1)}
    files.add(root.joinpath(*parts[1:-1], f"{parts[-1]}.py") if len(parts) > 1 else root / "__init__.py")
    return {path for path in files if path.exists()}


def requirements(files: Sequence[Path], programs: Sequence[str] = ()) -> tuple[Requirement, ...]:
    """The pinned packages that these files and the bundle's scripts import, with all that those need, by name.

    Args:
        files: relative to the package.
        programs: packages that are run, not imported.
    """
    root = project_root()
    tops = {name.split(".")[0] for path in files if path.suffix == ".py" for name in imported_modules(root / path)}
    owners = metadata.packages_distributions()
    direct = {_normal(owner) for top in (tops | SCRIPT_PACKAGES) - {PACKAGE} for owner in owners.get(top, [])}
    direct |= set(programs)
    every: set[str] = set()
    waiting = sorted(direct)
    while waiting:
        name = waiting.pop()
        if name not in every:
            every.add(name)
            waiting.extend(_needs(name))
    return tuple(_requirement(name, name in direct) for name in sorted(every))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needs(name: str) -> Iterator[str]:
    from packaging.requirements import Requirement as Line

    for text in metadata.requires(name) or []:
        line = Line(text)
        if line.marker is None or line.marker.evaluate({"extra": ""}):
            yield _normal(line.name)


def _requirement(name: str, direct: bool) -> Requirement:
    about = metadata.metadata(name).json
    declared = str(about.get("license_expression") or about.get("license") or "").strip()
    classes = [line.split(" :: ")[-1] for line in about.get("classifier", []) if line.startswith("License ::")]
    short = declared if 0 < len(declared) <= 60 else ""
    # A local label ("+cpu") names a build that no public index has.
    version = metadata.version(name).split("+")[0]
    return Requirement(name, version, short or " AND ".join(classes) or "see the package", direct)
