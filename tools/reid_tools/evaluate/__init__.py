"""Scoring what the pipeline found against the truth."""
