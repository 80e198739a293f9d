"""SAGA: crops in, vectors out that stay stable when part of the person is hidden.

Structured Anchor-Guided Aggregation (arXiv 2604.22190) makes a person's vector from the backbone's patch tokens: each
patch looks at a small bank of anchors, takes in what it finds, and counts by how strongly it committed to one of them.

    pictures -> backbone (vit, mobilenet) -> tokens -> aggregation with anchors -> embedder -> unit vectors

`config` and `phrases` need no torch; the other modules are torch modules and are imported on use.
"""
