"""Fills the folder of a bundle: model, runtime, papers, scripts, and copies of what other stages wrote."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from llmops_assets.errors import PackagingError
from llmops_assets.productization import bundle_verify
from llmops_assets.productization.documents import PORT, model_file, model_name
from llmops_assets.productization.inputs import BundleInputs
from llmops_assets.productization.openapi import write_openapi
from llmops_assets.productization.runtime import PACKAGE, Requirement, project_root
from llmops_assets.productization.sbom import write_sbom
from llmops_assets.recipes.product import ProductConfig
from llmops_assets.serving.modelfile import parse
from llmops_assets.storage import atomic
from llmops_assets.storage.manifests import MANIFEST

LICENCE_TEXTS = Path(__file__).parent / "licences"


def fill_tree(
    root: Path,
    *,
    product: ProductConfig,
    inputs: BundleInputs,
    documents: Mapping[str, str],
    runtime: Sequence[Path],
    needed: Sequence[Requirement],
    epoch: int,
) -> None:
    """Writes everything but the manifest, the digests and the signature.

    Raises:
        PackagingError: a file that the bundle needs is not there.
    """
    _model(root / "model", product, inputs)
    _runtime(root / "runtime", runtime, needed)
    for name, text in documents.items():
        add_file(root / name, text.encode())
    _copies(root, product, inputs)
    _licence_texts(root / "licences", inputs)
    first = inputs.examples[0]
    openapi = write_openapi(
        product,
        url=f"http://127.0.0.1:{PORT}",
        model=model_name(product),
        request=first.request,
        answer=first.answer,
        schema=inputs.schema,
    )
    add_file(root / "integration/api/openapi.yaml", openapi.encode())
    add_file(root / "sbom.cdx.json", write_sbom(product, inputs, needed, epoch).encode())
    copy_file(Path(bundle_verify.__file__), root / "verify.py")


def add_file(path: Path, data: bytes) -> None:
    """A plain file; the folder as a whole is synced by the archive that is made from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def copy_file(source: Path, target: Path) -> None:
    """A copy of a file that another stage wrote.

    Raises:
        PackagingError: it is not there.
    """
    if not source.is_file():
        raise PackagingError(
            f"expected {source} for the bundle's {target.name}, found none; run the stage that writes it"
        )
    if target.exists():
        raise PackagingError(
            f"expected a name of its own for {source}, but the bundle has a {target.name} already; rename it"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _copy_folder(source: Path, target: Path) -> None:
    """All files of an artifact but the store's own manifest."""
    files = [path for path in atomic.files_in(source) if path != source / MANIFEST] if source.is_dir() else []
    if not files:
        raise PackagingError(f"expected files in {source} for the bundle's {target.name}, found none; make it again")
    for path in files:
        copy_file(path, target / path.relative_to(source))


def _model(folder: Path, product: ProductConfig, inputs: BundleInputs) -> None:
    folder.mkdir()
    gguf = folder / model_file(product)
    try:
        os.link(inputs.gguf, gguf)
    except OSError:
        shutil.copyfile(inputs.gguf, gguf)
    modelfile = replace(parse(inputs.modelfile), from_=f"./{gguf.name}")
    add_file(folder / "Modelfile", modelfile.text.encode())
    copy_file(inputs.task_page, folder / "TASK.md")
    if inputs.schema is not None:
        copy_file(inputs.schema, folder / "schema.json")
    if inputs.guard is not None:
        _copy_folder(inputs.guard.folder, folder / "guard")


def _runtime(folder: Path, files: Sequence[Path], needed: Sequence[Requirement]) -> None:
    for name in files:
        copy_file(project_root() / name, folder / PACKAGE / name)
    add_file(folder / "requirements.txt", "".join(f"{requirement.pin}\n" for requirement in needed).encode())


def _copies(root: Path, product: ProductConfig, inputs: BundleInputs) -> None:
    copy_file(inputs.evaluation_html, root / "evaluation/eval_report.html")
    add_file(root / "evaluation/eval_report.json", atomic.to_json(dict(inputs.evaluation)).encode())
    add_file(root / "evaluation/gates.json", atomic.to_json(inputs.gates_summary).encode())
    _copy_folder(inputs.monitoring, root / "monitoring")
    for name in product.documentation_paths:
        copy_file(inputs.project_root / name, root / "docs" / Path(name).name)


def _licence_texts(folder: Path, inputs: BundleInputs) -> None:
    """The texts of the licences that components use, as far as their terms ask for the text to travel along."""
    used = " ".join(component.licence.lower() for component in inputs.components)
    for text in atomic.files_in(LICENCE_TEXTS):
        if text.stem.lower() in used:
            copy_file(text, folder / text.name)
