"""`python -m reid_tools.train.ship trained/saga-s.safetensors`: make what ships of trained weights.

Two files, both the same model: the weights in half precision, to train and adapt from, and the graph built from them,
for machines without torch. The spec of the model has to say already what is measured of it (`match`, which goes into
the graph); what the command prints goes into the spec. The same weights give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reid_engines.build import Order, build
from reid_engines.errors import EngineError, UnknownModel
from reid_engines.saga.weights import load_weights, save_weights
from reid_engines.spec import FileSpec, ModelSpec, shipped_folder, shipped_specs
from reid_engines.store import ResolvedModel, sha256_of


def ship(trained: Path, spec: ModelSpec, folder: Path) -> tuple[FileSpec, FileSpec]:
    """Write the graph and the weights of the model into the folder; gives what its spec says of the two.

    Raises `ModelFileError` for a file that holds no such weights, and what `build` raises.
    """
    weights, graph = folder / f"{spec.name}.safetensors", folder / f"{spec.name}.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(load_weights(trained), weights, halved=True)
    build(ResolvedModel(spec.name, weights, spec, sha256_of(weights)), graph, Order("onnxruntime", "fp16"))
    return _described(graph), _described(weights)


def _described(path: Path) -> FileSpec:
    return FileSpec(name=path.name, sha256=sha256_of(path), size=path.stat().st_size)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m reid_tools.train.ship", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("weights", type=Path, metavar="WEIGHTS", help="named after the model that they are for")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: where the project keeps its weights")
    options = parser.parse_args(arguments)
    try:
        graph, weights = ship(options.weights, _spec(options.weights), options.output or shipped_folder("weights"))
    except (EngineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for key, file in (("file", graph), ("weights", weights)):
        print(f"{key}:\n  name: {file.name}\n  sha256: {file.sha256}\n  size: {file.size}")
    return 0


def _spec(weights: Path) -> ModelSpec:
    shipping = {name: spec for name, spec in shipped_specs().items() if spec.ships}
    if weights.stem not in shipping:
        raise UnknownModel(f"{weights}: expected the name of a model that ships ({', '.join(shipping)}.safetensors)")
    return shipping[weights.stem]


if __name__ == "__main__":
    sys.exit(main())
