"""Asks the deployed product as a user would, by the same way as the gateway, and leaves the same line in the request log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llmops_assets.deployment.answering import answer_request
from llmops_assets.deployment.health import release_of
from llmops_assets.deployment.line_log import append_line
from llmops_assets.deployment.model_server import ModelServer
from llmops_assets.pipeline import servers
from llmops_assets.pipeline.traffic import request_log, request_record
from llmops_assets.pipeline.workshop import Workshop

TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Reply:
    """The model's text, the envelope made of it, and why a guard stopped the request, if one did."""

    text: str
    envelope: Mapping[str, Any]
    blocked: str


def ask_product(shop: Workshop, text: str, now: datetime | None = None) -> Reply:
    """Asks `:production`.

    Raises:
        StoreError: the product was never deployed.
        DeploymentError: the server does not answer.
    """
    product = servers.served_product(shop)
    exchange = answer_request(product, text, now=now or datetime.now(), timeout_s=TIMEOUT_S)
    version = release_of(ModelServer(product.url).tags(), shop.recipe.deployment.model_name)
    append_line(request_log(shop.project, shop.product), request_record(exchange, version))
    return Reply(exchange.text, exchange.envelope, exchange.reason)
