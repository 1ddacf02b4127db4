// The photo with its masks, or with one phrase's probability map, on a canvas.

import { fit, invert } from "./letterbox.js";
import { logit, sigmoid } from "./numbers.js";

// The colours of deixis.report.overlay.PALETTE, so that the page and the command line agree.
export const PALETTE = [
  [255, 45, 85], [0, 199, 255], [255, 204, 0], [162, 89, 255], [0, 214, 120], [255, 128, 0], [255, 110, 240], [40, 90, 255],
];
export const colourOf = (entry) => PALETTE[(entry.number - 1) % PALETTE.length];
export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
/** Black or white, whichever is easier to read on a colour. */
export const inkOn = ([r, g, b]) => (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#14121f" : "#fff");

const LONGER_SIDE = [1100, 1600]; // of the canvas, in pixels: small photos are enlarged, so that edges are smooth
const TINT = { chosen: 0.42, other: 0.28 };
const DIM = 0.45; // what is left of the light where nothing was found
const RAMP = [[22, 18, 54], [90, 24, 132], [201, 52, 98], [250, 140, 46], [253, 238, 170]];

/** RGB of a probability. */
export function heatColour(p) {
  const at = Math.min(0.9999, Math.max(0, p)) * (RAMP.length - 1);
  const k = Math.floor(at);
  return RAMP[k].map((low, c) => low + (RAMP[k + 1][c] - low) * (at - k));
}
const HEAT = Array.from({ length: 256 }, (_, k) => heatColour(k / 255));

/** The answer's logits at a size, kept until another is asked for. */
export function logitsAt(answer, picture, height, width) {
  if (answer.scaled?.height !== height || answer.scaled?.width !== width) {
    const box = fit(picture.height, picture.width, answer.side);
    answer.scaled = { height, width, logits: invert(box, answer.logits, ...answer.shape, height, width) };
  }
  return answer.scaled.logits;
}

/** Which pixels are at least this likely: Uint8Array of 0 and 1. */
export function maskOf(logits, threshold) {
  const least = logit(threshold);
  const mask = new Uint8Array(logits.length);
  for (let k = 0; k < mask.length; k++) mask[k] = logits[k] >= least ? 1 : 0;
  return mask;
}

export class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
  }

  /** Show a photo: { bitmap, height, width }. */
  open(photo) {
    this.photo = photo;
    const longer = Math.max(photo.height, photo.width);
    const scale = Math.min(LONGER_SIDE[1], Math.max(LONGER_SIDE[0], longer)) / longer;
    this.width = this.canvas.width = Math.max(1, Math.round(photo.width * scale));
    this.height = this.canvas.height = Math.max(1, Math.round(photo.height * scale));
    this.canvas.style.setProperty("--aspect", this.width / this.height);
    this.context.fillStyle = "#fff";
    this.context.fillRect(0, 0, this.width, this.height);
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(photo.bitmap, 0, 0, this.width, this.height);
    this.base = this.context.getImageData(0, 0, this.width, this.height);
  }

  /** The mask of an entry on this canvas, kept until its threshold moves. */
  mask(entry) {
    const logits = logitsAt(entry.answer, this.photo, this.height, this.width);
    if (entry.shown?.threshold !== entry.threshold || entry.shown.mask.length !== logits.length) {
      entry.shown = { threshold: entry.threshold, mask: maskOf(logits, entry.threshold) };
    }
    return entry.shown.mask;
  }

  /** Draw the masks of entries, the chosen one last, and the rest of the photo dimmed. */
  drawMasks(all, chosen) {
    const entries = [...all.filter((entry) => entry !== chosen), ...all.filter((entry) => entry === chosen)];
    const frame = new ImageData(new Uint8ClampedArray(this.base.data), this.width, this.height);
    const masks = entries.map((entry) => this.mask(entry));
    const found = masks.some((mask) => mask.includes(1));
    if (found) dim(frame.data, masks);
    const size = [this.width, this.height];
    masks.forEach((mask, k) => tint(frame.data, mask, colourOf(entries[k]), entries[k] === chosen ? TINT.chosen : TINT.other));
    masks.forEach((mask, k) => outline(frame.data, mask, colourOf(entries[k]), ...size));
    this.context.putImageData(frame, 0, 0);
    masks.forEach((mask, index) => this.#number(entries[index], mask));
  }

  /** Draw an entry's probability on the greyed photo. */
  drawHeat(entry) {
    const logits = logitsAt(entry.answer, this.photo, this.height, this.width);
    const frame = new ImageData(new Uint8ClampedArray(this.base.data), this.width, this.height);
    const data = frame.data;
    for (let k = 0; k < logits.length; k++) {
      const colour = HEAT[Math.round(255 * sigmoid(logits[k]))];
      const grey = 0.299 * data[4 * k] + 0.587 * data[4 * k + 1] + 0.114 * data[4 * k + 2];
      for (let c = 0; c < 3; c++) data[4 * k + c] = 0.28 * grey + 0.72 * colour[c];
    }
    this.context.putImageData(frame, 0, 0);
  }

  /** The entry's number in its mask, so that colour is not the only sign. */
  #number(entry, mask) {
    const { logits } = entry.answer.scaled;
    let best = -1;
    for (let k = 0; k < mask.length; k++) if (mask[k] && (best < 0 || logits[k] > logits[best])) best = k;
    if (best < 0) return;
    const perPixel = this.width / (this.canvas.clientWidth || this.width);
    const radius = Math.min(13 * perPixel, this.width / 8, this.height / 8);
    const x = Math.min(this.width - radius - 2, Math.max(radius + 2, best % this.width));
    const y = Math.min(this.height - radius - 2, Math.max(radius + 2, Math.floor(best / this.width)));
    const { context } = this;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = css(colourOf(entry));
    context.fill();
    context.lineWidth = radius / 6;
    context.strokeStyle = "#fff";
    context.stroke();
    context.fillStyle = inkOn(colourOf(entry));
    context.font = `700 ${radius * 1.15}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(entry.number), x, y + radius * 0.06);
  }
}

function dim(data, masks) {
  for (let k = 0; k < data.length / 4; k++) {
    if (masks.some((mask) => mask[k])) continue;
    for (let c = 0; c < 3; c++) data[4 * k + c] *= DIM;
  }
}

function tint(data, mask, colour, share) {
  for (let k = 0; k < mask.length; k++) {
    if (mask[k]) for (let c = 0; c < 3; c++) data[4 * k + c] += share * (colour[c] - data[4 * k + c]);
  }
}

function outline(data, mask, colour, width, height) {
  const line = Math.max(1, Math.round(Math.max(width, height) / 400));
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!mask[y * width + x]) continue;
      if (inside(x - line, y) && inside(x + line, y) && inside(x, y - line) && inside(x, y + line)) continue;
      data.set(colour, 4 * (y * width + x));
    }
  }
}

/** A small map (probabilities on the network's grid) as a canvas with the photo's shape. */
export function drawTerm(map, shape, side, picture, name) {
  const scale = 240 / Math.max(picture.height, picture.width);
  const [height, width] = [picture.height, picture.width].map((length) => Math.max(1, Math.round(length * scale)));
  const values = invert(fit(picture.height, picture.width, side), map, ...shape, height, width);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", name);
  const frame = new ImageData(width, height);
  for (let k = 0; k < values.length; k++) {
    frame.data.set(HEAT[Math.round(255 * Math.min(1, Math.max(0, values[k])))], 4 * k);
    frame.data[4 * k + 3] = 255;
  }
  canvas.getContext("2d").putImageData(frame, 0, 0);
  return canvas;
}
