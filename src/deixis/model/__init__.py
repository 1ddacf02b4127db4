"""The network in PyTorch: one file a box of the paper's figures (``build`` puts them together)."""
