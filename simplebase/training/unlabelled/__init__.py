"""Semi-supervised learning: a student learns from unlabelled images, labelled by a teacher.

Before the first step, `preparing` makes an `UnlabelledPool` of images: it finds the objects
(`finding`) and their pseudo keypoints (`file_teacher`): those of a given model or, in
self-training, of a model that the run trains on the labels first. Or the teacher is the average of
the student's weights (`MeanTeacher`), which predicts weakly augmented views within each step. In
all cases, `UnlabelledBranch` adds unlabelled samples to each
batch and computes the student's loss on strongly augmented views of them. `monitor` warns if the
teacher gets worse, and `sheet` draws the pseudo keypoints.
"""
