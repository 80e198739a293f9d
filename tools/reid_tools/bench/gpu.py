"""SAGA on an NVIDIA GPU: built, checked and timed through TensorRT and through torch.

    python -m reid_tools.bench.gpu --output docs/measurements

Runs with Python 3.10 and tensorrt 8.5.3.1 as well as with later ones, and needs torch, onnx, onnxruntime and pycuda or
torch's own memory. A backend that is not there is named in the report with what it lacks. Exit status 1 without a GPU,
when nothing could be measured, or when the vectors of a backend are not those of float32.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime, timezone
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reid_engines.backends import choose_backend, open_graph
from reid_engines.backends.graph import Opening, Outputs
from reid_engines.backends.tensorrt import build_engine
from reid_engines.backends.tensorrt_gpu import find_gpu
from reid_engines.contract import PICTURES
from reid_engines.errors import BackendError, EngineError, UnknownModel
from reid_engines.export import export_onnx, load_embedder
from reid_engines.protocol import Graph, Image
from reid_engines.saga.config import MODELS
from reid_engines.spec import EncoderSpec, ModelSpec
from reid_engines.store import ResolvedModel, sha256_of
from reid_tools.bench.gpu_report import Machine, Measured, Report, Timing

if TYPE_CHECKING:
    from reid_engines.saga.embedder import Embedder

BATCHES = (1, 8, 32, 128)
SECONDS = 5.0
CROPS = 256
PACKAGES = ("torch", "tensorrt", "pycuda", "onnx", "onnxruntime", "numpy")
# A tenth of the time to measure is spent before, so that clocks and caches have settled.
WARM_UP = 0.1
PRECISION = "fp16"


def main(arguments: Sequence[str] | None = None) -> int:
    """The script; see the module. Returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if min(options.batches) < 1 or options.seconds <= 0:
        parser.error(f"expected batches and seconds above 0, got {options.batches} and {options.seconds:g}")
    try:
        machine = _machine()
        report = _bench(options, machine)
        stem = f"gpu-{options.model}-{machine.gpu.lower().replace(' ', '-')}"
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / f"{stem}.json").write_text(report.to_json(), encoding="utf-8")
        (options.output / f"{stem}.md").write_text(report.to_markdown(), encoding="utf-8")
    except (EngineError, OSError) as error:
        print(f"error: bench gpu: {error}", file=sys.stderr)
        return 1
    print(report.to_markdown())
    print(f"written to {options.output / stem}.json and .md", file=sys.stderr)
    failed = [result.backend for result in report.results if not result.missing and not result.passed]
    if failed:
        print(f"error: bench gpu: not the vectors of float32: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed or all(result.missing for result in report.results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reid_tools.bench.gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="saga-b", help="configuration of the SAGA family (default: saga-b)")
    parser.add_argument("--weights", type=Path, help="a .safetensors file (default: random weights)")
    parser.add_argument("--output", type=Path, default=Path(), help="folder of the report (default: this one)")
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES), help="default: 1 8 32 128")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time to measure per batch (default: 5)")
    return parser


def _machine() -> Machine:
    gpu = find_gpu()
    if gpu is None:
        raise BackendError("no NVIDIA GPU answers; run this on a machine where nvidia-smi lists one")
    if find_spec("torch") is None:
        raise BackendError("torch is not installed, which the vectors are compared with; run: pip install torch")
    return Machine(
        gpu=gpu.name,
        capability=gpu.capability,
        driver=gpu.driver,
        system=f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        commit=_commit(),
        versions={name: version for name in PACKAGES if (version := _version(name))},
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _commit() -> str:
    """The commit of the checkout that this file is in, marked where files differ from it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _bench(options: argparse.Namespace, machine: Machine) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        weights, path = _weights(options, Path(folder)), Path(folder) / f"{options.model}.onnx"
        embedder = load_embedder(weights)
        crops = made_up_crops(max(CROPS, *options.batches), *embedder.size)
        expected = _in_float32(embedder, crops)
        batch = max(options.batches)
        opened: dict[str, Callable[[], Graph]] = {
            "tensorrt": lambda: _tensorrt_graph(weights, path, batch),
            "torch": lambda: _torch_graph(embedder, batch),
        }
        results = tuple(
            measured(name, make, crops, expected=expected, batches=options.batches, seconds=options.seconds)
            for name, make in opened.items()
        )
    return Report(options.model, options.weights.name if options.weights else "random", machine, results)


def _weights(options: argparse.Namespace, folder: Path) -> Path:
    """The weights file asked for, else one with random weights, made in the folder."""
    import torch

    # These import torch as well.
    from reid_engines.saga.model import Saga  # noqa: PLC0415
    from reid_engines.saga.weights import save_weights  # noqa: PLC0415

    if options.weights is not None:
        return Path(options.weights)
    if options.model not in MODELS:
        raise UnknownModel(f"{options.model}: no such model; known are {', '.join(MODELS)}")
    torch.manual_seed(0)
    path = folder / f"{options.model}.safetensors"
    save_weights(Saga(MODELS[options.model]), path)
    return path


def made_up_crops(count: int, height: int, width: int) -> Image:
    """Pictures uint8 (count, height, width, 3) of large blotches with fine noise on them, always the same ones."""
    random = np.random.default_rng(0)
    blotches = random.uniform(0, 255, (count, 8, 4, 3))
    rows, columns = np.arange(height) * 8 // height, np.arange(width) * 4 // width
    large = blotches[:, rows][:, :, columns]
    return np.clip(large + random.normal(0, 12, large.shape), 0, 255).astype(np.uint8)


def _in_float32(embedder: Embedder, crops: Image) -> NDArray[np.float32]:
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Not inside inference mode: what is moved there cannot be turned into half precision outside of it.
    embedder.to(device)
    with torch.inference_mode():
        parts = [embedder(torch.from_numpy(part).to(device)).cpu().numpy() for part in _parts(crops, 32)]
    embedder.to("cpu")
    return np.concatenate(parts)


def _export(weights: Path, path: Path) -> None:
    import onnx  # noqa: PLC0415

    # From which cosine on two looks match is asked for, and of no interest here.
    spec = ModelSpec(name=weights.stem, kind="encoder", encoder=EncoderSpec(match=0.5))
    model, _ = export_onnx(ResolvedModel(weights.stem, weights, spec, sha256_of(weights)))
    onnx.save(model, path)


def _tensorrt_graph(weights: Path, path: Path, batch: int) -> Graph:
    choose_backend(path, "tensorrt")
    _export(weights, path)
    engine = path.with_suffix(".engine")
    build_engine(path, Opening(PICTURES, batch=batch), engine, note=_note)
    return open_graph(engine, Opening(PICTURES), backend="tensorrt")


def _torch_graph(embedder: Embedder, batch: int) -> Graph:
    import torch

    from reid_engines.backends.torch import graph_of  # noqa: PLC0415

    if not torch.cuda.is_available():
        raise BackendError(f"torch {torch.__version__} sees no GPU; install a build of torch for CUDA")
    return graph_of(embedder, Opening(PICTURES, batch=batch))


def measured(
    backend: str,
    make: Callable[[], Graph],
    crops: Image,
    *,
    expected: NDArray[np.float32],
    batches: Sequence[int],
    seconds: float,
) -> Measured:
    """Check and time the graph that `make` opens, on the first crops for each of the batches.

    `expected` is float32 (N, dim), the vectors that the crops should give. Returns why there is nothing to measure when
    `make` raises `EngineError`.
    """
    _note(f"{backend}: opening")
    try:
        graph = make()
    except EngineError as error:
        _note(f"{backend}: {error}")
        return Measured(backend, PRECISION, missing=str(error))
    try:
        # Every size of batch, because each is executed by kernels of its own.
        cosines = np.concatenate([_cosines(graph, crops, expected, batch) for batch in batches])
        timings = []
        for batch in batches:
            timings.append(_timed(graph, crops[:batch], seconds))
            _note(f"{backend}: {timings[-1].crops_per_s:.0f} crops/s in batches of {batch}")
    finally:
        graph.close()
    return Measured(backend, PRECISION, float(cosines.mean()), float(cosines.min()), tuple(timings))


def _cosines(graph: Graph, crops: Image, expected: NDArray[np.float32], batch: int) -> NDArray[np.float64]:
    parts = [graph.submit(part).result()[0] for part in _parts(crops, batch)]
    vectors, wanted = np.concatenate(parts).astype(np.float64), expected.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(wanted, axis=1)
    return np.asarray((vectors * wanted).sum(axis=1) / lengths)


def _timed(graph: Graph, images: Image, seconds: float) -> Timing:
    _submitted(graph, images, WARM_UP * seconds)
    began = perf_counter()
    done = _submitted(graph, images, seconds)
    took = perf_counter() - began
    alone: list[float] = []
    while sum(alone) < WARM_UP * seconds or not alone:
        start = perf_counter()
        graph.submit(images).result()
        alone.append(perf_counter() - start)
    return Timing(len(images), done * len(images) / took, 1000 * statistics.median(alone))


def _submitted(graph: Graph, images: Image, seconds: float) -> int:
    """Keep the graph busy for so long and wait for the rest; returns how many submissions that were."""
    until, under_way, count = perf_counter() + seconds, deque[Future[Outputs]](), 0
    while perf_counter() < until or not count:
        under_way.append(graph.submit(images))
        count += 1
        if len(under_way) > graph.parallel:
            under_way.popleft().result()
    for future in under_way:
        future.result()
    return count


def _parts(crops: Image, size: int) -> Iterator[Image]:
    return (crops[start : start + size] for start in range(0, len(crops), size))


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
