"""Builds the archive that a buyer unpacks and runs: the same inputs and key give the same bytes."""

import os
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from llmops_assets.errors import GateError, PackagingError
from llmops_assets.productization import bundle_verify
from llmops_assets.productization.archive import safe_extract, write_archive
from llmops_assets.productization.bundle_tree import add_file, fill_tree
from llmops_assets.productization.bundle_verify import PUBLIC_KEY, SIGNATURE, SUMS, Verification
from llmops_assets.productization.documents import document_context, model_file, render_documents
from llmops_assets.productization.inputs import BundleInputs
from llmops_assets.productization.licensing import LicenceVerdict, require_sellable
from llmops_assets.productization.measures import Measure
from llmops_assets.productization.runtime import CLASSIFIER_CODE, requirements, runtime_files
from llmops_assets.productization.signing import fingerprint, public_pem
from llmops_assets.recipes.product import ProductConfig
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import SCRATCH

MANIFEST = "manifest.json"
SUMMARY = "bundle.json"


@dataclass(frozen=True)
class BundleResult:
    """The finished archive and what is in it."""

    archive: Path
    sha256: str
    size: int
    files: int
    manifest: dict[str, Any]
    verdicts: tuple[LicenceVerdict, ...]
    measures: tuple[Measure, ...]

    def metadata(self) -> dict[str, Any]:
        """A JSON-able summary; it lies beside the archive as `bundle.json`."""
        return {
            "archive": self.archive.name,
            "sha256": self.sha256,
            "size": self.size,
            "files": self.files,
            "manifest": self.manifest,
            "licences": [verdict.row() for verdict in self.verdicts],
            "measures": [asdict(measure) for measure in self.measures],
        }


def build_epoch(product: ProductConfig) -> int:
    """The time that everything in a bundle carries: SOURCE_DATE_EPOCH, or the release's date in the recipe.

    Raises:
        PackagingError: SOURCE_DATE_EPOCH is no number of seconds.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given and not given.isdigit():
        raise PackagingError(f"expected seconds since 1970 in SOURCE_DATE_EPOCH, got {given!r}; unset it")
    return int(given) if given else int(datetime.combine(product.release.date, time(), UTC).timestamp())


def build_bundle(work: Path, *, product: ProductConfig, inputs: BundleInputs, key: Ed25519PrivateKey) -> BundleResult:
    """Writes `<slug>-<version>.tar.gz` and `bundle.json` into `work`.

    Args:
        work: the folder to write into; what a killed build left in its scratch is thrown away.
        product: the recipe's section.
        inputs: files and facts of the stages before.
        key: signs the digests, see `signing.signing_key`.

    Raises:
        GateError: the verdict is red and nobody let it through.
        LicenceError: a component may not be sold.
        PackagingError: an input is missing, or is not what was evaluated.
    """
    _require_judged(product, inputs)
    verdicts = require_sellable(inputs.components, product.license_terms, product.product_name)
    epoch, pem = build_epoch(product), public_pem(key.public_key())
    files = runtime_files()
    used = [file for file in files if inputs.guard is not None or file not in CLASSIFIER_CODE]
    needed = requirements(used, inputs.programs)
    context = document_context(product, inputs, verdicts, needed, fingerprint(pem))
    root = _fresh(work / SCRATCH / f"{product.slug}-{product.version}")
    fill_tree(
        root,
        product=product,
        inputs=inputs,
        documents=render_documents(context),
        runtime=files,
        needed=needed,
        epoch=epoch,
    )
    add_file(root / PUBLIC_KEY, pem)
    manifest = _manifest(root, product, inputs, verdicts, epoch, fingerprint(pem))
    atomic.write_json(root / MANIFEST, manifest)
    _sign(root, key)
    return _finish(work, root, epoch, manifest, verdicts, context["measures"])


def verify(bundle: Path, expected_key: str = "") -> Verification:
    """Checks an archive, every file of it, or an unpacked bundle; the result names everything that is wrong.

    Args:
        bundle: the archive or the folder.
        expected_key: fingerprint that the seller publishes; empty: any key will do.

    Raises:
        PackagingError: the archive cannot be unpacked safely.
    """
    if bundle.is_dir():
        return bundle_verify.check(bundle, expected_key)
    with tempfile.TemporaryDirectory(prefix="bundle-") as folder:
        return bundle_verify.check(safe_extract(bundle, Path(folder)), expected_key, fresh=True)


def _require_judged(product: ProductConfig, inputs: BundleInputs) -> None:
    name = product.product_name
    if not inputs.gates.passed and not inputs.overrides:
        red = "; ".join(result.reason for result in inputs.gates.red)
        raise GateError(f"{name} {product.version} did not pass its gates: {red}; it may not be sold")
    for path in (inputs.evaluation_html, inputs.task_page, *([inputs.schema] if inputs.schema else [])):
        if not path.is_file():
            raise PackagingError(f"expected {path} for the bundle of {name}, found none; run the stage that writes it")
    if not inputs.examples:
        raise PackagingError(
            f"expected an example answer of {name}, got none; give at least one request it really answered"
        )
    judged = inputs.evaluation.get("gguf_sha256")
    if judged != inputs.gguf_sha256:
        raise PackagingError(
            f"expected a report on the file that ships ({inputs.gguf_sha256[:12]}) of {name}, got one on {str(judged)[:12]}; "
            "materialise eval_report again"
        )
    found = atomic.sha256_file(inputs.gguf) if inputs.gguf.is_file() else "no file"
    if found != inputs.gguf_sha256:
        raise PackagingError(
            f"expected sha256 {inputs.gguf_sha256[:12]} of {inputs.gguf} ({name}), got {found[:12]}; materialise gguf_model again"
        )


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _manifest(
    root: Path, product: ProductConfig, inputs: BundleInputs, verdicts: tuple[LicenceVerdict, ...], epoch: int, key: str
) -> dict[str, Any]:
    digests = {path.relative_to(root).as_posix(): atomic.sha256_file(path) for path in atomic.files_in(root)}
    folders = sorted({name.split("/")[0] for name in digests if "/" in name})
    return {
        "name": product.product_name,
        "version": product.version,
        "build_date": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "model_file": f"model/{model_file(product)}",
        "model_sha256": inputs.gguf_sha256,
        "quantization": inputs.evaluation["quantization"],
        "components": {
            folder: {
                "files": sum(name.startswith(f"{folder}/") for name in digests),
                "sha256": atomic.tree_digest(root / folder),
            }
            for folder in folders
        },
        "digests": digests,
        "gates": {key: inputs.gates_summary[key] for key in ("passed", "overrides")},
        "licences": [verdict.row() for verdict in verdicts],
        "signing_key": key,
    }


def _sign(root: Path, key: Ed25519PrivateKey) -> None:
    """One line a file as `sha256sum -c` reads them, and the signature over exactly these bytes."""
    lines = [f"{atomic.sha256_file(path)}  {path.relative_to(root).as_posix()}\n" for path in atomic.files_in(root)]
    bad = [line for line in lines if not re.fullmatch(bundle_verify.LINE, line[:-1])]
    if bad:
        raise PackagingError(f"expected plain file names in the bundle, got {bad[0][66:]!r}; rename it")
    sums = "".join(lines).encode()
    add_file(root / SUMS, sums)
    add_file(root / SIGNATURE, key.sign(sums))


def _finish(
    work: Path,
    root: Path,
    epoch: int,
    manifest: dict[str, Any],
    verdicts: tuple[LicenceVerdict, ...],
    measures: tuple[Measure, ...],
) -> BundleResult:
    found = bundle_verify.check(root, manifest["signing_key"], fresh=True)
    if not found.genuine:
        raise PackagingError(
            f"the bundle that was just written does not verify: {'; '.join(found.problems)}; look at the disk"
        )
    archive = write_archive(root, work / f"{root.name}.tar.gz", epoch)
    result = BundleResult(
        archive, atomic.sha256_file(archive), archive.stat().st_size, found.files + 2, manifest, verdicts, measures
    )
    atomic.write_json(work / SUMMARY, result.metadata())
    return result
