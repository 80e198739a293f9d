# mypy: disable-error-code="import-not-found", disallow-subclassing-any=False
"""The only module that talks to TensorRT: building an engine from ONNX, and executing one.

Two generations of its API are spoken. Up to 8.6 networks are weakly typed: flags say which precisions TensorRT may use.
From 10 on they are strongly typed here (the only kind in 11): the graph itself says what is half precision or int8.
`set_tensor_address` and `execute_async_v3` are there from 8.5 on, the oldest that is supported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from reid_engines.backends.graph import reason
from reid_engines.backends.tensorrt_file import write_whole
from reid_engines.backends.tensorrt_network import WIDE, PictureNetwork
from reid_engines.contract import Precision
from reid_engines.errors import BackendError

if TYPE_CHECKING:
    import tensorrt as trt

Note = Callable[[str], None]
"""Takes one line for people."""

OLDEST = (8, 5)
NEWS_EVERY_S = 15.0
_STRONGLY_TYPED_FROM = 10
_DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}


def version() -> str:
    """TensorRT's version. Raises `BackendError` for one that is too old or cannot be imported."""
    try:
        import tensorrt as trt

        found = str(trt.__version__)
        numbers = tuple(int(part) for part in found.split(".")[:2])
    except Exception as error:
        # Without its own libraries beside it the package may fail in any way.
        raise BackendError(f"backend tensorrt: the tensorrt package cannot be used: {reason(error)}") from None
    if numbers < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise BackendError(f"backend tensorrt: expected TensorRT {oldest} or later, got {found}; update it")
    return found


def strongly_typed() -> bool:
    """Whether networks are strongly typed with the TensorRT that is installed."""
    return int(version().split(".")[0]) >= _STRONGLY_TYPED_FROM


def build(
    network: PictureNetwork, precision: Precision, *, timings: Path, label: str, note: Note, stop: Event
) -> bytes:
    """Build an engine for the GPU of this process; takes minutes. The result is what `Engine` takes.

    `timings` is a file in which TensorRT keeps what it measured for the next build; `label` stands in front of all
    lines. Once `stop` is set a build ends early (not before TensorRT 10).

    Raises `BackendError`.
    """
    import tensorrt as trt

    log = _logger()
    builder = _made(lambda: trt.Builder(log), label, log)
    flags = 0
    if not strongly_typed():
        flags = 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
    elif int(version().split(".")[0]) == _STRONGLY_TYPED_FROM:
        flags = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    definition = builder.create_network(flags)
    parser = trt.OnnxParser(definition, log)
    if not parser.parse(network.onnx):
        raise BackendError(f"{label}: TensorRT {version()} cannot read the graph: {_complaints(parser)}")
    config = builder.create_builder_config()
    if strongly_typed():
        if precision == "fp32":
            config.clear_flag(trt.BuilderFlag.TF32)
    else:
        _choose_precision(definition, config, precision)
    _use_timings(config, timings)
    config.add_optimization_profile(_profile(builder, network))
    with _news(config, label, note, stop):
        serialized = builder.build_serialized_network(definition, config)
    if serialized is None:
        cause = "stopped" if stop.is_set() else log.last or "no reason given"
        raise BackendError(f"{label}: TensorRT {version()} cannot build an engine: {cause}")
    write_whole(timings, bytes(config.get_timing_cache().serialize()))
    return bytes(serialized)


class Engine:
    """An engine on the GPU with one execution context; one thread at a time.

    `input` is the name of its input, `outputs` maps the names of its outputs to NumPy's names of their types.
    """

    def __init__(self, serialized: bytes, label: str) -> None:
        """The GPU must be current. Raises `BackendError` when TensorRT refuses the engine."""
        import tensorrt as trt

        self._log = _logger()
        self._runtime = _made(lambda: trt.Runtime(self._log), label, self._log)
        engine = self._runtime.deserialize_cuda_engine(serialized)
        if engine is None:
            raise BackendError(
                f"{label}: TensorRT {version()} refuses the engine: {self._log.last or 'no reason given'}"
            )
        self._engine = engine
        self._context = _made(engine.create_execution_context, label, self._log)
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        self.input = next(name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT)
        self.outputs = {name: _DTYPES[engine.get_tensor_dtype(name).name] for name in names if name != self.input}

    def enqueue(self, shape: tuple[int, ...], addresses: Mapping[str, int], stream: int) -> None:
        """Put one execution on the stream, for an input of this shape. Raises `BackendError`."""
        context = self._context
        done = context.set_input_shape(self.input, shape)
        for name, address in addresses.items():
            done = done and context.set_tensor_address(name, address)
        if not (done and context.execute_async_v3(stream)):
            raise BackendError(f"TensorRT refuses to execute: {self._log.last or 'no reason given'}")


def _logger() -> Any:
    """A logger that prints nothing and keeps in `last` TensorRT's last error, or its last warning before any error."""
    import tensorrt as trt

    severity_of = trt.ILogger.Severity

    class Log(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last = ""
            self._failed = False

        def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
            failed = severity in (severity_of.ERROR, severity_of.INTERNAL_ERROR)
            if failed or (severity == severity_of.WARNING and not self._failed):
                self.last = " ".join(msg.split())
            self._failed = self._failed or failed

    return Log()


def _made(make: Callable[[], Any], label: str, log: Any) -> Any:
    """What TensorRT makes; it gives None or a TypeError where there is no usable GPU."""
    try:
        made = make()
    except TypeError:
        made = None
    if made is None:
        cause = log.last or "it finds no CUDA device"
        raise BackendError(
            f"{label}: TensorRT {version()} does not start: {cause}; check that nvidia-smi lists a GPU with a recent "
            "driver, or use backend openvino"
        )
    return made


def _complaints(parser: trt.OnnxParser) -> str:
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    lines = [f"node {error.node()}: {' '.join(error.desc().split())}" for error in errors]
    return "; ".join(lines) or "no reason given"


def _choose_precision(definition: trt.INetworkDefinition, config: trt.IBuilderConfig, precision: Precision) -> None:
    """Flags of a weakly typed network, and float32 for what half precision spoils."""
    import tensorrt as trt

    if precision == "fp32":
        config.clear_flag(trt.BuilderFlag.TF32)
        return
    config.set_flag(trt.BuilderFlag.FP16)
    if precision == "int8":
        config.set_flag(trt.BuilderFlag.INT8)
    config.set_flag(trt.BuilderFlag.PREFER_PRECISION_CONSTRAINTS)
    for index in range(definition.num_layers):
        layer = definition.get_layer(index)
        # Integers are lengths that the graph computes with; they have no other precision.
        if layer.name.startswith(WIDE) and layer.get_output(0).dtype == trt.DataType.FLOAT:
            layer.precision = trt.DataType.FLOAT
            layer.set_output_type(0, trt.DataType.FLOAT)


def _use_timings(config: trt.IBuilderConfig, path: Path) -> None:
    try:
        known = path.read_bytes()
    except OSError:
        known = b""
    if not config.set_timing_cache(config.create_timing_cache(known), False):
        config.set_timing_cache(config.create_timing_cache(b""), False)


def _profile(builder: trt.Builder, network: PictureNetwork) -> trt.IOptimizationProfile:
    """From one picture to the largest batch, fastest for the largest: that is where throughput matters."""
    import tensorrt as trt

    shape = network.survey.shape
    most = trt.Dims4(shape.batch, shape.height, shape.width, 3)
    least = trt.Dims4(1 if network.survey.open_batch else shape.batch, shape.height, shape.width, 3)
    profile = builder.create_optimization_profile()
    profile.set_shape(network.input, least, most, most)
    return profile


@contextmanager
def _news(config: trt.IBuilderConfig, label: str, note: Note, stop: Event) -> Iterator[None]:
    """Tell now and then how far a build is: the time it took, and steps where TensorRT tells them."""
    steps = _watch_steps(config, stop) if strongly_typed() else {}
    began, done = monotonic(), Event()

    def tell() -> None:
        while not done.wait(NEWS_EVERY_S):
            progress = [f"{done} of {total} {phase}" for phase, (done, total) in list(steps.items())]
            note(", ".join([f"{label}: still building the TensorRT engine, {monotonic() - began:.0f} s", *progress]))

    thread = Thread(target=tell, name="tensorrt-news", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _watch_steps(config: trt.IBuilderConfig, stop: Event) -> dict[str, tuple[int, int]]:
    """Steps done and in all, by phase under way, as TensorRT tells them; it ends the build once `stop` is set."""
    import tensorrt as trt

    steps: dict[str, tuple[int, int]] = {}

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
            if not parent_phase:
                steps[phase_name] = (0, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            if phase_name in steps:
                steps[phase_name] = (step + 1, steps[phase_name][1])
            return not stop.is_set()

        def phase_finish(self, phase_name: str) -> None:
            steps.pop(phase_name, None)

    config.progress_monitor = Monitor()
    return steps
