"""Progress bars on stderr, drawn by rich."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from reid_pipeline.cli.text import short_count
from reid_pipeline.redact import redact


class _Done(ProgressColumn):
    """How much is done, of how much, and how fast; the same for frames and for bytes."""

    def render(self, task: Task) -> Text:
        total = f"/{short_count(task.total)}" if task.total else ""
        speed = task.finished_speed or task.speed
        rate = f"  {short_count(speed)}/s" if speed else ""
        return Text(f"{short_count(task.completed)}{total}{rate}")


class Bars:
    """One bar per task; usable from several threads."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), _Done(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, task: str, total: int | None) -> None:
        self._tasks[task] = self._progress.add_task(task, total=total)

    def advance(self, task: str, done: int) -> None:
        self._progress.update(self._tasks[task], completed=done)

    def end(self, task: str) -> None:
        self._progress.remove_task(self._tasks.pop(task))

    def note(self, text: str) -> None:
        self._progress.console.print(redact(text), markup=False, highlight=False)
