"""What OpenPose, AlphaPose and MediaPipe found."""
