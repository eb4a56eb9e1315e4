"""The server that the deployed models live in: Ollama where it answers, else the embedded one on the project's own library."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from llmops_assets.deployment.connection import Connection, connect
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project
from llmops_assets.recipes.deployment import DeploymentConfig
from llmops_assets.serving import embedded_server


def library(project: Project) -> Path:
    """Where the embedded server keeps its models."""
    return project.home / "ollama"


def start_embedded(project: Project, url: str) -> str:
    """The URL of the running embedded server, started where there is none; it outlives this process."""
    running = embedded_server.find_running(library(project))
    if running is None:
        running = embedded_server.start(library(project), port=urlparse(url).port, detached=True)
    return str(running.url)


def connection(shop: Workshop) -> Connection:
    """Where this product is served, and why there."""
    config: DeploymentConfig = shop.recipe.deployment
    return connect(
        config.ollama_url,
        embedded_allowed=config.embedded_server,
        start_embedded=lambda: start_embedded(shop.project, config.ollama_url),
    )


@dataclass(frozen=True)
class Server:
    """What `llmops serve` shows."""

    url: str
    reason: str


def serve(project: Project, url: str) -> Server:
    """Starts the embedded server, or finds it running."""
    return Server(start_embedded(project, url), f"models below {library(project)}")


def stop(project: Project) -> bool:
    """Stops the embedded server; False where none was running."""
    running = embedded_server.find_running(library(project))
    if running is None:
        return False
    running.stop()
    return True
