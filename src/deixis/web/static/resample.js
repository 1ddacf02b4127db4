// Bilinear resizing with the triangle filter widened when it shrinks, to the last bit as Pillow does it:
// what deixis.image computes in Python. Pure functions, no canvas.

/** Weights of each output cell: first input cell, and how much of it and of the following ones. */
function filter(size, from, to, outSize) {
  [from, to] = [Math.fround(from), Math.fround(to)]; // Pillow takes the box as single floats
  const scale = Math.fround(to - from) / outSize;
  const reach = Math.max(scale, 1);
  const starts = new Int32Array(outSize);
  const weights = [];
  for (let out = 0; out < outSize; out++) {
    const centre = from + (out + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const last = Math.min(size, Math.trunc(centre + reach + 0.5));
    const row = new Float64Array(last - first);
    let sum = 0;
    for (let k = 0; k < row.length; k++) {
      row[k] = Math.max(0, 1 - Math.abs((k + first - centre + 0.5) * (1 / reach)));
      sum += row[k];
    }
    if (sum !== 0) for (let k = 0; k < row.length; k++) row[k] /= sum;
    starts[out] = first;
    weights.push(row);
  }
  return { starts, weights };
}

/** Part of a map (Float32Array, rows x columns) at another size; box is [x0, y0, x1, y1] in cells. */
export function resizeFloat(map, rows, columns, box, outRows, outColumns) {
  const across = filter(columns, box[0], box[2], outColumns);
  const down = filter(rows, box[1], box[3], outRows);
  const wide = new Float32Array(rows * outColumns);
  for (let x = 0; x < outColumns; x++) {
    const weights = across.weights[x];
    for (let y = 0; y < rows; y++) {
      let sum = 0;
      const at = y * columns + across.starts[x];
      for (let k = 0; k < weights.length; k++) sum += map[at + k] * weights[k];
      wide[y * outColumns + x] = sum;
    }
  }
  const result = new Float32Array(outRows * outColumns);
  for (let y = 0; y < outRows; y++) {
    const weights = down.weights[y];
    const at = down.starts[y] * outColumns;
    for (let x = 0; x < outColumns; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += wide[at + k * outColumns + x] * weights[k];
      result[y * outColumns + x] = sum;
    }
  }
  return result;
}

const BITS = 22; // of the fixed-point weights for bytes

function fixed({ starts, weights }) {
  return { starts, weights: weights.map((row) => Int32Array.from(row, (value) => Math.trunc(0.5 + value * (1 << BITS)))) };
}

/** One pass over RGB bytes: `count` lines; `next` is the distance of lines in bytes, `step` that of cells in a line. */
function pass(source, target, { starts, weights }, count, from, to) {
  const half = 1 << (BITS - 1);
  for (let out = 0; out < weights.length; out++) {
    const row = weights[out];
    for (let line = 0; line < count; line++) {
      for (let c = 0; c < 3; c++) {
        let sum = half;
        let at = line * from.next + starts[out] * from.step + c;
        for (let k = 0; k < row.length; k++, at += from.step) sum += source[at] * row[k];
        target[line * to.next + out * to.step + c] = sum >> BITS;
      }
    }
  }
}

/** RGB bytes (rows x columns x 3) at another size; box as above. */
export function resizeBytes(pixels, rows, columns, box, outRows, outColumns) {
  const across = fixed(filter(columns, box[0], box[2], outColumns));
  const down = fixed(filter(rows, box[1], box[3], outRows));
  const lines = (width) => ({ next: 3 * width, step: 3 });
  const stacks = (width) => ({ next: 3, step: 3 * width });
  const result = new Uint8Array(outRows * outColumns * 3);
  // The first pass rounds, so the order shows in the last bit; recent Pillow begins where more is saved.
  if (rows > outRows && 2 * (columns - outColumns) < rows - outRows) {
    const short = new Uint8Array(outRows * columns * 3);
    pass(pixels, short, down, columns, stacks(columns), stacks(columns));
    pass(short, result, across, outRows, lines(columns), lines(outColumns));
  } else {
    const narrow = new Uint8Array(rows * outColumns * 3);
    pass(pixels, narrow, across, rows, lines(columns), lines(outColumns));
    pass(narrow, result, down, outColumns, stacks(outColumns), stacks(outColumns));
  }
  return result;
}

/** Means of blocks of fx x fy pixels, those at the right and lower edge smaller, rounded as Pillow rounds them. */
export function reduceBytes(pixels, rows, columns, fx, fy) {
  const outRows = Math.ceil(rows / fy);
  const outColumns = Math.ceil(columns / fx);
  const result = new Uint8Array(outRows * outColumns * 3);
  for (let y = 0; y < outRows; y++) {
    const y1 = Math.min(rows, (y + 1) * fy);
    for (let x = 0; x < outColumns; x++) {
      const x1 = Math.min(columns, (x + 1) * fx);
      const count = (y1 - y * fy) * (x1 - x * fx);
      const factor = Math.floor((1 << 24) / count);
      for (let c = 0; c < 3; c++) {
        let sum = count >> 1;
        for (let j = y * fy; j < y1; j++) for (let i = x * fx; i < x1; i++) sum += pixels[(j * columns + i) * 3 + c];
        result[(y * outColumns + x) * 3 + c] = Math.floor((sum * factor) / (1 << 24));
      }
    }
  }
  return { pixels: result, rows: outRows, columns: outColumns };
}
