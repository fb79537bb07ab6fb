"""PyTorch as the judge of hand-written gradients."""
