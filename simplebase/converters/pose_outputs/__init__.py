"""Results of OpenPose, AlphaPose and MediaPipe."""
