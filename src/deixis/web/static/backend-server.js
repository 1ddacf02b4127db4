// The network on the server: POST /v1/segment.

import { fromBase64, fromHalf } from "./numbers.js";

const PRIVACY = "Your photo is sent to the computer that this page came from. What was computed of it stays in that " +
  "computer's memory for a while, so that more phrases are quick. Nothing is written to disk.";

/** An answer of the server that is not what was asked for. */
export class Refused extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
  }
}

export async function createBackend({ askToken }) {
  const health = await (await fetch("health")).json();
  let token = sessionStorage.getItem("deixis-token") ?? "";

  async function post(body, json) {
    const headers = json ? { "Content-Type": "application/json" } : {};
    if (token) headers.Authorization = `Bearer ${token}`;
    const response = await fetch("v1/segment", { method: "POST", body, headers });
    if (response.ok) return response.json();
    if (response.status === 401) {
      token = await askToken();
      sessionStorage.setItem("deixis-token", token);
      return post(body, json);
    }
    const answer = await response.json().catch(() => null);
    throw new Refused(response.status, answer?.error ?? { message: `The server answered with ${response.status}.` });
  }

  function send(photo) {
    const form = new FormData();
    form.append("image", photo.blob, "photo");
    return post(form, false);
  }

  return {
    privacy: PRIVACY,
    limits: { bytes: health.max_bytes, pixels: health.max_pixels },
    /** Send the photo at once, so that its features are there when the first phrase is. */
    async open(photo) {
      const sent = await send(photo);
      return { photo, id: sent.image_id, milliseconds: sent.milliseconds.image };
    },
    async ask(picture, phrase) {
      const include = ["grids", "explanation"];
      const question = () => post(JSON.stringify({ image_id: picture.id, phrases: [phrase], include }), true);
      let answer;
      try {
        answer = await question();
      } catch (error) {
        if (error.code !== "picture_forgotten") throw error;
        picture.id = (await send(picture.photo)).image_id;
        answer = await question();
      }
      const [{ score, grids, explanation }] = answer.results;
      const decode = (text) => fromHalf(fromBase64(text));
      return {
        score,
        side: grids.side,
        shape: grids.shape,
        logits: decode(grids.logits),
        terms: Object.fromEntries(Object.entries(grids.terms).map(([name, text]) => [name, decode(text)])),
        explanation,
        milliseconds: { image: picture.milliseconds, phrases: answer.milliseconds.phrases },
      };
    },
  };
}
