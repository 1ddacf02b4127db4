// How a picture sits in the network's square, and the way back; the same as deixis.image.Letterbox.

import { reduceBytes, resizeBytes, resizeFloat } from "./resample.js";

function roundHalfToEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Place a picture of height x width in a square. */
export function fit(height, width, side) {
  const scale = side / Math.max(height, width);
  const newHeight = Math.min(side, Math.max(1, roundHalfToEven(height * scale)));
  const newWidth = Math.min(side, Math.max(1, roundHalfToEven(width * scale)));
  return {
    height, width, side, newHeight, newWidth,
    top: Math.floor((side - newHeight) / 2),
    left: Math.floor((side - newWidth) / 2),
  };
}

/** RGB bytes of a picture -> RGB bytes of the square, padded with a colour. */
export function apply(box, pixels, padding) {
  const [fx, fy] = [box.width / box.newWidth, box.height / box.newHeight].map((f) => Math.trunc(f / 2) || 1);
  let source = { pixels, rows: box.height, columns: box.width };
  if (fx > 1 || fy > 1) source = reduceBytes(pixels, box.height, box.width, fx, fy);
  const content = resizeBytes(
    source.pixels, source.rows, source.columns, [0, 0, box.width / fx, box.height / fy], box.newHeight, box.newWidth,
  );
  const square = new Uint8Array(box.side * box.side * 3);
  for (let k = 0; k < square.length; k++) square[k] = padding[k % 3];
  for (let y = 0; y < box.newHeight; y++) {
    const row = content.subarray(y * box.newWidth * 3, (y + 1) * box.newWidth * 3);
    square.set(row, ((box.top + y) * box.side + box.left) * 3);
  }
  return square;
}

/** A map over the square -> over the picture, at any size (the picture's own by default). */
export function invert(box, map, rows, columns, outRows = box.height, outColumns = box.width) {
  const [y0, y1] = [box.top, box.top + box.newHeight].map((edge) => (edge * rows) / box.side);
  const [x0, x1] = [box.left, box.left + box.newWidth].map((edge) => (edge * columns) / box.side);
  // Cells that lie wholly in the padding go first: bilinear would mix them into the picture's border.
  const [row, column] = [Math.floor(y0), Math.floor(x0)];
  const [height, width] = [Math.ceil(y1) - row, Math.ceil(x1) - column];
  const content = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const from = (row + y) * columns + column;
    content.set(map.subarray(from, from + width), y * width);
  }
  return resizeFloat(content, height, width, [x0 - column, y0 - row, x1 - column, y1 - row], outRows, outColumns);
}
