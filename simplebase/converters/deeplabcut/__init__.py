"""DeepLabCut's tables, which Lightning Pose also uses."""
