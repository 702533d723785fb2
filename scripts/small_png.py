"""Make a screenshot small: with 256 colours, each other one drawn as the nearest of them."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Page

COLOURS = 256
BATCH = 4_096
# A browser reads the picture that a browser has taken, so that nobody has to install a reader of PNG.
DECODE = """async (png) => {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  let text = "";
  for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192));
  return [bitmap.width, bitmap.height, btoa(text)];
}"""


async def shrink(blank: Page, png: bytes) -> bytes:
    """On a page that may do what it likes."""
    width, height, text = await blank.evaluate(DECODE, base64.b64encode(png).decode())
    pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, 4)[:, :3].astype(np.int32)
    colours, which, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    palette = colours[_chosen(colours, counts)]
    drawn = _nearest(colours, palette)[which.reshape(-1)].reshape(height, width)
    return _png(drawn, palette.astype(np.uint8))


def _chosen(colours: NDArray[np.int32], counts: NDArray[np.intp]) -> list[int]:
    """The colour it has most of, and one after another that which would be missed most."""
    chosen = [int(np.argmax(counts))]
    missed = ((colours - colours[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < COLOURS and missed.any():
        chosen.append(int(np.argmax(counts * missed)))
        missed = np.minimum(missed, ((colours - colours[chosen[-1]]) ** 2).sum(axis=1))
    return chosen


def _nearest(colours: NDArray[np.int32], palette: NDArray[np.int32]) -> NDArray[np.uint8]:
    found = [
        np.argmin(((colours[at : at + BATCH, None] - palette[None]) ** 2).sum(axis=2), axis=1)
        for at in range(0, len(colours), BATCH)
    ]
    return np.concatenate(found).astype(np.uint8)


def _png(drawn: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    height, width = drawn.shape
    # Each line begins with its filter: none, which serves a palette best.
    lines = np.zeros((height, width + 1), np.uint8)
    lines[:, 1:] = drawn
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
