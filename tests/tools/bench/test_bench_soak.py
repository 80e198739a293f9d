from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from reid_pipeline.errors import ConfigError, SourceError
from reid_tools.bench.loop import loop_clip
from reid_tools.bench.soak import Sample, Soak, soak
from reid_tools.bench.workload import Workload

FRAMES = 12


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """An H.264 clip of 12 pictures at 10 per second, each of its own brightness."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(FRAMES):
            picture = np.full((48, 64, 3), 20 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def samples(*, leak_mb: float, slower_ms: float) -> tuple[Sample, ...]:
    """Two hundred seconds; memory and the time per frame grow by so much from start to end."""
    frames, taken = 0, []
    for second in range(200):
        taken.append(Sample(float(second), int((400 + leak_mb * second / 200) * 1e6), frames))
        frames += round(1000 / (10 + slower_ms * second / 200))
    return tuple(taken)


def test_looping_repeats_pictures_at_rising_times(clip: Path, tmp_path: Path) -> None:
    looped = tmp_path / "looped.mp4"
    loop_clip(clip, looped, times=3)
    with av.open(str(looped)) as container:
        frames = [(frame.time, frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    assert len(frames) == 3 * FRAMES
    np.testing.assert_allclose([time for time, _ in frames], np.arange(3 * FRAMES) / 10, atol=1e-3)
    assert [round(shade) for _, shade in frames[FRAMES : 2 * FRAMES]] == [round(s) for _, s in frames[:FRAMES]]


def test_what_cannot_be_looped_is_one_line(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot loop .*gone\.mp4"):
        loop_clip(tmp_path / "gone.mp4", tmp_path / "out.mp4", times=2)
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(SourceError, match=r"cannot loop .*text\.mp4"):
        loop_clip(tmp_path / "text.mp4", tmp_path / "out.mp4", times=2)
    with pytest.raises(SourceError, match="cannot loop"):
        loop_clip(clip, tmp_path / "missing" / "out.mp4", times=2)


def test_a_flat_run_has_no_drift() -> None:
    flat = Soak(samples(leak_mb=0, slower_ms=0), people=3)
    assert flat.rss_mb.percent == 0
    assert flat.step_ms.percent == pytest.approx(0)
    assert flat.step_ms.early == pytest.approx(10)


def test_a_leak_and_a_slowdown_are_seen() -> None:
    bad = Soak(samples(leak_mb=100, slower_ms=5), people=3)
    # the medians of the first and the last quarter of the last four fifths lie 0.6 of the run apart
    assert bad.rss_mb.late - bad.rss_mb.early == pytest.approx(60, abs=1)
    assert bad.step_ms.percent == pytest.approx(100 * (14.5 / 11.5 - 1), abs=2)
    values = json.loads(json.dumps(bad.to_dict()))
    assert values["rss_mb"]["drift_percent"] == pytest.approx(bad.rss_mb.percent)
    assert values["rss_peak_mb"] == pytest.approx(499.5)
    assert "+" in bad.table()


def test_arguments_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected minutes above 0, got 0"):
        soak(Workload((tmp_path,)), minutes=0)
    with pytest.raises(ConfigError, match="expected a video file"):
        soak(Workload((tmp_path / "gone.mp4",)), minutes=1)
