"""Ultralytics' YOLO pose datasets."""
