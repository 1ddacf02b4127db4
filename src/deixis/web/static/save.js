// What can be downloaded of a mask, at the photo's own size.

import { logitsAt, maskOf } from "./stage.js";

/** The mask of an entry at the photo's own size. */
export function fullMask(entry, picture) {
  const answer = { ...entry.answer, scaled: undefined }; // the stage keeps its own, smaller one
  return maskOf(logitsAt(answer, picture, picture.height, picture.width), entry.threshold);
}

/** The masked part of the photo on nothing, as PNG. */
export function cutout(entry, picture) {
  const { canvas, context } = canvasOf(picture);
  context.drawImage(picture.bitmap, 0, 0, picture.width, picture.height);
  const frame = context.getImageData(0, 0, picture.width, picture.height);
  const mask = fullMask(entry, picture);
  for (let k = 0; k < mask.length; k++) if (!mask[k]) frame.data[4 * k + 3] = 0;
  context.putImageData(frame, 0, 0);
  return toPng(canvas);
}

/** White where the mask is, black elsewhere, as PNG. */
export function maskPicture(entry, picture) {
  const { canvas, context } = canvasOf(picture);
  const frame = context.createImageData(picture.width, picture.height);
  const mask = fullMask(entry, picture);
  for (let k = 0; k < mask.length; k++) frame.data.set(mask[k] ? [255, 255, 255, 255] : [0, 0, 0, 255], 4 * k);
  context.putImageData(frame, 0, 0);
  return toPng(canvas);
}

/** All phrases as one COCO instances file; each phrase is a category. */
export function coco(entries, picture) {
  const { height, width } = picture;
  const annotations = entries.map((entry, index) => {
    const mask = fullMask(entry, picture);
    return {
      id: index + 1, image_id: 1, category_id: index + 1, iscrowd: 1, score: entry.answer.score, phrase: entry.phrase,
      segmentation: { size: [height, width], counts: runs(mask, height, width) },
      area: mask.reduce((sum, value) => sum + value, 0), bbox: bbox(mask, height, width),
    };
  });
  const content = {
    images: [{ id: 1, file_name: picture.name, height, width }],
    annotations,
    categories: entries.map((entry, index) => ({ id: index + 1, name: entry.phrase })),
  };
  return new Blob([JSON.stringify(content)], { type: "application/json" });
}

/** Lengths of runs of 0 and 1 in turn, column by column, beginning with 0. */
export function runs(mask, height, width) {
  const counts = [0];
  let value = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if (mask[y * width + x] !== value) {
        value = 1 - value;
        counts.push(0);
      }
      counts[counts.length - 1]++;
    }
  }
  return counts;
}

/** [x, y, width, height] of a mask, zeros when it is empty. */
export function bbox(mask, height, width) {
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (let k = mask.indexOf(1); k >= 0; k = mask.indexOf(1, k + 1)) {
    const [x, y] = [k % width, Math.floor(k / width)];
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x + 1), Math.max(y1, y + 1)];
  }
  return x1 ? [x0, y0, x1 - x0, y1 - y0] : [0, 0, 0, 0];
}

export function download(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function canvasOf({ width, height }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return { canvas, context: canvas.getContext("2d") };
}

const toPng = (canvas) => new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
