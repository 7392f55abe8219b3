"""Video files: their frames, and when each is shown."""
