"""Learning from images that nobody labelled: pseudo keypoints of a teacher.

`preparing` makes a `Pool` of images before the first step: where the objects are (`gathering`), and
what a teacher from a file finds there (`labelling`). In each step a `Lesson` shows the student
strongly augmented views of some of them. Without a file the teacher is the average of the student's
weights, which looks at the plain views in the graph (`teaching`). `watching` says when that goes
wrong, and `sheet` draws what is taught.
"""
