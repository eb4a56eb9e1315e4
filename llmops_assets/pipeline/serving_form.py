"""How a product's file is served: its evaluation asks it so, its Modelfile says so, and its verdict rests on it."""

from typing import Any

from llmops_assets.recipes.schema import Recipe
from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.modelfile import Modelfile


def modelfile(recipe: Recipe) -> Modelfile:
    """The Modelfile of a product, beside its `model.gguf`."""
    config = recipe.deployment
    return Modelfile(
        from_="./model.gguf",
        template=GO_TEMPLATE,
        parameters={"temperature": config.temperature, "num_ctx": config.num_ctx, "num_predict": config.num_predict},
        stops=(*STOPS, *config.stop),
        license=(recipe.product.license_terms.name,),
    )


def parameters(recipe: Recipe) -> dict[str, Any]:
    """The parameters of that Modelfile."""
    file = modelfile(recipe)
    return {**file.parameters, "stop": list(file.stops)}
