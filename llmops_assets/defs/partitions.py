"""The products: one partition a recipe. A fourth product is one YAML and one data folder."""

import dagster as dg

from llmops_assets.project import find_project
from llmops_assets.recipes.loading import product_names

PRODUCTS = dg.StaticPartitionsDefinition(product_names(find_project().recipes))
