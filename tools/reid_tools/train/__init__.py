"""Training of SAGA: recipes, samplers, losses, stages."""
