"""Datasets: records, folders, the input pipeline and synthetic figures."""
