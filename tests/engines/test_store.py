"""The model store: real files, a real web server on this machine, real pip without an index."""

from __future__ import annotations

import hashlib
import io
import resource
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reid_engines import store
from reid_engines.errors import FetchError, ModelFileError, SpecError, UnknownModel
from reid_engines.spec import FileSpec, ModelSpec, OfficialSource, PackageSource
from reid_engines.store import ResolvedModel, list_models, model_folder, resolve

CONTENT = b"weights of a small network " * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()

Known = Callable[..., None]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("REID_PIPELINE_MODELS", str(folder))
    monkeypatch.delenv("REID_PIPELINE_MIRROR", raising=False)
    return folder


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    """Makes `small` a known detector with the sources given."""

    def make(official: OfficialSource | None = None, package: PackageSource | None = None) -> None:
        file = FileSpec(name="small.onnx", sha256=SHA256, size=len(CONTENT))
        spec = ModelSpec(name="small", kind="detector", licence="MIT", file=file, official=official, package=package)
        monkeypatch.setattr(store, "shipped_specs", lambda: {"small": spec})

    return make


@contextmanager
def serving(body: bytes, *, length: int | None = None) -> Iterator[tuple[str, list[str]]]:
    """An address that answers with `body`, and the paths that were asked for; `length` is what it says to send."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/small", asked
        finally:
            server.shutdown()
            thread.join()


def zipped(member: str, content: bytes = CONTENT) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return packed.getvalue()


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_an_address_is_pulled_once_with_progress(known: Known, models: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    with serving(CONTENT) as (url, asked):
        known(OfficialSource(url=url))
        first = resolve("small", kind="detector", progress=lambda *step: seen.append(step))
        second = resolve("small", kind="detector")
    assert first == second == ResolvedModel("small", models / "small.onnx", first.spec, SHA256)
    assert first.licence == "MIT"
    assert first.path.read_bytes() == CONTENT
    assert seen[-1] == ("small", len(CONTENT), len(CONTENT))
    assert len(asked) == 1
    assert left_over(models) == ["small.onnx"]


def test_a_member_of_a_zip_is_found_under_any_folder(known: Known) -> None:
    with serving(zipped("20230831/end2end.onnx")) as (url, _):
        known(OfficialSource(url=url, member="end2end.onnx"))
        assert resolve("small", kind="detector").path.read_bytes() == CONTENT


def test_a_damaged_file_in_the_folder_is_replaced(known: Known, models: Path) -> None:
    models.mkdir()
    (models / "small.onnx").write_bytes(CONTENT[:-1] + b"!")
    with serving(CONTENT) as (url, _):
        known(OfficialSource(url=url))
        assert resolve("small", kind="detector").path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("body", "length", "message"),
    [
        (CONTENT[:5000], len(CONTENT), f"cut off after 5000 of {len(CONTENT)} bytes"),
        (CONTENT[:-1] + b"!", None, f"expected sha256 {SHA256[:12]}..., got "),
        (b"<html>please log in</html>", None, f"expected {len(CONTENT)} bytes, got 26"),
    ],
)
def test_what_is_not_the_model_is_not_kept(
    known: Known, models: Path, body: bytes, length: int | None, message: str
) -> None:
    with serving(body, length=length) as (url, _):
        known(OfficialSource(url=url))
        with pytest.raises(FetchError) as caught:
            resolve("small", kind="detector")
    line = str(caught.value)
    assert line.startswith(f"small: no source delivered it ({url}: ")
    assert message in line
    assert "set REID_PIPELINE_MIRROR to that folder" in line
    assert "\n" not in line
    assert left_over(models) == []


def test_an_archive_without_the_member(known: Known, models: Path) -> None:
    with serving(zipped("other.onnx")) as (url, _):
        known(OfficialSource(url=url, member="end2end.onnx"))
        with pytest.raises(FetchError, match=r"does not hold a readable end2end\.onnx"):
            resolve("small", kind="detector")
    assert left_over(models) == []


def test_an_address_that_nobody_answers(known: Known) -> None:
    known(OfficialSource(url="http://127.0.0.1:9/small"))
    with pytest.raises(FetchError, match="Connection refused"):
        resolve("small", kind="detector")


def test_a_full_disk_leaves_nothing(known: Known, models: Path) -> None:
    # A limit on the size of files fails a write half-way, as a full disk does.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with serving(CONTENT) as (url, _):
        known(OfficialSource(url=url))
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        try:
            with pytest.raises(FetchError, match=r"cannot be written to .*: File too large; free space there or set"):
                resolve("small", kind="detector")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_over(models) == []


def test_a_model_folder_that_cannot_be_made(known: Known, models: Path) -> None:
    models.write_text("a file where the folder should be")
    known(OfficialSource(url="http://127.0.0.1:9/small"))
    with pytest.raises(FetchError, match=f"cannot be written to {models}: File exists"):
        resolve("small", kind="detector")


def test_two_that_pull_at_once_download_once(known: Known) -> None:
    with serving(CONTENT) as (url, asked), ThreadPoolExecutor(4) as pool:
        known(OfficialSource(url=url))
        found = list(pool.map(lambda _: resolve("small", kind="detector"), range(4)))
    assert len(set(found)) == 1
    assert len(asked) == 1


def test_what_a_killed_process_left_is_cleared(known: Known, models: Path) -> None:
    (models / ".small.onnx-abc").mkdir(parents=True)
    (models / ".small.onnx-abc" / "small.onnx").write_bytes(CONTENT[:100])
    with serving(CONTENT) as (url, _):
        known(OfficialSource(url=url))
        resolve("small", kind="detector")
    assert left_over(models) == ["small.onnx"]


def test_a_mirror_goes_before_the_network(known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "small.onnx").write_bytes(CONTENT)
    known(OfficialSource(url="http://127.0.0.1:9/small"))
    monkeypatch.setenv("REID_PIPELINE_MIRROR", str(mirror))
    assert resolve("small", kind="detector").path.read_bytes() == CONTENT


def test_a_mirror_may_hold_the_file_under_its_published_name(known: Known, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(CONTENT)
    known(package=wheel_source(member="pkg/net.onnx", archive=b""))
    assert resolve("small", kind="detector", mirror=tmp_path).path.read_bytes() == CONTENT


def test_a_mirror_without_the_file_is_named(known: Known, tmp_path: Path) -> None:
    known()
    with pytest.raises(FetchError, match=f"mirror {tmp_path}: has no small.onnx"):
        resolve("small", kind="detector", mirror=tmp_path)


def test_a_mirror_that_is_no_folder(known: Known, tmp_path: Path) -> None:
    known()
    with pytest.raises(FetchError, match="expected a folder with model files"):
        resolve("small", kind="detector", mirror=tmp_path / "absent")


def wheel_source(member: str, archive: bytes) -> PackageSource:
    sha256 = hashlib.sha256(archive).hexdigest()
    return PackageSource(pypi="smallnet==1.0", kind="wheel", member=member, sha256=sha256, size=len(archive) or 1)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, in place of every index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def make_wheel(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("smallnet/net.onnx", CONTENT)
        metadata = "Metadata-Version: 2.1\nName: smallnet\nVersion: 1.0\nRequires-Python: >=99\n"
        archive.writestr("smallnet-1.0.dist-info/METADATA", metadata)
        archive.writestr(
            "smallnet-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("smallnet-1.0.dist-info/RECORD", "")
    (folder / "smallnet-1.0-py3-none-any.whl").write_bytes(packed.getvalue())
    return packed.getvalue()


BACKEND = """
import pathlib
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    made = pathlib.Path(folder, "smallnet-1.0.dist-info")
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\\nName: smallnet\\nVersion: 1.0\\n")
    return made.name
def build_wheel(*arguments, **options):
    raise SystemExit("only the file inside is wanted")
"""


def make_sdist(folder: Path) -> bytes:
    files = {
        "pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND.encode(),
        "PKG-INFO": b"Metadata-Version: 2.1\nName: smallnet\nVersion: 1.0\n",
        "res/net.onnx": CONTENT,
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"smallnet-1.0/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    (folder / "smallnet-1.0.tar.gz").write_bytes(packed.getvalue())
    return packed.getvalue()


def test_a_wheel_delivers_after_the_official_address_failed(known: Known, index: Path, models: Path) -> None:
    archive = make_wheel(index)
    known(OfficialSource(url="http://127.0.0.1:9/small"), wheel_source("smallnet/net.onnx", archive))
    seen: list[tuple[str, int, int]] = []
    found = resolve("small", kind="detector", progress=lambda *step: seen.append(step))
    assert found.path.read_bytes() == CONTENT
    assert all(name == "small" and done <= total == len(archive) for name, done, total in seen)
    assert left_over(models) == ["small.onnx"]


def test_a_source_package_delivers(known: Known, index: Path) -> None:
    archive = make_sdist(index)
    sha256 = hashlib.sha256(archive).hexdigest()
    member = "smallnet-1.0/res/net.onnx"
    known(package=PackageSource(pypi="smallnet==1.0", kind="sdist", member=member, sha256=sha256, size=len(archive)))
    assert resolve("small", kind="detector").path.read_bytes() == CONTENT


def test_a_package_that_is_not_the_one_in_the_spec_is_refused(known: Known, index: Path, models: Path) -> None:
    make_wheel(index)
    known(package=wheel_source("smallnet/net.onnx", b"another archive"))
    with pytest.raises(FetchError, match=r"pip package smallnet==1\.0: .*HASH"):
        resolve("small", kind="detector")
    assert left_over(models) == []


def test_a_package_that_no_index_has(known: Known, index: Path) -> None:
    known(package=wheel_source("smallnet/net.onnx", b""))
    with pytest.raises(FetchError, match=r"pip package smallnet==1\.0: No matching distribution found"):
        resolve("small", kind="detector")


def test_a_path_needs_no_spec(tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(CONTENT)
    assert resolve(path, kind="detector") == ResolvedModel("own", path, None, SHA256)


def test_the_hash_of_an_openvino_model_covers_both_files(tmp_path: Path) -> None:
    path = tmp_path / "own.xml"
    path.write_bytes(b"<net/>")
    with pytest.raises(ModelFileError, match=r"its weights own\.bin are missing"):
        resolve(str(path), kind="encoder")
    path.with_suffix(".bin").write_bytes(CONTENT)
    assert resolve(str(path), kind="encoder").sha256 == hashlib.sha256(b"<net/>" + CONTENT).hexdigest()


def test_a_model_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="yolo11n: expected an encoder, got a detector; known encoders are"):
        resolve("yolo11n", kind="encoder")
    path = tmp_path / "own.onnx"
    path.write_bytes(CONTENT)
    path.with_suffix(".yaml").write_text("kind: detector\n")
    with pytest.raises(UnknownModel, match="expected an encoder, but its spec says detector"):
        resolve(path, kind="encoder")


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        ("yolox-tinny", UnknownModel, "yolox-tinny: no such detector; did you mean yolox-tiny?"),
        ("zzz", UnknownModel, "zzz: no such detector; known detectors are "),
        ("no/such.onnx", ModelFileError, "no/such.onnx: no such model file"),
        ("color-stripes", UnknownModel, "expected a detector, got an encoder"),
        ("osnet", UnknownModel, "osnet: no such detector"),
    ],
)
def test_what_is_not_there_is_named(model: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        resolve(model, kind="detector")
    assert message in str(caught.value)


def test_a_file_of_another_format(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(CONTENT)
    with pytest.raises(ModelFileError, match=r"expected an \.onnx, \.xml, \.engine or \.safetensors file, got \.pt"):
        resolve(path, kind="detector")


def test_a_wrong_spec_beside_a_model_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(CONTENT)
    path.with_suffix(".yaml").write_text("kind: detector\ninput: {colour: bgr}\n")
    with pytest.raises(SpecError, match="did you mean color"):
        resolve(path, kind="detector")


def test_the_list_tells_what_is_there(models: Path) -> None:
    before = {status.name: status for status in list_models()}
    assert before["color-stripes"].cached
    assert not before["yolo11n"].cached
    assert before["yolo11n"].licence == "AGPL-3.0"
    models.mkdir()
    (models / "yolo11n.onnx").write_bytes(b"")
    assert {status.name: status for status in list_models()}["yolo11n"].cached


def test_a_model_without_a_file_has_nothing_to_pull() -> None:
    with pytest.raises(UnknownModel, match="color-stripes: needs no file"):
        resolve("color-stripes", kind="encoder")


def test_the_folder_can_be_chosen(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_folder() == models
    monkeypatch.delenv("REID_PIPELINE_MODELS")
    assert model_folder() == Path.home() / ".cache" / "reid-pipeline" / "models"
