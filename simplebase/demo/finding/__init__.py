"""Where the objects of a frame are: given boxes, a detector, or the poses of the frame before."""
