"""Data sets in the layout of Market-1501: a folder per part, person and camera in the name of each picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from reid_tools.datasets.dataset import Dataset, Picture
from reid_tools.datasets.folders import find_home, named_pictures

_TEST = "bounding_box_test"


@dataclass(frozen=True, slots=True)
class MarketLayout:
    """Where the parts lie. `usual` are the names of the folder around them; `distractors`: person 0 is nobody."""

    name: str
    usual: tuple[str, ...]
    train: str = "bounding_box_train"
    query: str = "query"
    distractors: bool = True

    def __call__(self, root: Path) -> Dataset:
        """Read the set; a missing train folder is an empty part, since evaluation needs none."""
        home = find_home(root, self.name, (self.query, _TEST), usual=self.usual)
        train, query, gallery = (
            named_pictures(home / part, distractors=self.distractors) for part in (self.train, self.query, _TEST)
        )
        return Dataset(self.name, home, train, query, gallery)


market1501 = MarketLayout("market1501", ("Market-1501-v15.09.15", "Market-1501", "market1501"))
dukemtmc = MarketLayout("dukemtmc", ("DukeMTMC-reID", "dukemtmc-reid", "dukemtmc"))
occluded_duke = MarketLayout("occluded-duke", ("Occluded_Duke", "Occluded-Duke"))
# 29 of its 780 people for training are also in the gallery, none in a query: there they act as distractors.
occluded_market = MarketLayout(
    "occluded-market", ("Occluded_Market", "Occluded-Market"), train="occluded_train", query="occluded_query"
)
_msmt17_renamed = MarketLayout("msmt17", ("MSMT17", "MSMT17_V1", "MSMT17_V2"), distractors=False)


def msmt17_renamed(root: Path) -> Dataset:
    """MSMT17 as it is passed on under names in the style of Market-1501. Person 0 is a real one."""
    return with_own_test_people(_msmt17_renamed(root))


def with_own_test_people(dataset: Dataset) -> Dataset:
    """The same set with test people numbered on after the train people, for a set that starts over from 0."""
    first = 1 + max((picture.person for picture in dataset.train), default=-1)

    def shifted(pictures: tuple[Picture, ...]) -> tuple[Picture, ...]:
        return tuple(replace(picture, person=first + picture.person) for picture in pictures)

    return replace(dataset, query=shifted(dataset.query), gallery=shifted(dataset.gallery))
