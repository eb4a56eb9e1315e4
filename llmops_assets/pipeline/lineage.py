"""From a GGUF file back to the models it was made from: each manifest names the digests of what it was made of."""

from llmops_assets.errors import StoreError
from llmops_assets.evaluation.lineage import Lineage
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.storage.artifact_store import Artifact
from llmops_assets.storage.manifests import read_manifest
from llmops_assets.training.base_model import base_digest

CHAIN = (("dpo", "dpo_model", "model"), ("merged", "merged_model", "model"), ("adapter", "sft_adapter", "adapter"))
"""(stage, asset, folder in it), each made from the next."""


def lineage_of(shop: Workshop, gguf: Artifact) -> Lineage:
    """Every model on the way to a GGUF file; what is gone is named with the reason, and nothing is raised for it."""
    recipe = shop.recipe
    base = recipe.training.base_model
    shown = gguf.metadata["shown"]
    found = Lineage(base, str(shop.cache), recipe.deployment.model_name, shown.get("f16_sha256", ""))
    inputs = _inputs(gguf)
    for stage, asset, folder in CHAIN:
        digest = inputs.get(asset, "")
        inputs = {}
        try:
            artifact = _ancestor(shop, asset, digest)
            found.digests[stage] = digest
            inputs = _inputs(artifact)
            found.folders[stage] = str(shop.store.verify(artifact).file(folder))
        except StoreError as error:
            found.missing[stage] = str(error)
    if "adapter" in found.folders and inputs.get("base_model") != base_digest(base):
        del found.folders["adapter"]
        found.missing["adapter"] = f"it was trained on another base than the recipe's {base}"
    return found


def _inputs(artifact: Artifact) -> dict[str, str]:
    found: dict[str, str] = read_manifest(artifact.path, f"{artifact.asset} of {artifact.product}")["inputs"]
    return found


def _ancestor(shop: Workshop, asset: str, digest: str) -> Artifact:
    if digest not in shop.store.versions(asset, shop.product):
        raise StoreError(
            f"the {asset} that the file was made from ({digest[:12] or 'unknown'}) is no longer in the store"
        )
    return shop.store.load(asset, shop.product, digest)
