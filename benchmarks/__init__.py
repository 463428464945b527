"""Speed of fnnlib beside PyTorch, JAX, autograd and the matrix products alone, as ratios."""
