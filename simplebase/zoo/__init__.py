"""Pretrained models by name: the table, fetching, and the cache."""
