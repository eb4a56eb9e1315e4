"""The products: one partition a recipe, also where it cannot be read. A fourth product is one YAML and one data folder."""

import dagster as dg

from llmops_assets.project import find_project
from llmops_assets.recipes.loading import load_recipes

RECIPES = load_recipes(find_project().recipes)
PRODUCTS = dg.StaticPartitionsDefinition(RECIPES.products)
