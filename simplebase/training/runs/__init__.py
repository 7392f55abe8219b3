"""The folder of a run: its files, and how they are written, read and drawn."""
