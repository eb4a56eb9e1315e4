"""Whether a product's model answers, and which version it is: asked once at the start, looked at while it serves."""

import threading
from collections.abc import Callable

from llmops_assets.deployment.answering import ServedProduct
from llmops_assets.deployment.health import QUESTION, release_of
from llmops_assets.deployment.model_server import ModelServer
from llmops_assets.errors import DeploymentError

LOOK_S = 15.0
RETRY_S = 2.0


class Readiness:
    """A thread that wakes the model until it has answered once, and then looks whether it is still there."""

    def __init__(self, product: ServedProduct, tell: Callable[[str, bool], None], *, timeout_s: float) -> None:
        """Starts nothing yet; `tell` is called with version and whether the model answers, after each look and loss."""
        self.version = ""
        self.problem = "the model has not answered yet"
        self._product, self._tell = product, tell
        self._server = ModelServer(product.url, timeout_s)
        self._lock, self._losses = threading.Lock(), 0
        self._wake, self._stopped = threading.Event(), False
        self._thread = threading.Thread(target=self._watch, name=f"readiness-{product.name}", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether it answered at the last look."""
        return not self.problem

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Looks no more."""
        self._stopped = True
        self._wake.set()

    def lost(self, problem: str) -> None:
        """Told by a request that got no answer; the model has to answer again before it counts as ready."""
        with self._lock:
            self._losses += 1
            self._found(self.version, problem)
        self._wake.set()

    def look(self) -> None:
        """One look; the model is asked where it has to prove itself, else only its name is looked up."""
        losses, version, problem = self._losses, self.version, ""
        try:
            version = self._asked()
        except DeploymentError as error:
            problem = str(error)
        with self._lock:
            if losses == self._losses:  # a loss since then knows better, and has woken the next look
                self._found(version, problem)

    def _asked(self) -> str:
        model = self._product.model
        if not self.ready:
            self._server.answer(model, QUESTION, timeout_s=self._server.timeout_s, tokens=1)
        tags = self._server.tags()
        if model not in tags:
            raise DeploymentError(f"{model} is gone from {self._product.url}; run the deployment stage")
        return release_of(tags, *model.split(":"))

    def _found(self, version: str, problem: str) -> None:
        self.version, self.problem = version, problem
        self._tell(version, self.ready)

    def _watch(self) -> None:
        while not self._stopped:
            self.look()
            self._wake.wait(LOOK_S if self.ready else RETRY_S)
            self._wake.clear()
