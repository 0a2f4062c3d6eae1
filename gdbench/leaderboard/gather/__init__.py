"""Step 1: the records with their scores, each read and verified by the one reader."""
