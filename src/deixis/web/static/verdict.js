// What was found, in words.

import { bbox } from "./save.js";
import { sigmoid } from "./numbers.js";

const SURE = 0.5; // of the score; below it the phrase may name nothing in the photo

export const percent = (value) => (value > 0 && value < 0.01 ? "under 1\u00a0%" : `${Math.round(100 * value)}\u00a0%`);
export const points = (score) => score.toFixed(2);

/** Was it found, how sure, how large. */
export function verdict(entry, stage) {
  const mask = stage.mask(entry);
  const share = mask.reduce((sum, value) => sum + value, 0) / mask.length;
  const score = points(entry.answer.score);
  if (share === 0) {
    const best = percent(sigmoid(entry.answer.logits.reduce((a, b) => Math.max(a, b))));
    const least = percent(entry.threshold);
    return `Nothing matches “${entry.phrase}”: no pixel is ${least} likely. The best reaches ${best}; lower the threshold to see it.`;
  }
  if (entry.answer.score < SURE) {
    return `“${entry.phrase}” is probably not in this photo (score ${score}). The best guess covers ${percent(share)} of it.`;
  }
  return `Found: ${percent(share)} of the photo, score ${score}.`;
}

export const isDoubtful = (entry, stage) => entry.answer.score < SURE || !stage.mask(entry).includes(1);

/** Where it is, for those who do not see it. */
export function describe(entry, stage) {
  const [x, y, width, height] = bbox(stage.mask(entry), stage.height, stage.width);
  if (!width) return `${entry.number} ${entry.phrase}: nothing`;
  const across = (x + width / 2) / stage.width;
  const down = (y + height / 2) / stage.height;
  const place = [down < 0.4 ? "top" : down > 0.6 ? "bottom" : "", across < 0.4 ? "left" : across > 0.6 ? "right" : ""];
  return `${entry.number} ${entry.phrase}: ${place.filter(Boolean).join(" ") || "middle"}`;
}
