"""Who is told what happened to a product: what is new, which channels hear it, and what came of it."""
