"""deploy/: every manifest is valid Kubernetes, and so are the pods that the run launcher and the executor make of it."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dagster import DagsterRun
from dagster._serdes import ConfigurableClassData
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import construct_dagster_k8s_job, get_user_defined_k8s_config
from kubernetes.client import ApiClient

from llmops_assets.definitions import defs
from llmops_assets.resources.placement import op_tags

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = "1.34"
SECRETS = {"llmops-postgres", "llmops-s3", "llmops-signing"}
"""What README.md tells the operator to create; no file holds them."""
DUMMY = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {}}],
}


@cache
def listed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
    return found


def documents() -> list[dict[str, Any]]:
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in listed()["resources"]]
    return [document for text in texts for document in yaml.safe_load_all(text)]


def name_of(document: dict[str, Any]) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def workloads() -> list[dict[str, Any]]:
    return [document for document in documents() if document["kind"] in ("Deployment", "StatefulSet")]


def values_of(value: Any, key: str) -> Iterator[Any]:
    """Every value under a key, however deep."""
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        if name == key:
            yield inner
        yield from values_of(inner, key)


def named(kind: str) -> set[str]:
    return {document["metadata"]["name"] for document in documents() if document["kind"] == kind}


@pytest.fixture
def launcher(tmp_path: Path) -> K8sRunLauncher:
    """The run launcher of dagster.yaml, as an instance outside a cluster makes it."""
    config = tmp_path / "kubeconfig"
    config.write_text(yaml.safe_dump(DUMMY), encoding="utf-8")
    given = yaml.safe_load((FOLDER / "dagster.yaml").read_text(encoding="utf-8"))["run_launcher"]
    settings = {**given["config"], "load_incluster_config": False, "kubeconfig_file": str(config)}
    data = ConfigurableClassData(given["module"], given["class"], yaml.safe_dump(settings))
    return data.rehydrate(as_type=K8sRunLauncher)


def pod_of(launcher: K8sRunLauncher, tags: dict[str, str]) -> dict[str, Any]:
    """The job that a run, or with an asset's tags its step, becomes."""
    context = K8sContainerContext.create_for_run(
        DagsterRun("build_product", "0" * 32), launcher, include_run_tags=False
    )
    context = context.merge(K8sContainerContext(run_k8s_config=get_user_defined_k8s_config(tags)))
    job = construct_dagster_k8s_job(
        context.get_k8s_job_config("registry.example/llmops-assets:0.1.0", launcher),
        ["dagster", "api", "execute_step"],
        "step",
        user_defined_k8s_config=context.run_k8s_config,
        component="step_worker",
    )
    found: dict[str, Any] = ApiClient().sanitize_for_serialization(job)
    kubernetes_validate.validate(found, VERSION, strict=True)
    return found


def assert_restricted(pod: dict[str, Any]) -> None:
    """What the namespace's `restricted` level asks of a pod, and a file system that cannot be written to."""
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        wanted = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["securityContext"] == wanted
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in pod["volumes"]} | {"data"}


def test_every_file_is_named_by_the_kustomization() -> None:
    generated = {name for entry in listed()["configMapGenerator"] for name in entry["files"]}
    assert {path.name for path in FOLDER.glob("*.yaml")} == {*listed()["resources"], *generated, "kustomization.yaml"}


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_a_manifest_is_valid(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, VERSION, strict=True)
    assert document["metadata"].get("namespace", "llmops") == "llmops"


@pytest.mark.parametrize("document", workloads(), ids=name_of)
def test_a_workload_is_probed_bounded_and_restricted(document: dict[str, Any]) -> None:
    pod = document["spec"]["template"]["spec"]
    assert_restricted(pod)
    assert (
        document["spec"]["selector"]["matchLabels"].items()
        <= document["spec"]["template"]["metadata"]["labels"].items()
    )
    for container in pod["containers"]:
        assert "livenessProbe" in container
        assert container["image"].split(":")[0] in ("registry.example/llmops-assets", "postgres")


def test_what_is_named_is_there_and_secrets_stand_in_no_file() -> None:
    assert named("Secret") == set()
    claims = {claim["claimName"] for claim in values_of(documents(), "persistentVolumeClaim")}
    assert claims <= named("PersistentVolumeClaim")
    assert {found["name"] for found in values_of(documents(), "secretKeyRef")} <= SECRETS
    assert {found["name"] for found in values_of(documents(), "configMapRef")} <= named("ConfigMap")
    assert set(values_of(workloads(), "serviceAccountName")) <= named("ServiceAccount")
    text = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml"))
    assert re.findall(r"(?i)(?:password|secret_access_key|token|signing_key)[\"']?:\s*[\"']?[\w+/=]{6,}", text) == []


def test_the_operator_is_told_which_secrets_to_make() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"create secret generic (\S+)", text)) == SECRETS


def test_a_run_is_a_pod_that_the_namespace_lets_in(launcher: K8sRunLauncher) -> None:
    job = pod_of(launcher, {})
    pod = job["spec"]["template"]["spec"]
    assert_restricted(pod)
    (container,) = pod["containers"]
    assert {source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source} <= SECRETS
    claims = {
        volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume
    }
    assert claims <= named("PersistentVolumeClaim")
    assert job["spec"]["template"]["metadata"]["labels"]["llmops/pod"] == "run"


def test_a_training_step_asks_for_a_gpu_where_the_setting_says_so(
    launcher: K8sRunLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {}
    for gpus in ("0", "1"):
        monkeypatch.setenv("LLMOPS_GPUS", gpus)
        for asset in ("sft_adapter", "sft_dataset"):
            (container,) = pod_of(launcher, op_tags(asset))["spec"]["template"]["spec"]["containers"]
            limits[asset, gpus] = container["resources"]["limits"]
    assert limits["sft_adapter", "1"] == {"memory": "8192Mi", "nvidia.com/gpu": "1"}
    assert limits["sft_adapter", "0"] == {"memory": "8192Mi"}
    assert limits["sft_dataset", "1"] == limits["sft_dataset", "0"] == {"memory": "2048Mi"}


def test_the_step_of_every_asset_is_a_pod_that_the_namespace_lets_in(launcher: K8sRunLauncher) -> None:
    nodes = defs().resolve_job_def("build_product").nodes
    assert len(nodes) == 14
    for node in nodes:
        assert_restricted(pod_of(launcher, dict(node.definition.tags))["spec"]["template"]["spec"])


def test_the_image_holds_what_the_manifests_start() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for word in line.split()]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    (user,) = re.findall(r"^USER (\d+)$", text, re.MULTILINE)
    own = [w["spec"]["template"]["spec"] for w in workloads() if w["metadata"]["name"] != "postgres"]
    assert {pod["securityContext"]["runAsUser"] for pod in own} == {int(user)}
