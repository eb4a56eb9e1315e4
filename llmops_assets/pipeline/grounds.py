"""What the verdict on an evaluation rests on, as it is now: any change of it voids the verdict."""

from pathlib import Path

from llmops_assets.evaluation.scorer_code import scorer_digest
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.serving_form import parameters
from llmops_assets.recipes.schema import Recipe
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import ArtifactStore, key_of
from llmops_assets.storage.manifests import hash_of, read_manifest

GGUF = "model.gguf"


def grounds_now(store: ArtifactStore, recipe: Recipe, data: Path) -> dict[str, str]:
    """The digest of each ground by its name; empty where there is none now.

    Args:
        store: where artifacts lie.
        recipe: the product as it is described now.
        data: the project's data folder.
    """
    return {
        "model": _model(store, recipe.name),
        "guard": _newest(store, "guard_model", recipe.name),
        "cases": store.made_by("eval_dataset", recipe.name, _cases_key(recipe, data)),
        "scorers": scorer_digest(),
        "recipe": atomic.sha256_json(
            {
                "task": recipe.task,
                "evaluation": recipe.evaluation.model_dump(mode="json"),
                "parameters": parameters(recipe),
            }
        ),
    }


def case_files(product: str, data: Path) -> dict[str, str]:
    """The digests of the frozen evaluation files of a product, by their path below the data folder."""
    files = sorted((data / "eval" / product).glob("*.jsonl"))
    return {path.relative_to(data).as_posix(): hash_of(path) for path in files}


def case_settings(recipe: Recipe) -> dict[str, str]:
    """What of the recipe decides the evaluation dataset."""
    return {"task": recipe.task}


def _cases_key(recipe: Recipe, data: Path) -> str:
    """The work that makes the evaluation dataset of the files as they are now: what it gave is what has to be judged on."""
    return key_of(
        "eval_dataset",
        recipe.name,
        inputs=case_files(recipe.name, data),
        settings=case_settings(recipe),
        code_version=graph.BY_NAME["eval_dataset"].code_version,
    )


def _newest(store: ArtifactStore, asset: str, product: str) -> str:
    artifact = store.find(asset, product)
    return artifact.digest if artifact else ""


def _model(store: ArtifactStore, product: str) -> str:
    """The SHA-256 of the newest GGUF file, as the digest of its artifact holds it."""
    artifact = store.find("gguf_model", product)
    if artifact is None:
        return ""
    return str(read_manifest(artifact.path, f"gguf_model of {product}")["files"][GGUF]["sha256"])
