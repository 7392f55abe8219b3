"""Semi-supervised learning: a student learns from unlabelled images, labelled by a teacher.

Before the first step, `preparing` makes an `UnlabelledPool` of images: it finds the objects
(`finding`) and, with a teacher from a file, their pseudo keypoints (`file_teacher`). Without a
file, the teacher is the average of the student's weights (`MeanTeacher`), which predicts weakly
augmented views within each step. In both cases, `UnlabelledBranch` adds unlabelled samples to each
batch and computes the student's loss on strongly augmented views of them. `monitor` warns if the
teacher gets worse, and `sheet` draws the pseudo keypoints.
"""
