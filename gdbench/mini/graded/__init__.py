"""Version 2 of the mini suite: three levels a sub-task, from two things to four.

Level 1 has the scenes of version 1; 2 has three smaller things, 3 four that are smaller still,
with nearer distractors. Grounds are textured, so that pictures differ in how hard they are to
denoise. Nothing here was chosen by the score of a model: the generator was frozen first.
"""
