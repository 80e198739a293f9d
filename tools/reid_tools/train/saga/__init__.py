"""SAGA on CLIP's image tower, in three stages (arXiv 2604.22190): prompts, backbone, visual module."""
