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

/** Height and width of the middle of the square that holds the scaled picture, multiples of a stride. */
export function frame(box, stride) {
  const half = Math.ceil(Math.floor(box.side / 2) / stride) * stride;
  return [box.newHeight, box.newWidth].map((size) => Math.max(half, Math.ceil(size / stride) * stride));
}

/** RGB bytes of a picture -> RGB bytes of a frame in the middle of the square, padded with a colour. */
export function apply(box, pixels, padding, [rows, columns] = [box.side, box.side]) {
  const [fx, fy] = [box.width / box.newWidth, box.height / box.newHeight].map((f) => Math.trunc(f) || 1);
  let source = { pixels, rows: box.height, columns: box.width };
  if (fx > 1 || fy > 1) source = reduceBytes(pixels, box.height, box.width, fx, fy);
  const content = resizeBytes(
    source.pixels, source.rows, source.columns, [0, 0, box.width / fx, box.height / fy], box.newHeight, box.newWidth,
  );
  const framed = new Uint8Array(rows * columns * 3);
  const [top, left] = [box.top - Math.floor((box.side - rows) / 2), box.left - Math.floor((box.side - columns) / 2)];
  for (let k = 0; k < framed.length; k++) framed[k] = padding[k % 3];
  for (let y = 0; y < box.newHeight; y++) {
    const row = content.subarray(y * box.newWidth * 3, (y + 1) * box.newWidth * 3);
    framed.set(row, ((top + y) * columns + left) * 3);
  }
  return framed;
}

/** A map over the square, or a frame, as long as it -> over the picture, at any size (the picture's by default). */
export function invert(box, map, rows, columns, outRows = box.height, outColumns = box.width) {
  const longer = Math.max(rows, columns);
  const cells = (edge, count) => (edge * longer) / box.side - (longer - count) / 2;
  const [y0, y1] = [box.top, box.top + box.newHeight].map((edge) => cells(edge, rows));
  const [x0, x1] = [box.left, box.left + box.newWidth].map((edge) => cells(edge, columns));
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
