"""SLEAP's HDF5 files."""
