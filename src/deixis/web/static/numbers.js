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
