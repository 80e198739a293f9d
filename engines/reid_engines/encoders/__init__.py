"""Encoders by name or file."""

from __future__ import annotations

from pathlib import Path

from reid_engines.backends import open_graph
from reid_engines.encoders.color_stripes import ColorStripes
from reid_engines.encoders.graph_encoder import GraphEncoder, encoder_spec
from reid_engines.fetch import Progress
from reid_engines.protocol import Encoder
from reid_engines.spec import shipped_specs
from reid_engines.store import resolve

# Encoders that are code and not a graph.
_WITHOUT_WEIGHTS = {"color-stripes": ColorStripes}


def open_encoder(
    model: str | Path,
    *,
    backend: str = "auto",
    mirror: Path | None = None,
    threads: int = 0,
    progress: Progress | None = None,
) -> Encoder:
    """The encoder of a known name or in a user's .onnx or .xml file, ready to take crops.

    `mirror` and `progress` are those of `store.resolve`, `backend` and `threads` those of `open_graph`.

    Raises what those raise, `SpecError` when nothing is known of a user's encoder, and `ModelFileError` when the graph
    is no encoder.
    """
    made = _WITHOUT_WEIGHTS.get(str(model))
    if made is not None:
        known = shipped_specs()[str(model)].encoder
        assert known is not None
        return made(known.match)
    resolved = resolve(model, kind="encoder", mirror=mirror, progress=progress)
    encoder_spec(resolved)
    assert resolved.spec is not None
    graph = open_graph(resolved.path, resolved.spec.input, feeds="rgb", backend=backend, threads=threads)
    try:
        return GraphEncoder(resolved, graph)
    except Exception:
        graph.close()
        raise
