"""Asks the deployed product as a user would: guard, served model, and the product's own envelope."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llmops_assets.errors import DeploymentError
from llmops_assets.guard.guarding import Guard
from llmops_assets.pipeline import servers
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.tasks.registry import get_task


@dataclass(frozen=True)
class Reply:
    """The model's text, the envelope made of it, and why the guard stopped the request, if it did."""

    text: str
    envelope: dict[str, Any]
    blocked: str


def ask_product(shop: Workshop, text: str, now: datetime | None = None) -> Reply:
    """Asks `:production`.

    Raises:
        StoreError: the product was never deployed.
        DeploymentError: the server does not answer.
    """
    import ollama

    shop.store.latest("ollama_deployment", shop.product)
    task, messages = get_task(shop.recipe.task), [{"role": "user", "content": text}]
    guard = Guard(shop.store.latest("guard_model", shop.product).path)
    decision = guard.check_input(messages)
    if decision.allowed:
        place = servers.connection(shop)
        model = f"{shop.recipe.deployment.model_name}:production"
        try:
            reply = ollama.Client(host=place.url, timeout=120).chat(model=model, messages=messages, options={"temperature": 0})
        except (ollama.ResponseError, ConnectionError) as error:
            raise DeploymentError(f"expected {model} at {place.url} to answer, got: {error}; run the deployment stage") from error
        said = reply.message.content or ""
    else:
        said = task.refusal_text
    return Reply(said, task.to_envelope(said, now or datetime.now()), decision.reason)
