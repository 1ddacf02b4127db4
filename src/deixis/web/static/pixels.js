// From a picture to the network's input: what deixis.image does in Python.

import { apply, fit, frame } from "./letterbox.js";

/** RGB bytes of a bitmap, transparency laid on white. */
export function pixelsOf(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const pixels = new Uint8Array((data.length / 4) * 3);
  for (let k = 0, at = 0; k < data.length; k += 4) {
    pixels[at++] = data[k];
    pixels[at++] = data[k + 1];
    pixels[at++] = data[k + 2];
  }
  return pixels;
}

/** RGB bytes -> (3, h, w) float32 and [h, w], letterboxed and normalised with the model's mean and deviation. */
export function networkInput(pixels, height, width, { side, stride, mean, std }) {
  const padding = mean.map((value) => Math.round(value * 255));
  const box = fit(height, width, side);
  const shape = frame(box, stride);
  const framed = apply(box, pixels, padding, shape);
  const area = shape[0] * shape[1];
  const input = new Float32Array(3 * area);
  const [scale, means, deviations] = [Math.fround(1 / 255), mean.map(Math.fround), std.map(Math.fround)];
  for (let k = 0; k < area; k++) {
    for (let c = 0; c < 3; c++) {
      const value = Math.fround(Math.fround(framed[3 * k + c] * scale) - means[c]);
      input[c * area + k] = Math.fround(value / deviations[c]);
    }
  }
  return { input, shape };
}
