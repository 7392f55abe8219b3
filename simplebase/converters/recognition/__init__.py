"""Detects the format of a folder or file of labels."""
