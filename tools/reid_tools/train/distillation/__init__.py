"""Trains a small encoder from a strong one: the teacher sees a person, the student the same person half hidden."""
