"""What of a product was deployed, what of it serves, and the guard that was judged with it."""

from pathlib import Path

from llmops_assets.deployment.releases import ReleaseRecord
from llmops_assets.deployment.rollback import RECORD
from llmops_assets.errors import DeploymentError, StoreError
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact
from llmops_assets.storage.leases import leased

DEPLOYMENT, ABOUT = "ollama_deployment", "deployment.json"


def rollout_state(shop: Workshop) -> Path:
    """Where a product's rollouts keep their journal and the record of releases."""
    return shop.project.home / "rollouts" / shop.product


def newest_first(shop: Workshop, asset: str) -> list[str]:
    """By when they were made; the one that the asset stands at now comes first, also where it was made before others."""
    now = shop.store.newest(asset, shop.product)
    first = [now] if now else []
    return first + [digest for digest in shop.store.versions(asset, shop.product) if digest not in first]


def deployments(shop: Workshop) -> list[Artifact]:
    """Every deployment, the newest first."""
    return [shop.store.load(DEPLOYMENT, shop.product, digest) for digest in newest_first(shop, DEPLOYMENT)]


def serving(shop: Workshop) -> Artifact | None:
    """The deployment made last that was not taken back; None where there is none."""
    return next((found for found in deployments(shop) if not withdrawn(shop, found)), None)


def withdrawn(shop: Workshop, deployed: Artifact) -> bool:
    """Whether a deployment was taken back."""
    return bool(ReleaseRecord(rollout_state(shop) / RECORD).withdrawn(version_of(deployed)))


def version_of(deployed: Artifact) -> str:
    """The version that a deployment released."""
    return str(deployed.metadata["shown"]["version"])


def judged_guard(shop: Workshop) -> Artifact:
    """The guard that the model in production was judged with, whatever was trained since; leased.

    Raises:
        StoreError: nothing is deployed.
        ArtifactCorruptError: the guard is gone, or not what was judged.
        DeploymentError: the deployment is of before it said which guard that is.
    """
    deployed = serving(shop)
    if deployed is None:
        raise StoreError(
            f"expected a deployment of {shop.product} that was not taken back, found none; run `llmops run {shop.product}`"
        )
    guard = atomic.read_json(shop.store.verify(deployed).file(ABOUT)).get("guard")
    if not guard:
        raise DeploymentError(
            f"expected the guard of {shop.product} {version_of(deployed)} in {deployed.file(ABOUT)}, found none; "
            "materialise ollama_deployment again"
        )
    return shop.store.verify(leased(shop.store.load("guard_model", shop.product, guard)))
