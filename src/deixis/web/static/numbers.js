// Small numbers: half floats, logits, base64.

/** Little-endian float16 bytes -> Float32Array. */
export function fromHalf(bytes) {
  const halves = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const result = new Float32Array(bytes.byteLength / 2);
  for (let k = 0; k < result.length; k++) {
    const half = halves.getUint16(2 * k, true);
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    let value;
    if (exponent === 31) value = fraction ? NaN : Infinity;
    else if (exponent === 0) value = fraction * 2 ** -24;
    else value = (1 + fraction / 1024) * 2 ** (exponent - 15);
    result[k] = half & 0x8000 ? -value : value;
  }
  return result;
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

export const sigmoid = (x) => 1 / (1 + Math.exp(-x));
export const logit = (p) => Math.log(p / (1 - p));

/**
 * Share of each term in the answer, which is a weighted mean of the terms, by least squares over the grid:
 * what deixis.segmenter.weights_of does in Python. Empty where the maps do not tell.
 */
export function weightsOf(logits, terms) {
  const names = Object.keys(terms);
  const last = terms[names.at(-1)];
  const others = names.slice(0, -1);
  // The weights sum to one, so answer - last = sum of weight (term - last); the normal equations of that.
  const rows = others.map(() => new Float64Array(names.length));
  for (let k = 0; k < logits.length; k++) {
    const answer = sigmoid(logits[k]);
    if (answer < 2e-4 || answer > 1 - 2e-4) continue; // may have been moved there, to keep the logit finite
    const parts = [...others.map((name) => terms[name][k] - last[k]), answer - last[k]];
    rows.forEach((row, i) => parts.forEach((part, j) => (row[j] += parts[i] * part)));
  }
  const weights = solve(rows);
  if (!weights) return {};
  const rest = 1 - weights.reduce((sum, weight) => sum + weight, 0);
  return Object.fromEntries(names.map((name, index) => [name, weights[index] ?? rest]));
}

/** Gauss elimination of n rows of n + 1 numbers; null when they do not determine the answer. */
function solve(rows) {
  const count = rows.length;
  const largest = Math.max(0, ...rows.map((row, k) => row[k]));
  for (let k = 0; k < count; k++) {
    if (!(rows[k][k] > 1e-7 * largest)) return null; // symmetric and not negative: no need to exchange rows
    for (let i = 0; i < count; i++) {
      const factor = i === k ? 0 : rows[i][k] / rows[k][k];
      for (let j = k; j <= count; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  return rows.map((row, k) => row[count] / row[k]);
}
