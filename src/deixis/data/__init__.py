"""Datasets: loaders, one file a format, and the expressions that are made from their annotations."""
