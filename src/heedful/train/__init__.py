"""Training: the recipe, the loss, the loop, checkpoints and the verdict on the curves."""
