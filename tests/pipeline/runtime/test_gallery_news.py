"""Two processes that share one gallery hear of each other's people while they run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

from made_up_site import DIM, EMPTY, RULES, Visit, time_steps
from postgres_server import PostgresServer
from reid_pipeline.core.associator import Associator
from reid_pipeline.core.topology import Topology
from reid_pipeline.gallery.evidence import RunEntry
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.runtime.memory import Memory, MemoryRules
from reid_pipeline.types import GalleryChange

STAMP = EncoderStamp("made-up", "a" * 64, DIM)

# Another run: two people walk through its camera in the first four seconds. It commits them, and ends when it is told.
OTHER_RUN = """
import sys
sys.path[:0] = sys.argv[2:]
from made_up_site import EMPTY, RULES, Visit, time_steps
from reid_pipeline.core.associator import Associator
from reid_pipeline.core.topology import Topology
from reid_pipeline.gallery.evidence import RunEntry
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.runtime.memory import Memory, MemoryRules

gallery = open_gallery(sys.argv[1], encoder=EncoderStamp("made-up", "a" * 64, 64))
memory = Memory(gallery, RunEntry("live-other", "/runs/other", "", 0), MemoryRules(0, None, 300))
associator = Associator(RULES, Topology(), memory.snapshot())
for step in time_steps([Visit("x", 1, 5, 0, 4), Visit("x", 2, 6, 0, 4)]):
    associator.step(step)
memory.commit(associator.take_change())
print("committed", flush=True)
sys.stdin.readline()
for step in time_steps([Visit("x", 3, 5, 30, 34)])[300:]:
    associator.step(step)
associator.hear(memory.news())
memory.commit(associator.take_change())
memory.finish([])
gallery.close()
"""


@contextmanager
def other_run(url: str) -> Iterator[subprocess.Popen[str]]:
    """The other run, which has committed."""
    command = [sys.executable, "-c", OTHER_RUN, url, *sys.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "committed\n"
            yield process
        finally:
            process.kill()


def test_a_run_recognises_whom_another_has_met_since_both_began(server: PostgresServer) -> None:
    url = server.emptied_database()
    with closing(open_gallery(url, encoder=STAMP)) as gallery:
        memory = Memory(gallery, RunEntry("live-1", "/runs/1", "", 0), MemoryRules(0, None, 300))
        associator = Associator(RULES, Topology(), memory.snapshot())
        assert memory.news() == GalleryChange((), (), (), 1)
        with other_run(url) as other:
            associator.hear(memory.news())
            assert [person.id for person in associator.people] == ["P1000001", "P1000002"]
            for step in time_steps([Visit("a", 1, 5, 10, 14), Visit("a", 2, 7, 10, 14)])[100:]:
                associator.step(step)
            associator.finish()
            found = {str(key): one.identity for key, one in associator.assignments().items()}
            assert found == {"a:1": "P1000001", "a:2": "P0001"}
            change = associator.take_change()
            assert change is not None
            memory.commit(change)
            assert memory.news().identities == (), "what it said itself is no news"
            other.communicate("go on\n", timeout=60)
            assert other.returncode == 0
        assert "P1000001" in [one.id for one in memory.news().identities]
        memory.finish([])
        snapshot = gallery.snapshot()
    assert [identity.id for identity in snapshot.identities] == ["P0001", "P1000001", "P1000002"]
    assert snapshot.identities[1].cameras == ("a", "x"), "neither has lost what the other knows"
    assert {look.camera for look in snapshot.prototypes if look.identity == "P1000001"} == {"a", "x"}


def test_who_is_erased_elsewhere_is_told(server: PostgresServer) -> None:
    url = server.emptied_database()
    with closing(open_gallery(url, encoder=STAMP)) as gallery:
        memory = Memory(gallery, RunEntry("live-1", "/runs/1", "", 0), MemoryRules(0, None, 300))
        associator = Associator(RULES, Topology(), EMPTY)
        with other_run(url):
            associator.hear(memory.news())
        with closing(open_gallery(url, encoder=STAMP)) as hand:
            hand.erase("P1000002")
        news = memory.news()
        assert news.removed == ("P1000002",)
        associator.hear(news)
        assert [person.id for person in associator.people] == ["P1000001"]


def test_a_gallery_that_is_away_has_no_news(server: PostgresServer) -> None:
    url = server.emptied_database()
    told: list[str] = []
    with closing(open_gallery(url, encoder=STAMP)) as gallery:
        memory = Memory(gallery, RunEntry("live-1", "/runs/1", "", 0), MemoryRules(0, None, 300))
        memory.report_to(lambda kind, line: told.append(kind))
        server.stop()
        try:
            assert memory.news() == memory.news() == GalleryChange((), (), (), 0)
        finally:
            server.start("fsync=off")
        memory.finish([])
    assert told == ["gallery_away", "gallery_back"]
