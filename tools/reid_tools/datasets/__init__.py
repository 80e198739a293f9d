"""Data sets of people seen by several cameras, in the folder layouts that they are published in."""

from reid_tools.datasets.dataset import DISTRACTOR, Dataset, Picture
from reid_tools.datasets.layouts import LAYOUTS, load_dataset

__all__ = ["DISTRACTOR", "LAYOUTS", "Dataset", "Picture", "load_dataset"]
