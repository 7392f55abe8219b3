/*
 * Finds the boxes of objects with a YOLOX detector: demo/finding/detector.py in the browser.
 *
 * YOLOX: Ge et al., 2021, https://arxiv.org/abs/2107.08430. pose.js opens it with its model.
 */

const GREY = 114; // around the image
const STRIDES = [8, 16, 32];
const FIXED = 5; // x, y, width, height and objectness, followed by the classes
const LEAST_SIDE = 2; // pixels of a box
const MOST_SPREAD = 50; // a cell without an object may contain any value
const ALMOST_WHOLE = 1e-3; // of a pixel, as OpenCV has it

/** A detector, ready to find boxes. */
export class Detector {
  /**
   * @param {object} litert LiteRT.js.
   * @param {object} compiled the detector's file, compiled by it.
   * @param {{size: number[], category: number, min_score: number, max_overlap: number}} settings
   *     size: [height, width] of the input; the others are those of Python's `Detector`.
   */
  constructor(litert, compiled, settings) {
    this._litert = litert;
    this._compiled = compiled;
    this._settings = settings;
    this._input = new Float32Array(settings.size[0] * settings.size[1] * 3);
  }

  /**
   * The boxes in an image, best first.
   *
   * @param {ImageData} image RGBA.
   * @returns {Promise<{boxes: number[][], scores: number[]}>} boxes: [x, y, width, height].
   */
  async find(image) {
    const magnification = letterbox(image, this._settings.size, this._input);
    const rows = await this._rows();
    const found = decodeBoxes(rows, this._settings, magnification);
    return inImage(suppressed(found, this._settings.max_overlap), image);
  }

  /** Intersection over union of two boxes. */
  overlap(box, other) {
    return overlap(box, other);
  }

  async _rows() {
    const input = new this._litert.Tensor(this._input, [1, ...this._settings.size, 3]);
    try {
      const [output] = await this._compiled.run([input]);
      const rows = await output.data();
      output.delete();
      return rows;
    } finally {
      input.delete();
    }
  }
}

/**
 * Writes an image to the top left of a grey input, as blue, green and red.
 *
 * @param {ImageData} image RGBA.
 * @param {number[]} size [height, width] of the input.
 * @param {Float32Array} out the input, `height * width * 3`.
 * @returns {number} how much larger the image is there.
 */
export function letterbox(image, [height, width], out) {
  const magnification = Math.min(height / image.height, width / image.width);
  const columns = Math.max(1, roundHalfEven(image.width * magnification));
  const rows = Math.max(1, roundHalfEven(image.height * magnification));
  const weights = magnification < 1 ? areaWeights : linearWeights;
  const across = weights(image.width, columns), down = weights(image.height, rows);
  // OpenCV rounds the means of 2 x 2 pixels up.
  const halves = image.width === 2 * columns && image.height === 2 * rows;
  out.fill(GREY);
  const sums = new Float64Array(columns * 3);
  const line = new Float64Array(columns * 3);
  for (let y = 0; y < rows; y++) {
    sums.fill(0);
    for (let i = 0; i < down[y].weights.length; i++) {
      sampleLine(image, Math.min(down[y].from + i, image.height - 1), across, line);
      const weight = down[y].weights[i];
      for (let j = 0; j < sums.length; j++) sums[j] += weight * line[j];
    }
    for (let x = 0, at = y * width * 3; x < columns * 3; x += 3, at += 3) {
      for (let channel = 0; channel < 3; channel++) {
        const value = sums[x + channel];
        out[at + 2 - channel] = halves ? Math.floor(value + 0.5) : roundHalfEven(value);
      }
    }
  }
  return magnification;
}

/** The weighted sums of one line of an image. */
function sampleLine({ data, width }, row, across, line) {
  for (let x = 0; x < across.length; x++) {
    const { from, weights } = across[x];
    let red = 0, green = 0, blue = 0;
    for (let i = 0; i < weights.length; i++) {
      const pixel = (row * width + Math.min(from + i, width - 1)) * 4;
      red += weights[i] * data[pixel];
      green += weights[i] * data[pixel + 1];
      blue += weights[i] * data[pixel + 2];
    }
    line[3 * x] = red;
    line[3 * x + 1] = green;
    line[3 * x + 2] = blue;
  }
}

/** For each pixel of a smaller line: the pixels that it covers, by how much; OpenCV's INTER_AREA. */
function areaWeights(length, count) {
  const scale = length / count;
  return Array.from({ length: count }, (_, i) => {
    const start = i * scale, end = start + scale;
    const cell = Math.min(scale, length - start);
    const last = Math.min(Math.floor(end), length - 1);
    const first = Math.min(Math.ceil(start), last);
    const weights = new Array(last - first).fill(1 / cell);
    let from = first;
    if (first - start > ALMOST_WHOLE) {
      weights.unshift((first - start) / cell);
      from = first - 1;
    }
    if (end - last > ALMOST_WHOLE) weights.push(Math.min(end - last, 1, cell) / cell);
    return { from, weights };
  });
}

/** For each pixel of a larger line: the two pixels that it lies between; OpenCV's INTER_LINEAR. */
function linearWeights(length, count) {
  const scale = length / count;
  return Array.from({ length: count }, (_, i) => {
    const place = Math.min(Math.max((i + 0.5) * scale - 0.5, 0), length - 1);
    const from = Math.floor(place);
    return { from, weights: [1 - (place - from), place - from] };
  });
}

/**
 * The boxes that the detector is sure of.
 *
 * @param {Float32Array} rows `A * (5 + classes)`, not decoded.
 * @param {object} settings see `Detector`.
 * @param {number} magnification see `letterbox`.
 * @returns {{boxes: number[][], scores: number[]}} in pixels of the image, in no order.
 */
export function decodeBoxes(rows, { size, category, min_score: minScore }, magnification) {
  const counts = STRIDES.map((stride) => (size[0] / stride) * (size[1] / stride));
  const width = rows.length / counts.reduce((sum, count) => sum + count, 0);
  const boxes = [], scores = [];
  let at = 0;
  STRIDES.forEach((stride, level) => {
    const columns = size[1] / stride;
    for (let cell = 0; cell < counts[level]; cell++, at += width) {
      // In float32, as NumPy compares them.
      const score = Math.fround(rows[at + 4] * rows[at + FIXED + category]);
      if (!(score >= Math.fround(minScore))) continue;
      const sides = [2, 3].map((i) => Math.exp(Math.min(rows[at + i], MOST_SPREAD)) * stride);
      const x = (rows[at] + (cell % columns)) * stride;
      const y = (rows[at + 1] + Math.floor(cell / columns)) * stride;
      const box = [x - sides[0] / 2, y - sides[1] / 2, ...sides];
      boxes.push(box.map((value) => value / magnification));
      scores.push(score);
    }
  });
  return { boxes, scores };
}

/** Keeps the boxes that overlap no better one by more; best first. */
export function suppressed({ boxes, scores }, maxOverlap) {
  const rest = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const kept = [];
  for (const index of rest) {
    if (kept.every((better) => overlap(boxes[better], boxes[index]) <= maxOverlap)) {
      kept.push(index);
    }
  }
  return { boxes: kept.map((i) => boxes[i]), scores: kept.map((i) => scores[i]) };
}

/** Intersection over union of two boxes. */
export function overlap([x, y, width, height], [left, top, across, down]) {
  const shared = Math.max(0, Math.min(x + width, left + across) - Math.max(x, left)) *
    Math.max(0, Math.min(y + height, top + down) - Math.max(y, top));
  return shared / Math.max(width * height + across * down - shared, Number.EPSILON);
}

/** The parts of boxes that lie in an image. */
function inImage({ boxes, scores }, image) {
  const limit = (value, most) => Math.min(Math.max(value, 0), most);
  const inside = boxes.map(([x, y, width, height]) => {
    const left = limit(x, image.width), top = limit(y, image.height);
    return [left, top, limit(x + width, image.width) - left, limit(y + height, image.height) - top];
  });
  const kept = inside.map((_, i) => i)
    .filter((i) => Math.min(inside[i][2], inside[i][3]) >= LEAST_SIDE);
  return { boxes: kept.map((i) => inside[i]), scores: kept.map((i) => scores[i]) };
}

/** To the nearest whole number, of two to the even one. */
function roundHalfEven(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
