"""Video files: their frames, and the times of the frames."""
