"""What `gallery.search` does to a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_up_site import RULES, Visit, associate, look
from reid_pipeline.config.models import Config
from reid_pipeline.runtime.settings import SHORTLIST, association_rules
from reid_pipeline.types import GallerySnapshot, Identity, Prototype, State


@pytest.mark.parametrize(("search", "shortlist"), [("exact", 0), ("approximate", SHORTLIST)])
def test_searching_approximately_is_asked_for(search: str, shortlist: int) -> None:
    config = Config.model_validate({"cameras": {"a": {"source": "a.mp4"}}, "gallery": {"search": search}})
    assert association_rules(config, 0.4).shortlist == shortlist


def test_people_are_recognised_from_a_shortlist_as_by_an_exact_search() -> None:
    people = range(60)
    snapshot = GallerySnapshot(
        tuple(Identity(f"P{number:04d}", State.CONFIRMED, ("a",), 0, 1) for number in people),
        tuple(Prototype(f"P{n:04d}", "a", turn, 0.9, look(n, 0.08, (n, turn))) for n in people for turn in range(5)),
        61,
    )
    visits = [Visit("a", 1, 7, 0, 4), Visit("b", 1, 7, 6, 9), Visit("b", 2, 23, 1, 12), Visit("a", 2, 61, 2, 8)]
    exact = associate(visits, snapshot=snapshot)
    listed = associate(visits, snapshot=snapshot, rules=replace(RULES, shortlist=4))
    assert {str(key): identity for key, identity in exact.final.items()} == {
        "a:1": "P0007",
        "b:1": "P0007",
        "b:2": "P0023",
        "a:2": "P0061",
    }
    assert listed.live == exact.live
    assert listed.final == exact.final
