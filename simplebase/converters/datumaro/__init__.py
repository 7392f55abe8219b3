"""Datumaro's JSON."""
