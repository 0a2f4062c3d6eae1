"""Submissions: records with scores, in a folder that anybody can verify."""
