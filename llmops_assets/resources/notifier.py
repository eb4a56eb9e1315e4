"""Who is told: the channels of every product, and the ledgers that keep one incident one message."""

from collections.abc import Callable

import dagster as dg

from llmops_assets.notifying.configured import configured, ui_url, wanted_but_missing
from llmops_assets.notifying.message import Event
from llmops_assets.notifying.noticing import Look
from llmops_assets.notifying.telling import Teller
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import find_project
from llmops_assets.recipes.loading import load_recipes


class NotifierResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Log, Slack, e-mail and a webhook; LLMOPS_* variables and the recipes say which of them, no secret is a field."""

    def tell(self, event: Event, look: Callable[[Workshop], Look], say: Callable[[str], None]) -> str:
        """Tells what is new or over of every product as its recipe stands now; returns what a tick says of it.

        Args:
            event: which ledger is kept.
            look: what there is to tell of a product.
            say: the log.
        """
        project = find_project()
        shops = [Workshop(project, recipe, lambda _: None) for recipe in load_recipes(project.recipes).values()]
        looks = list(map(look, shops))
        found = {shop.product: (shop, configured(shop.recipe.monitoring)) for shop in shops}
        channels = {product: one.channels for product, (_, one) in found.items()}
        ledger = project.home / "notifications" / f"{event}.json"
        lacks = {
            f"{product}: {name}: {lack}"
            for product, (shop, one) in found.items()
            for name, lack in wanted_but_missing(shop.recipe.monitoring, one).items()
        }
        return "; ".join([Teller(ledger, channels, ui_url(), say).tell(looks), *sorted(lacks)])
