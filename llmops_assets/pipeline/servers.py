"""The server that the deployed models live in, Ollama's or the embedded one on the project's own library, and the gateway before it."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlparse

from llmops_assets.deployment.answering import ServedProduct
from llmops_assets.deployment.connection import Connection, Probe, connect, is_here, probe
from llmops_assets.deployment.door import Door
from llmops_assets.guard.guarding import Guard
from llmops_assets.monitoring.metrics import ProductMetrics, serve_metrics
from llmops_assets.monitoring.published_drift import export_published_drift
from llmops_assets.pipeline.deployed import judged_guard
from llmops_assets.pipeline.traffic import ProductTraffic, feedback_log, request_log
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project
from llmops_assets.serving import embedded_server
from llmops_assets.storage.artifact_store import locked
from llmops_assets.tasks.registry import get_task


def library(project: Project) -> Path:
    """Where the embedded server keeps its models."""
    return project.home / "ollama"


def start_embedded(project: Project, port: int | None) -> str:
    """The URL of the project's embedded server, started where there is none; it outlives this process.

    Args:
        project: whose library it serves.
        port: where it is to listen; a free one where None. One that runs already keeps its port.

    Raises:
        ServingError: it did not start.
    """
    folder = library(project)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".starting"):
        running = embedded_server.find_running(folder)
        if running is None:
            running = embedded_server.start(folder, port=port, detached=True)
    return running.url


def connection(shop: Workshop) -> Connection:
    """Where this product is served, and why there.

    Raises:
        DeploymentError: nothing answers, or a stranger, and the embedded server may not stand in.
        ServingError: the embedded server did not start.
    """
    config, project = shop.recipe.deployment, shop.project
    url, found = config.ollama_url, probe(config.ollama_url)
    if config.embedded_server and is_here(url) and _is_taken(project, url, found):
        who = "something that does not speak Ollama's API" if found.kind == "stranger" else "another project's server"
        own = start_embedded(project, None)
        return Connection(
            own, "embedded", f"{url} is taken by {who}, so this project's embedded server has another port"
        )
    return connect(
        url,
        embedded_allowed=config.embedded_server,
        start_embedded=lambda: start_embedded(project, urlparse(url).port),
    )


def _is_taken(project: Project, url: str, found: Probe) -> bool:
    """Whether somebody else's server is on the port; Ollama's own is welcome."""
    if found.kind != "embedded":
        return found.kind == "stranger"
    own = embedded_server.find_running(library(project))
    return own is None or urlparse(own.url).port != urlparse(url).port


def stop(project: Project) -> bool:
    """Stops the embedded server; False where none was running."""
    running = embedded_server.find_running(library(project))
    if running is None:
        return False
    running.stop()
    return True


def served_product(shop: Workshop) -> ServedProduct:
    """The deployed product: its task, its guard, and where its `:production` answers.

    Raises:
        StoreError: the product was never deployed, or the guard it was judged with is damaged.
        DeploymentError: there is no server, or the deployment does not say which guard it was judged with.
    """
    config = shop.recipe.deployment
    return ServedProduct(
        name=shop.product,
        task=get_task(shop.recipe.task),
        guard=guard_of(shop),
        url=connection(shop).url,
        model=f"{config.model_name}:production",
        num_ctx=config.num_ctx,
    )


def guard_of(shop: Workshop) -> Guard:
    """The guard of what serves. It reads its files when it is first needed, maybe in weeks: the shop holds the lease.

    Raises:
        StoreError: nothing is deployed, or the guard is damaged.
        DeploymentError: the deployment does not say which guard it was judged with.
    """
    shop.state["guard_model"] = judged_guard(shop)
    return Guard(shop.state["guard_model"].path)


def serve_gateway(shops: Sequence[Workshop], host: str, port: int, metrics_host: str = "127.0.0.1") -> None:
    """Serves products until SIGTERM or Ctrl-C, with all metrics also on the port that the first recipe names.

    The incidents are those of the first product.

    Raises:
        StoreError: a product was never deployed.
        DeploymentError: there is no model server, or the port is taken.
        MonitoringError: the port of the metrics is taken.
    """
    from llmops_assets.deployment.gateway import Gateway
    from llmops_assets.deployment.gateway_process import run_gateway
    from llmops_assets.pipeline.incidents import TOKEN, incident_routers

    metrics, report = ProductMetrics(), shops[0].report
    export_published_drift(metrics.registry, shops[0].project.home / "drift")
    doors = [_door(shop, metrics) for shop in shops]
    routers = incident_routers(shops[0], os.environ.get(TOKEN, "").strip())
    with serve_metrics(metrics.registry, shops[0].recipe.monitoring.metrics_port, metrics_host) as exporter:
        report(f"metrics {exporter.url}")
        run_gateway(Gateway(doors, metrics.exposition, routers), host, port, report)


def _door(shop: Workshop, metrics: ProductMetrics) -> Door:
    product = served_product(shop)
    shop.report(f"{product.name}: {product.model} at {product.url}")
    traffic = ProductTraffic(
        product=product.name,
        endpoint=product.task.endpoint,
        requests=request_log(shop.project, product.name),
        feedback=feedback_log(shop.project, product.name),
        metrics=metrics,
        report=shop.report,
    )
    return Door(product, traffic)
