"""`python -m reid_tools.occlusion.draw [KIND ...]`: draw the library of cut-outs anew."""

from __future__ import annotations

import argparse
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from reid_pipeline.errors import PipelineError, RecordError
from reid_pipeline.types import Image
from reid_tools.occlusion.draw import aloft, bicycles, boards, cars, furniture, luggage, motorbikes, pavement, people
from reid_tools.occlusion.draw.drawing import Drawing
from reid_tools.occlusion.draw.render import render
from reid_tools.occlusion.library import CUTOUTS, HABITS

MODELS: dict[str, Callable[[], list[Drawing]]] = {
    "bag": luggage.bags,
    "bench": furniture.benches,
    "bike": bicycles.bikes,
    "car": cars.cars,
    "card": boards.cards,
    "chair": furniture.chairs,
    "fire_hydrant": pavement.fire_hydrants,
    "kite": aloft.kites,
    "motorbike": motorbikes.motorbikes,
    "post": pavement.posts,
    "road_sign": boards.road_signs,
    "stone": pavement.stones,
    "suitcase": luggage.suitcases,
    "umbrella": aloft.umbrellas,
}


def draw(kind: str) -> list[Image]:
    """The cut-outs of one kind, uint8 (h, w, 4) RGBA, the same ones every time.

    Raises:
        MissingExtra: pedestrians need the `[footage]` extra.
    """
    drawn = people.pedestrians() if kind == "pedestrian" else [render(*drawing) for drawing in MODELS[kind]()]
    return [_coarse(image) for image in drawn]


def _coarse(image: Image) -> Image:
    """Six bits a colour: what is to be scaled and pasted needs no more, and the files are half as large."""
    colours = np.rint(np.rint(image[..., :3] / 255 * 63) * (255 / 63))
    return np.concatenate([np.where(image[..., 3:] > 0, colours, 0), image[..., 3:]], axis=-1).astype(np.uint8)


def coded(image: Image) -> bytes:
    """The PNG file of a cut-out; rows are left unfiltered, which suits few colours best."""
    height, width = image.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), image.reshape(height, -1)], axis=1)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m reid_tools.occlusion.draw", description="Draw the occluders.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="what to draw, everything by default")
    parser.add_argument("--output", type=Path, default=CUTOUTS, metavar="DIR", help="by default the library itself")
    options = parser.parse_args(arguments)
    unknown = [kind for kind in options.kinds if kind not in HABITS]
    if unknown:
        parser.error(f"{unknown[0]}: unknown kind; known are {', '.join(HABITS)}")
    try:
        _write(options.kinds or list(HABITS), options.output)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _write(kinds: list[str], output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        for kind in kinds:
            for number, image in enumerate(draw(kind), start=1):
                (output / f"{kind}-{number}.png").write_bytes(coded(image))
    except OSError as error:
        raise RecordError(f"{output}: cannot write the cut-outs: {error.strerror}; choose another --output") from None


if __name__ == "__main__":
    sys.exit(main())
