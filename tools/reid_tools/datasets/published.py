"""How much the published data sets hold."""

from __future__ import annotations

from dataclasses import dataclass

from reid_tools.datasets.dataset import DISTRACTOR, Dataset, Picture


@dataclass(frozen=True, slots=True)
class Count:
    """Pictures, distractors among them included, of so many people; None where that was not published."""

    pictures: int
    people: int | None
    distractors: int = 0

    def __str__(self) -> str:
        people = "" if self.people is None else f" of {self.people:,} people"
        distractors = f" with {self.distractors:,} distractors" if self.distractors else ""
        return f"{self.pictures:,} pictures{people}{distractors}"


_NONE = Count(0, 0)
_DUKE_GALLERY = Count(17_661, 1_110)

# Train, query, gallery.
PUBLISHED: dict[str, tuple[Count, Count, Count]] = {
    "market1501": (Count(12_936, 751), Count(3_368, 750), Count(15_913, 750, 2_798)),
    "dukemtmc": (Count(16_522, 702), Count(2_228, 702), _DUKE_GALLERY),
    "msmt17": (Count(32_621, 1_041), Count(11_659, 3_060), Count(82_161, 3_060)),
    "occluded-duke": (Count(15_618, 702), Count(2_210, 519), _DUKE_GALLERY),
    "occluded-reid": (_NONE, Count(1_000, 200), Count(1_000, 200)),
    "p-dukemtmc": (Count(12_927, 665), Count(2_163, 634), Count(9_053, 634)),
    "occluded-market": (Count(9_287, 780), Count(2_343, 533), Count(15_913, None, 2_798)),
}


def mismatch(dataset: Dataset) -> str | None:
    """A line saying how a set differs from what was published under its layout's name; None when it does not."""
    published = PUBLISHED.get(dataset.layout)
    if published is None:
        return None
    parts = {"train": dataset.train, "query": dataset.query, "gallery": dataset.gallery}
    wrong = []
    for (part, pictures), expected in zip(parts.items(), published, strict=True):
        found = _count(pictures, people=expected.people is not None)
        if found != expected:
            wrong.append(f"{part}: expected {expected}, found {found}")
    if not wrong:
        return None
    return f"{dataset.folder}: not {dataset.layout} as it was published ({'; '.join(wrong)})"


def _count(pictures: tuple[Picture, ...], *, people: bool) -> Count:
    known = {picture.person for picture in pictures} - {DISTRACTOR}
    distractors = sum(picture.person == DISTRACTOR for picture in pictures)
    return Count(len(pictures), len(known) if people else None, distractors)
