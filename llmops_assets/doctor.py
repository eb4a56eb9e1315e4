"""What this machine can do, each finding with its reason."""

import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from llmops_assets.deployment.connection import is_here, probe
from llmops_assets.machine import GIB, asked_trainings, fitting_trainings, usable_cores
from llmops_assets.project import Project
from llmops_assets.recipes.loading import Recipes, load_recipes

MEMORY_GIB, DISK_GIB = 12, 3
UI_PORT = 3000


@dataclass(frozen=True)
class Finding:
    """One line of the doctor."""

    subject: str
    finding: str
    reason: str


def examine(project: Project) -> list[Finding]:
    """Backend, cores, memory, trainings at once, disk, recipes that cannot be read, model servers, ports and tools."""
    from llmops_assets.training.backends import choose_backend

    backend = choose_backend("auto")
    memory = psutil.virtual_memory().available / GIB
    disk = shutil.disk_usage(project.root).free / GIB
    recipes = load_recipes(project.recipes)
    at_once = asked_trainings(os.environ) or fitting_trainings()
    return [
        Finding("backend", f"{backend.library} on {backend.device}", backend.reason),
        Finding("cores", str(usable_cores()), "training and evaluation use all of them, one after the other"),
        Finding("memory", f"{memory:.1f} GiB free", _enough(memory, MEMORY_GIB, "the default run peaks below 12 GiB")),
        Finding("trainings", f"{at_once.count} at once", at_once.reason),
        Finding(
            "disk",
            f"{disk:.0f} GiB free",
            _enough(disk, DISK_GIB, "one product takes about 3 GiB, half of it a version"),
        ),
        *(Finding("recipe", f"{name} cannot be read", message) for name, message in recipes.broken.items()),
        *(_server(url, names) for url, names in _servers(recipes).items()),
        *_ports(recipes),
        _tool("promtool", "prometheus", "alert rules are checked"),
    ]


def _enough(found: float, wanted: float, reason: str) -> str:
    return reason if found >= wanted else f"TOO LITTLE for the default run: {reason}"


def _servers(recipes: Recipes) -> dict[str, list[str]]:
    urls: dict[str, list[str]] = {}
    for name, recipe in recipes.items():
        urls.setdefault(recipe.deployment.ollama_url, []).append(name)
    return urls


def _server(url: str, products: list[str]) -> Finding:
    found, who = probe(url), ", ".join(products)
    if found.kind == "nothing":
        here = is_here(url)
        reason = "so the embedded server will" if here else "and it cannot be started from here"
        return Finding("server", "embedded" if here else "missing", f"nothing answers at {url} ({who}), {reason}")
    if found.kind == "stranger":
        return Finding(
            "server",
            "embedded",
            f"{url} ({who}) is taken: {found.detail}; the embedded server takes another port, if the recipe allows it",
        )
    return Finding("server", found.kind, f"{url} ({who}) answers: {found.detail}; it is used")


def _ports(recipes: Recipes) -> Iterator[Finding]:
    wanted = {UI_PORT: "the UI (make dev)"}
    for name, recipe in recipes.items():
        wanted.setdefault(recipe.deployment.gateway_port, f"the gateway of {name}")
        wanted.setdefault(recipe.monitoring.metrics_port, f"the metrics of {name}")
    for port, purpose in sorted(wanted.items()):
        if port:
            yield Finding("port", f"{port} {'taken' if _is_taken(port) else 'free'}", f"wanted by {purpose}")


def _is_taken(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _tool(name: str, package: str, use: str) -> Finding:
    found = shutil.which(name)
    return Finding(name, found or "missing", use if found else f"install Debian's package {package}, so that {use}")
