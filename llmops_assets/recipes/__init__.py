"""What a product is: typed recipes, one YAML a product."""
