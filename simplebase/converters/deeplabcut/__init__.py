"""DeepLabCut's tables, which Lightning Pose writes too."""
