"""Opens the detector that a configuration names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from reid_engines.backends import AT_ONCE, FirstBuild, choose_backend, describe_graph, open_graph
from reid_engines.backends.graph import GraphInfo, Opening
from reid_engines.errors import SpecError
from reid_engines.protocol import Port
from reid_engines.spec import DetectorSpec, InputSpec, ModelSpec
from reid_engines.store import ResolvedModel, resolve
from reid_pipeline.detect.heads import HEADS, Head, Query, person_class, recognise
from reid_pipeline.detect.letterbox import Letterbox
from reid_pipeline.detect.protocol import Detector
from reid_pipeline.detect.recorded import RecordedDetector
from reid_pipeline.detect.yolo import YoloDetector
from reid_pipeline.errors import ConfigError

RECORDED = "recorded"
DEFAULT_SIDE_PX = 640
COARSEST_STRIDE_PX = 32

Progress = Callable[[str, int, int], None]
Part = TypeVar("Part", InputSpec, DetectorSpec)


class _Habits(NamedTuple):
    """How a family of networks wants its pictures; what a model's own spec says goes first."""

    input: InputSpec
    fitting: DetectorSpec


HABITS = {
    "ultralytics": _Habits(InputSpec(color="rgb", std=(255.0, 255.0, 255.0)), DetectorSpec(letterbox="center")),
    "yolox": _Habits(InputSpec(color="bgr"), DetectorSpec(letterbox="topleft")),
}


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """Which detector, and how.

    Args:
        model: a known name, the path of an .onnx or .xml file, or `recorded`.
        confidence: boxes scored below this are dropped.
        backend: the runtime, or `auto`.
        threads: CPU threads for the model; 0 leaves it to the runtime.
        batch: frames per request where the model leaves that open.
        detections: for `recorded`, each camera's file of boxes.
    """

    model: str = "yolox-tiny"
    confidence: float = 0.25
    backend: str = "auto"
    threads: int = 0
    batch: int = 1
    detections: Mapping[str, Path] = field(default_factory=dict)


def open_detector(
    options: DetectorOptions,
    *,
    frame_sizes: Sequence[tuple[int, int]] = (),
    mirror: Path | None = None,
    progress: Progress | None = None,
    first_build: FirstBuild = AT_ONCE,
) -> Detector:
    """Open the detector, pulling its model first where that is needed.

    `frame_sizes` are the (width, height) of the cameras' pictures where they are known: a network with an open input
    size then leaves out padding that none of them needs. `mirror` and `progress` are those of
    `reid_engines.store.resolve`, `first_build` that of `reid_engines.backends.open_graph`.

    Raises:
        ConfigError: the model is a checkpoint that must be exported first.
        RecordError: recorded detections cannot be read.
        EngineError: the model cannot be found, pulled, read or executed, or is no YOLO detector of people.
    """
    if options.model == RECORDED:
        return RecordedDetector(options.detections, options.confidence)
    if Path(options.model).suffix == ".pt":
        raise ConfigError(
            f"detector.model: expected an .onnx or .xml file, got the checkpoint {options.model}; "
            f"run: reid-pipeline engines build {options.model}"
        )
    model = resolve(options.model, kind="detector", mirror=mirror, progress=progress)
    return _open_yolo(model, options, frame_sizes=frame_sizes, first_build=first_build)


def _open_yolo(
    model: ResolvedModel, options: DetectorOptions, *, frame_sizes: Sequence[tuple[int, int]], first_build: FirstBuild
) -> Detector:
    spec = model.spec or ModelSpec(name=model.name, kind="detector")
    info = describe_graph(model.path, backend=options.backend)
    width, height = _input_size(info, spec.input, frame_sizes)
    size = {"width": width, "height": height}
    head = _head(spec, _output_ports(model, info, spec.input.model_copy(update=size), options), width, height)
    contract = _updated(HABITS[head.family].input, spec.input).model_copy(update=size)
    fitting = _updated(HABITS[head.family].fitting, spec.detector)
    person = fitting.person_class
    if "person_class" not in spec.detector.model_fields_set:
        person = person_class(info.metadata, model=model.name)
    opening = Opening(contract, feeds="bgr", batch=options.batch, threads=options.threads)
    graph = open_graph(model.path, opening, backend=options.backend, first_build=first_build)
    return YoloDetector(
        model.name,
        model.sha256,
        graph,
        head=head,
        query=Query(person, options.confidence, width, height),
        letterbox=Letterbox(width, height, center=fitting.letterbox == "center", pad=fitting.pad),
    )


def _input_size(info: GraphInfo, spec: InputSpec, frame_sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Width and height of the network's input: the graph's, else what the frames need of the spec's or the default."""
    length = dict(zip(spec.layout.upper(), info.inputs[0].shape, strict=False))
    width = length.get("W") or spec.width or DEFAULT_SIDE_PX
    height = length.get("H") or spec.height or DEFAULT_SIDE_PX
    if not frame_sizes or length.get("W") or length.get("H"):
        return width, height
    needs = [(w * ratio, h * ratio) for w, h in frame_sizes for ratio in [min(width / w, height / h)]]
    return _in_strides(max(w for w, _ in needs)), _in_strides(max(h for _, h in needs))


def _in_strides(length: float) -> int:
    return ceil(round(length) / COARSEST_STRIDE_PX) * COARSEST_STRIDE_PX


def _output_ports(
    model: ResolvedModel, info: GraphInfo, contract: InputSpec, options: DetectorOptions
) -> Sequence[Port]:
    """The outputs with the lengths that the file gives, or those of a trial run where it gives none."""
    if not any(set(port.shape[1:]) == {None} for port in info.outputs if len(port.shape) == 3):
        return info.outputs
    # Which backend makes no difference to shapes, but an engine for one picture would be minutes spent for nothing.
    backend = choose_backend(model.path, without={"tensorrt": "would have to build an engine"}).backend
    graph = open_graph(model.path, Opening(contract, threads=options.threads), backend=backend)
    try:
        outputs = graph.submit(np.zeros([1, *(length or 1 for length in graph.input.shape[1:])], np.uint8)).result()
    finally:
        graph.close()
    return [Port(port.name, output.shape, port.dtype) for port, output in zip(info.outputs, outputs, strict=True)]


def _head(spec: ModelSpec, ports: Sequence[Port], width: int, height: int) -> Head:
    hint = spec.detector.head
    if hint is None:
        return recognise(ports, width=width, height=height, model=spec.name)
    if hint not in HEADS:
        raise SpecError(f"{spec.name}: detector.head: expected one of {', '.join(HEADS)}, got {hint}")
    return HEADS[hint]


def _updated(habit: Part, given: Part) -> Part:
    """The habit with every field replaced that the spec sets."""
    return habit.model_copy(update={name: getattr(given, name) for name in given.model_fields_set})
