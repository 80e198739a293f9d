"""Covering people on purpose: the OGor occlusions, with a library of cut-outs of our own."""
