"""Learns from unlabelled images, with pseudo keypoints of a teacher.

Before the first step, `preparing` makes a `Pool` of images: it finds the objects (`gathering`) and
the keypoints of a teacher from a file (`labelling`). In each step, a `Lesson` shows the student
strongly augmented views of some images. Without a file, the teacher is the average of the student's
weights, which labels the plain views within the graph (`teaching`). `watching` warns if the
teaching fails, and `sheet` draws the pseudo keypoints.
"""
