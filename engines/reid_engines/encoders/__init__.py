"""Encoders by name or file."""

from __future__ import annotations

from pathlib import Path

from reid_engines.backends import AT_ONCE, FirstBuild, describe_graph, open_graph
from reid_engines.backends.graph import Arithmetic, Opening
from reid_engines.contract import with_contract
from reid_engines.encoders.color_stripes import ColorStripes
from reid_engines.encoders.graph_encoder import GraphEncoder, encoder_spec
from reid_engines.fetch import Progress
from reid_engines.protocol import Encoder
from reid_engines.spec import shipped_specs
from reid_engines.store import WEIGHTS_SUFFIX, resolve

# Half precision keeps the vectors, bfloat16 does not; figures are in `backends.openvino`.
COARSEST: Arithmetic = "float16"

# Encoders that are code and not a graph.
_WITHOUT_WEIGHTS = {"color-stripes": ColorStripes}


def open_encoder(
    model: str | Path,
    *,
    backend: str = "auto",
    mirror: Path | None = None,
    threads: int = 0,
    progress: Progress | None = None,
    first_build: FirstBuild = AT_ONCE,
) -> Encoder:
    """The encoder of a known name or in a user's .onnx, .xml, .engine or .safetensors file, ready to take crops.

    `mirror` and `progress` are those of `store.resolve`, `backend` and `first_build` those of `open_graph`, `threads`
    is the most CPU threads to use (0: all). What a file says of itself goes before its spec.

    Raises what those raise, `SpecError` when nothing is known of a user's encoder, and `ModelFileError` when the graph
    is no encoder.
    """
    made = _WITHOUT_WEIGHTS.get(str(model))
    if made is not None:
        known = shipped_specs()[str(model)].encoder
        assert known is not None
        return made(known.match)
    resolved = resolve(model, kind="encoder", mirror=mirror, progress=progress)
    # A weights file would be loaded for it, and says nothing that its spec does not.
    says = {} if resolved.path.suffix == WEIGHTS_SUFFIX else describe_graph(resolved.path, backend=backend).metadata
    resolved = with_contract(resolved, says)
    encoder_spec(resolved)
    assert resolved.spec is not None
    opening = Opening(resolved.spec.input, threads=threads, coarsest=COARSEST)
    graph = open_graph(resolved.path, opening, backend=backend, first_build=first_build)
    try:
        return GraphEncoder(resolved, graph)
    except Exception:
        graph.close()
        raise
