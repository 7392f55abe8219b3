/*
 * A keypoint model of simplebase in the browser: from pixels to keypoints, frame by frame.
 *
 *   import { PoseModel, drawPose } from "./pose.js";
 *   const model = await PoseModel.open("./");
 *   const pixels = context.getImageData(0, 0, width, height);
 *   const { poses } = await model.findAll(pixels);
 *   for (const pose of poses) drawPose(context, pose, model);
 *
 * Points are [x, y] in pixels, an integer being a pixel's centre. A box is [x, y, width, height].
 * A matrix is [scale, x offset, y offset] and maps image to input: all crops here are letterboxes.
 * The numbers are those of simplebase's Python code; its tests compare the two on real images.
 */

const PERSON_PIXELS = 200;
const HEATMAP_FLOOR = 1e-10;
const GPU_TOLERANCE = 0.01; // of a heatmap's height

/** Problems that the page shows as they are. */
export class PoseError extends Error {}

// --- Cropping: geometry.py and images/warping.py ---------------------------------------------

/** The box of all of an image `{width, height}`. */
export const wholeImage = ({ width, height }) => [0, 0, width, height];

/**
 * The matrix by which a box, with padding around it, comes to lie in the middle of the input.
 *
 * @param {{padding: number, center_shift: number}} crop how the model was trained.
 * @param {number[]} box in pixels of the image.
 * @param {number[]} size [height, width] of the input.
 */
export function boxMatrix(crop, [x, y, width, height], size) {
  const tall = Math.max(height, (width * size[0]) / size[1]);
  const objectScale = tall / PERSON_PIXELS;
  const scale = size[0] / (PERSON_PIXELS * objectScale * crop.padding);
  // The shift moves the centre by as much as `around_box` in geometry.py moves it back.
  const centerX = x + (width - 1) / 2;
  const centerY = y + (height - 1) / 2;
  return [scale, (size[1] - 1) / 2 - centerX * scale, (size[0] - 1) / 2 - centerY * scale];
}

/** By which power of two an image side is averaged down before it is sampled at `scale`. */
const reductionFor = (scale, side) =>
  Math.min(2 ** Math.max(0, Math.floor(-Math.log2(scale))), side);

/** To the nearest whole number, of two to the even one: as OpenCV and Python round. */
function rounded(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * The part of an image that is needed, averaged over rectangles of `across` x `down` pixels.
 *
 * @param {ImageData} image RGBA.
 * @param {number[]} part [left, top, right, bottom] in averaged pixels, the ends excluded.
 * @returns {Float32Array} RGB of that part, whole numbers from 0 to 255.
 */
function averaged(image, across, down, [left, top, right, bottom]) {
  const { data, width, height } = image;
  const columns = right - left;
  const out = new Float32Array(columns * (bottom - top) * 3);
  const count = across * down;
  const sums = new Float64Array(columns * 3);
  let at = 0;
  for (let y = top; y < bottom; y++) {
    sums.fill(0);
    for (let line = y * down; line < (y + 1) * down; line++) {
      // Beyond the last row and column the last pixels go on.
      const row = Math.min(line, height - 1) * width;
      for (let x = 0; x < columns; x++) {
        const first = (left + x) * across;
        let red = 0, green = 0, blue = 0;
        for (let i = first; i < first + across; i++) {
          const pixel = (row + (i < width ? i : width - 1)) * 4;
          red += data[pixel];
          green += data[pixel + 1];
          blue += data[pixel + 2];
        }
        sums[3 * x] += red;
        sums[3 * x + 1] += green;
        sums[3 * x + 2] += blue;
      }
    }
    for (let i = 0; i < sums.length; i++) {
      // OpenCV rounds the means of 2 x 2 pixels up, all others to even numbers.
      out[at++] = count === 4 && across === 2 ? (sums[i] + 2) >> 2 : rounded(sums[i] / count);
    }
  }
  return out;
}

/**
 * Samples an image through a matrix, bilinearly; what lies outside of it becomes black.
 *
 * At half size and below the image is averaged down first, so that nothing aliases.
 *
 * @param {ImageData} image RGBA.
 * @param {number[]} matrix [scale, x offset, y offset] from image to result.
 * @param {number[]} size [height, width] of the result.
 * @param {Float32Array|Uint8Array} out where RGB is written, `height * width * 3` values.
 */
export function warp(image, [scale, offsetX, offsetY], [height, width], out) {
  const across = reductionFor(scale, image.width);
  const down = reductionFor(scale, image.height);
  const columns = Math.ceil(image.width / across);
  const rows = Math.ceil(image.height / down);
  // Pixel i of the averaged image lies at i * reduction + (reduction - 1) / 2 of the image.
  const lineX = sampling(scale * across, offsetX + (scale * (across - 1)) / 2, width, columns);
  const lineY = sampling(scale * down, offsetY + (scale * (down - 1)) / 2, height, rows);
  const part = [lineX.from, lineY.from, lineX.to, lineY.to];
  const pixels = averaged(image, across, down, part);
  const stride = (part[2] - part[0]) * 3;
  const value = (x, y, channel) =>
    x < part[0] || x >= part[2] || y < part[1] || y >= part[3]
      ? 0
      : pixels[(y - part[1]) * stride + (x - part[0]) * 3 + channel];
  let at = 0;
  for (let row = 0; row < height; row++) {
    const y = lineY.first[row], shareY = lineY.share[row];
    const inside = y >= part[1] && y + 1 < part[3];
    for (let column = 0; column < width; column++) {
      const x = lineX.first[column], shareX = lineX.share[column];
      if (inside && x >= part[0] && x + 1 < part[2]) {
        const upper = (y - part[1]) * stride + (x - part[0]) * 3;
        for (let i = upper; i < upper + 3; i++) {
          const above = between(pixels[i], pixels[i + 3], shareX);
          const below = between(pixels[i + stride], pixels[i + stride + 3], shareX);
          out[at++] = rounded(between(above, below, shareY));
        }
      } else if (x + 1 < part[0] || x >= part[2] || y + 1 < part[1] || y >= part[3]) {
        out[at++] = out[at++] = out[at++] = 0;
      } else {
        for (let channel = 0; channel < 3; channel++) {
          const above = between(value(x, y, channel), value(x + 1, y, channel), shareX);
          const below = between(value(x, y + 1, channel), value(x + 1, y + 1, channel), shareX);
          out[at++] = rounded(between(above, below, shareY));
        }
      }
    }
  }
}

/** Linear interpolation in float32, as OpenCV computes it. */
const between = (first, second, share) => Math.fround(first + share * (second - first));

/** For each pixel of a line of the result: the first of its two source pixels, and its share. */
function sampling(scale, offset, count, side) {
  const first = new Int32Array(count);
  const share = new Float32Array(count);
  // In float32 from the inverse matrix on, as OpenCV does it.
  const inverse = (1 / (scale * scale)) * scale;
  const step = Math.fround(inverse), start = Math.fround(-inverse * offset);
  let from = side, to = 0;
  for (let i = 0; i < count; i++) {
    const place = Math.fround(step * i + start);
    const floor = Math.floor(place);
    first[i] = Math.max(-2, Math.min(floor, side));
    share[i] = place - floor;
    if (floor >= -1 && floor < side) {
      from = Math.min(from, Math.max(0, floor));
      to = Math.max(to, Math.min(side, floor + 2));
    }
  }
  return { first, share, from: Math.min(from, to), to };
}

// --- Decoding: codec.py, `dark` (Zhang et al., CVPR 2020, https://arxiv.org/abs/1910.06278) ---

/** The input pixel of heatmap cell 0. */
function cellOffset({ stride, alignment }) {
  const middle = (stride - 1) / 2;
  return { center: middle, corner: 0, upstream: middle - stride }[alignment];
}

/**
 * The peak of each heatmap, refined by a Taylor step on the logarithm of the blurred map.
 *
 * @param {Float32Array} heatmaps `h * w * K`, the keypoints last.
 * @param {number[]} size [h, w].
 * @param {{stride: number, sigma: number, alignment: string}} codec of the model.
 * @returns {Float32Array} `K * 3`: x, y in input pixels, and the peak's height.
 */
export function decodeDark(heatmaps, [height, width], codec) {
  const count = heatmaps.length / (height * width);
  const out = new Float32Array(count * 3);
  const offset = cellOffset(codec);
  for (let k = 0; k < count; k++) {
    let best = 0;
    for (let cell = 1; cell < height * width; cell++) {
      if (heatmaps[cell * count + k] > heatmaps[best * count + k]) best = cell;
    }
    const x = best % width, y = (best - x) / width;
    const [stepX, stepY] = darkStep(heatmaps, k, count, [height, width], x, y, codec.sigma);
    out[3 * k] = (x + stepX) * codec.stride + offset;
    out[3 * k + 1] = (y + stepY) * codec.stride + offset;
    out[3 * k + 2] = heatmaps[best * count + k];
  }
  return out;
}

/** How far the maximum lies from cell (x, y), at most a cell to either side. */
function darkStep(heatmaps, k, count, [height, width], x, y, sigma) {
  // In the outermost cells the parabola is fitted around their inner neighbour.
  const innerX = clamp(x, 1, width - 2), innerY = clamp(y, 1, height - 2);
  const across = blurKernels(innerX, width, sigma), down = blurKernels(innerY, height, sigma);
  const surface = [];
  for (const { weights: rowWeights, from: top } of down) {
    for (const { weights, from: left } of across) {
      let sum = 0;
      for (let i = 0; i < rowWeights.length; i++) {
        let row = 0;
        let cell = ((top + i) * width + left) * count + k;
        for (let j = 0; j < weights.length; j++, cell += count) row += weights[j] * heatmaps[cell];
        sum += rowWeights[i] * row;
      }
      surface.push(Math.log(Math.max(sum, HEATMAP_FLOOR)));
    }
  }
  const [northWest, north, northEast, west, middle, east, southWest, south, southEast] = surface;
  const slopeX = (east - west) / 2, slopeY = (south - north) / 2;
  const xx = east - 2 * middle + west, yy = south - 2 * middle + north;
  const xy = (southEast - southWest - northEast + northWest) / 4;
  const determinant = xx * yy - xy * xy;
  // Only a maximum has a peak to step to; flat and saddle-shaped maps keep their cell.
  if (!(xx < 0 && determinant > 1e-12)) return [0, 0];
  const stepX = (xy * slopeY - yy * slopeX) / determinant;
  const stepY = (xy * slopeX - xx * slopeY) / determinant;
  // Farther than a cell from the highest one is no refinement but a bad fit.
  return [clamp(innerX + stepX - x, -1, 1), clamp(innerY + stepY - y, -1, 1)];
}

/** Gaussians about `center` - 1, + 0 and + 1, which narrow towards the border of the map. */
function blurKernels(center, length, sigma) {
  const room = Math.min(center, length - 1 - center) - 1;
  const reach = Math.min(room, rounded(2 * sigma));
  const weights = [];
  for (let i = -reach; i <= reach; i++) weights.push(Math.exp(-(i * i) / (2 * sigma * sigma)));
  return [-1, 0, 1].map((shift) => ({ weights, from: center + shift - reach }));
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// --- The model: LiteRT.js ---------------------------------------------------------------------

const MIN_SCORE = 0.1; // of models that recommend none, as in `simplebase demo`

/** A model, ready to find keypoints. */
export class PoseModel {
  /**
   * Opens the model of an exported folder.
   *
   * @param {string|URL} folder its address, with a slash at the end.
   * @param {{threads?: number, gpu?: boolean}} options threads: by default as many as there are,
   *     up to 4, where the page is cross-origin isolated, else 1. gpu: use WebGPU where the browser
   *     has it and its first heatmaps are those of the processor; false by default.
   */
  static async open(folder, { threads, gpu = false } = {}) {
    const base = new URL(folder, document.baseURI);
    const [litert, description, bytes] = await Promise.all([
      startRuntime(new URL("litert/", base), threads),
      fetched(new URL("model.tflite.json", base)).then((answer) => answer.json()),
      fetched(new URL("model.tflite", base)).then((answer) => answer.arrayBuffer()),
    ]);
    const { sha256, web } = description;
    await requireWhole("model.tflite", bytes, { bytes: web.bytes, sha256 });
    const model = new PoseModel(description, litert, await compiled(litert, "The model", bytes));
    if (web.detector) model.detector = await openDetector(base, litert, web.detector);
    if (gpu) model._gpu = await compiledForGpu(litert.api, bytes);
    return model;
  }

  constructor(description, litert, compiled) {
    const { input_size: size, codec, skeleton, web } = description;
    this.title = web.title;
    this.detector = null;
    this.threads = litert.threads;
    this.keypoints = skeleton.keypoints;
    this.colours = web.colours;
    this.links = skeleton.links.map(([start, end]) => [start, end].map((name) =>
      skeleton.keypoints.indexOf(name)));
    this.sigmas = web.sigmas;
    this.minScore = description.min_score ?? MIN_SCORE; // keypoints below it are not shown
    this.crop = description.crop;
    this.codec = codec;
    this.size = size;
    this.heatmapSize = size.map((side) => side / codec.stride);
    this._web = web;
    this._litert = litert.api;
    this._compiled = compiled;
    this._gpu = null; // the model on the GPU
    this._onGpu = false; // since its first heatmaps were compared
    const values = size[0] * size[1] * 3;
    const isFloat = compiled.getInputDetails()[0].dtype === "float32";
    this._input = isFloat ? new Float32Array(values) : new Uint8Array(values);
  }

  /** What runs the model: "GPU", or the number of threads. */
  get device() {
    return this._onGpu ? "GPU" : `${this.threads} thread${this.threads > 1 ? "s" : ""}`;
  }

  /**
   * The pose of the object in a box.
   *
   * @param {ImageData} image RGBA.
   * @param {number[]} box [x, y, width, height] in its pixels.
   * @returns {Promise<{pose: {keypoints: Float32Array, box: number[], score: number},
   *     ms: {crop: number, model: number, decode: number}}>} keypoints: `K * 3`, x, y in pixels of
   *     the image and score; ms: how long the parts took.
   */
  async find(image, box) {
    const started = performance.now();
    const matrix = boxMatrix(this.crop, box, this.size);
    warp(image, matrix, this.size, this._input);
    const cropped = performance.now();
    const heatmaps = await this._heatmaps();
    const answered = performance.now();
    const keypoints = decodeDark(heatmaps, this.heatmapSize, this.codec);
    for (let k = 0; k < keypoints.length; k += 3) {
      keypoints[k] = (keypoints[k] - matrix[1]) / matrix[0];
      keypoints[k + 1] = (keypoints[k + 1] - matrix[2]) / matrix[0];
    }
    const ms = {
      crop: cropped - started,
      model: answered - cropped,
      decode: performance.now() - answered,
    };
    return { pose: { keypoints, box, score: meanScore(keypoints) }, ms };
  }

  /**
   * The poses of all objects: those that the detector finds, without one that of the whole image.
   *
   * @param {ImageData} image RGBA.
   * @returns {Promise<{poses: object[], ms: object}>} poses as `find` has them; ms: of all together.
   */
  async findAll(image) {
    const ms = {};
    const boxes = this.detector ? await detected(this.detector, image, ms) : [wholeImage(image)];
    return { poses: bestOfDuplicates(await this.findIn(image, boxes, ms), this.sigmas), ms };
  }

  /** The poses in several boxes; adds to `ms` how long the parts took. */
  async findIn(image, boxes, ms) {
    const poses = [];
    for (const box of boxes) {
      const found = await this.find(image, box);
      poses.push(found.pose);
      for (const [part, taken] of Object.entries(found.ms)) ms[part] = (ms[part] ?? 0) + taken;
    }
    return poses;
  }

  /** Keypoints in input pixels, `K * 3`, of RGB bytes of the input's size. */
  async findInCrop(pixels) {
    this._input.set(pixels);
    return decodeDark(await this._heatmaps(), this.heatmapSize, this.codec);
  }

  async _heatmaps() {
    if (this._onGpu) {
      try {
        return await this._run(this._gpu);
      } catch (error) {
        // A device can be lost, as when a phone sleeps.
        this._leaveGpu("it failed", error);
      }
    }
    const heatmaps = await this._run(this._compiled);
    if (this._gpu && !this._onGpu) await this._compareGpu(heatmaps);
    return heatmaps;
  }

  /** Moves the model to the GPU if that finds the same in the input; drivers have faults. */
  async _compareGpu(heatmaps) {
    try {
      const found = await this._run(this._gpu);
      const apart = found.map((value, i) => Math.abs(value - heatmaps[i]));
      // NaN is above no limit, so the comparison asks for what is below.
      this._onGpu = found.length === heatmaps.length && apart.every((far) => far < GPU_TOLERANCE);
      if (!this._onGpu) this._leaveGpu("its heatmaps differ");
    } catch (error) {
      this._leaveGpu("it failed", error);
    }
  }

  _leaveGpu(reason, error = "") {
    console.warn(`The GPU is not used: ${reason}.`, error);
    this._onGpu = false;
    // Two images may be compared at the same time, and both may find a fault.
    const gpu = this._gpu;
    this._gpu = null;
    gpu?.delete();
  }

  async _run(compiled) {
    const { Tensor } = this._litert;
    const input = new Tensor(this._input, [1, ...this.size, 3]);
    try {
      const [output] = await compiled.run([input]);
      const stored = await output.data();
      output.delete();
      const { heatmap_scale: scale, heatmap_zero_point: zero } = this._web;
      return scale === null ? stored : Float32Array.from(stored, (q) => (q - zero) * scale);
    } finally {
      // LiteRT.js frees nothing by itself.
      input.delete();
    }
  }
}

/** A model file, ready to run on the processor. */
async function compiled(litert, what, bytes) {
  try {
    return await litert.api.loadAndCompile(new Uint8Array(bytes), {
      accelerator: "wasm",
      cpuOptions: { numThreads: litert.threads },
    });
  } catch (error) {
    throw new PoseError(notLoaded(what, error));
  }
}

async function openDetector(base, litert, settings) {
  const [{ Detector }, bytes] = await Promise.all([
    import("./detector.js"),
    fetched(new URL("detector.tflite", base)).then((answer) => answer.arrayBuffer()),
  ]);
  await requireWhole("detector.tflite", bytes, settings);
  return new Detector(litert.api, await compiled(litert, "The detector", bytes), settings);
}

/** The model for WebGPU; null if the browser has none, or none that can run it. */
async function compiledForGpu(api, bytes) {
  try {
    if (!api.isWebGPUSupported() || !api.getWebGpuDevice()) return null;
    const candidate = await api.loadAndCompile(new Uint8Array(bytes), {
      accelerator: "webgpu",
      gpuOptions: { precision: "fp32" },
    });
    // What the GPU can run in part only is slower than the processor, or cannot be waited for.
    const isOnGpu = candidate.options.accelerator === "webgpu" && candidate.isFullyAccelerated;
    if (isOnGpu) return candidate;
    candidate.delete();
  } catch (error) {
    console.warn("The GPU cannot be used.", error);
  }
  return null;
}

/** Of what cannot be loaded; a library that lacks memory says so, or nothing clear. */
const notLoaded = (what, error) =>
  `${what} cannot be loaded (${error.message ?? error}). It may be damaged, or need more memory ` +
  "than this browser gives to a page: close other tabs, or export a smaller model.";

/** Mean of the keypoints' scores. */
function meanScore(keypoints) {
  let sum = 0;
  for (let k = 2; k < keypoints.length; k += 3) sum += keypoints[k];
  return (3 * sum) / keypoints.length;
}

async function fetched(url) {
  let answer;
  try {
    // A newer export may have replaced what the browser kept.
    answer = await fetch(url, { cache: "no-cache" });
  } catch {
    throw new PoseError(`${url.pathname} cannot be fetched: is the server still there?`);
  }
  if (!answer.ok) {
    throw new PoseError(`${url.pathname} is not on the server (status ${answer.status}). ` +
      "Copy the whole folder that simplebase export wrote.");
  }
  return answer;
}

/** LiteRT.js runs a file that was cut off, on whatever lies behind it in memory. */
async function requireWhole(name, bytes, { bytes: length, sha256 }) {
  let isWhole = bytes.byteLength === length;
  // Only pages from https:// and localhost may compute hashes.
  if (isWhole && globalThis.crypto?.subtle) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    isWhole = sha256 === Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  if (!isWhole) {
    throw new PoseError(`${name} is damaged, or not the file that model.tflite.json belongs to. ` +
      "Copy the whole folder that simplebase export wrote again.");
  }
}

/** Loads LiteRT.js; a page can have it once. */
async function startRuntime(folder, wanted) {
  if (typeof WebAssembly === "undefined") {
    throw new PoseError("This browser has no WebAssembly, or it is switched off, as in some " +
      "locked-down modes. The model needs it: allow it for this page, or use another browser.");
  }
  const api = await import(new URL("index.js", folder));
  const isFast = await api.supportsFeature("relaxedSimd");
  const mayThread = globalThis.crossOriginIsolated && isFast;
  const threads = mayThread ? clamp(wanted ?? 4, 1, navigator.hardwareConcurrency || 1) : 1;
  const variant = isFast ? (threads > 1 ? "threaded_" : "") : "compat_";
  const script = `litert_wasm_${variant}internal.js`;
  const code = new URL(`litert_wasm_${variant}internal.wasm.gz`, folder);
  let failed;
  const failure = new Promise((_, reject) => (failed = reject));
  globalThis.Module = {
    // LiteRT.js looks for the script's neighbour; ours is compressed, a third of the size.
    instantiateWasm(imports, done) {
      instantiated(code, imports).then(({ instance, module }) => done(instance, module), failed);
      return {};
    },
  };
  try {
    await Promise.race([api.loadLiteRt(new URL(script, folder).href), failure]);
  } catch (error) {
    if (error instanceof PoseError) throw error;
    if (error instanceof RangeError) throw new PoseError(notLoaded("LiteRT.js", error));
    throw new PoseError(`This browser cannot start LiteRT.js (${error.message ?? error.type}). ` +
      "It needs WebAssembly with SIMD, which browsers have since 2021 (Safari: 2023).");
  }
  return { api, threads };
}

async function instantiated(url, imports) {
  const answer = await fetched(url);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  // Some servers say `Content-Encoding: gzip`, and the browser has unpacked it already.
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isPacked) return WebAssembly.instantiate(bytes, imports);
  const code = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const headers = { "Content-Type": "application/wasm" };
  return WebAssembly.instantiateStreaming(new Response(code, { headers }), imports);
}

// --- From frame to frame: demo/smoothing.py and demo/finding/tracking.py ----------------------

/** The one-euro filter on keypoints (Casiez et al., CHI 2012). */
export class KeypointSmoother {
  constructor(count, { minCutoff = 1, beta = 5, derivativeCutoff = 1 } = {}) {
    this._settings = { minCutoff, beta, derivativeCutoff };
    this._points = new Float64Array(2 * count).fill(NaN);
    this._speeds = new Float64Array(2 * count);
    this._time = 0;
  }

  /**
   * Smoothed keypoints `K * 3`.
   *
   * @param {Float32Array} keypoints `K * 3`.
   * @param {number} time seconds.
   * @param {number} side of the object in pixels.
   * @param {number} minScore what is below it is passed through, and starts anew when found.
   */
  smooth(keypoints, time, side, minScore) {
    const { minCutoff, beta, derivativeCutoff } = this._settings;
    const step = Math.max(time - this._time, 1e-3);
    const weight = (cutoff) => 1 / (1 + 1 / (2 * Math.PI * cutoff * step));
    const out = Float32Array.from(keypoints);
    for (let k = 0; k < keypoints.length / 3; k++) {
      const found = keypoints[3 * k + 2] >= minScore;
      const isFresh = Number.isNaN(this._points[2 * k]) || !found;
      const speeds = [0, 1].map((axis) => {
        if (isFresh) return 0;
        const speed = (keypoints[3 * k + axis] - this._points[2 * k + axis]) / step;
        const before = this._speeds[2 * k + axis];
        return before + weight(derivativeCutoff) * (speed - before);
      });
      // One cutoff for both axes: with two, a point on its way would bend off its line.
      const pace = Math.hypot(...speeds) / side;
      const share = weight(minCutoff + beta * pace);
      for (const axis of [0, 1]) {
        const point = keypoints[3 * k + axis];
        const before = isFresh ? point : this._points[2 * k + axis];
        const smooth = before + share * (point - before);
        out[3 * k + axis] = smooth;
        this._points[2 * k + axis] = found ? smooth : NaN;
        this._speeds[2 * k + axis] = speeds[axis];
      }
    }
    this._time = time;
    return out;
  }
}

const LOST = 0.2; // a pose of a lower score is not followed
const MARGIN = 1.2; // keypoints end inside the body
const PATIENCE = 10; // frames that an object may be missing before its number is given up
const FEWEST = 3; // keypoints at least that tell a box
const LEAST_SIDE = 0.6; // of the box before
const SLIMMEST = 0.25; // least ratio of a box's sides
const LEAST_BOX = 8; // pixels
const USUAL_PADDING = 1.25; // of crops; for a model that crops more tightly the box is larger
const CLOSER_MARGIN = 1.25; // of a second look's box, beyond MARGIN
const AS_GOOD = 0.8; // part of the first look's score that the second has to reach
const SAME_OBJECT = 0.1; // least OKS with the object that it is taken for
const DUPLICATE = 0.7; // OKS above which two poses are of the same object
const DETECT_EVERY = 5; // frames from one look of the detector to the next
const SAME_BOX = 0.3; // overlap from which on a followed and a detected box are of one object

/**
 * Finds the objects in the frames of a video: by the detector in every fifth frame, else where they
 * were. Without a detector it is one object, first in the whole frame.
 */
export class PoseFollower {
  /** @param {PoseModel} model */
  constructor(model, { minScore = model.minScore, smooth = true } = {}) {
    this.minScore = minScore;
    this.smooth = smooth;
    this._model = model;
    this._tracks = [];
    this._born = 0;
    this._sinceFound = null; // frames since the detector looked
  }

  /**
   * The poses in the next frame.
   *
   * @param {ImageData} image RGBA.
   * @param {number} time of the frame in seconds.
   * @returns {Promise<{poses: object[], ms: object}>} as `PoseModel.findAll`, with an `identity`
   *     that an object keeps; no poses: nothing is there, or it was lost.
   */
  async find(image, time) {
    const ms = {};
    const { given, followed } = await this._candidates(image, ms);
    let poses = await this._model.findIn(image, [...given, ...followed], ms);
    const isFirst = poses.length > 0 && followed.length === 0;
    if (isFirst && !this._model.detector) poses = await this._closer(image, poses, ms);
    poses = poses.filter((pose, i) => i < given.length || pose.score >= LOST);
    poses = bestOfDuplicates(poses, this._model.sigmas);
    const started = performance.now();
    poses = this._identified(poses, time);
    ms.smooth = performance.now() - started;
    return { poses, ms };
  }

  /** The boxes that are found anew, and those of the objects of the last frame. */
  async _candidates(image, ms) {
    const { detector } = this._model;
    const followed = this._followedBoxes(image);
    if (this._sinceFound !== null) this._sinceFound++;
    const isDue = this._sinceFound === null || this._sinceFound === DETECT_EVERY;
    if (followed.length && !(detector && isDue)) return { given: [], followed };
    this._sinceFound = 0;
    if (!detector) return { given: [wholeImage(image)], followed };
    const given = await detected(detector, image, ms);
    const isNew = (box) => given.every((other) => detector.overlap(box, other) < SAME_BOX);
    return { given, followed: followed.filter(isNew) };
  }

  /** A second look, in the boxes around the keypoints, unless it finds clearly less. */
  async _closer(image, poses, ms) {
    const boxes = poses.map((pose) =>
      inside(enlarged(extent(pose, this.minScore), CLOSER_MARGIN), image));
    if (boxes.some(([, , width, height]) => Math.min(width, height) < LEAST_BOX)) return poses;
    const second = await this._model.findIn(image, boxes, ms);
    const total = (found) => found.reduce((sum, pose) => sum + pose.score, 0);
    return total(second) >= AS_GOOD * total(poses) ? second : poses;
  }

  _followedBoxes(image) {
    const growth = Math.max(1, USUAL_PADDING / this._model.crop.padding);
    return this._tracks
      .filter(({ pose, missing }) => missing === 0 && pose.score >= LOST)
      .map(({ pose }) => inside(boxAround(pose, this.minScore, growth), image))
      .filter(([, , width, height]) => Math.min(width, height) >= LEAST_BOX);
  }

  /** The poses with numbers and smoothed keypoints; their tracks keep them as they were found. */
  _identified(poses, time) {
    const matched = this._matched(poses);
    const seen = poses.map((pose, i) => {
      const isFound = pose.keypoints.some((score, at) => at % 3 === 2 && score >= this.minScore);
      const track = matched[i] ?? (isFound ? this._begun(pose) : null);
      return track && Object.assign(track, { pose, missing: 0, area: area(pose, this.minScore) });
    });
    for (const track of this._tracks) track.missing += !seen.includes(track);
    this._tracks = this._tracks.filter((track) => track.missing <= PATIENCE);
    return poses.map((pose, i) => (seen[i] ? this._smoothed(seen[i], time) : pose));
  }

  _begun(pose) {
    const smoother = new KeypointSmoother(pose.keypoints.length / 3);
    const track = { identity: ++this._born, smoother };
    this._tracks.push(track);
    return track;
  }

  _smoothed({ pose, identity, smoother, area }, time) {
    if (!this.smooth) return { ...pose, identity };
    const keypoints = smoother.smooth(pose.keypoints, time, Math.sqrt(area), this.minScore);
    return { ...pose, keypoints, identity };
  }

  /** For each pose the track that it goes on, by OKS; those of the best scores choose first. */
  _matched(poses) {
    const free = new Set(this._tracks);
    const matched = poses.map(() => null);
    for (const i of byScore(poses)) {
      let highest = SAME_OBJECT;
      for (const track of free) {
        const likeness = oks(poses[i].keypoints, track.pose.keypoints, track.area,
          this._model.sigmas, this.minScore);
        if (likeness >= highest) [matched[i], highest] = [track, likeness];
      }
      free.delete(matched[i]);
    }
    return matched;
  }
}

/** The detector's boxes in an image; `ms.boxes` is how long it took. */
async function detected(detector, image, ms) {
  const started = performance.now();
  const { boxes } = await detector.find(image);
  ms.boxes = performance.now() - started;
  return boxes;
}

/** Indices of poses, those of the highest scores first. */
const byScore = (poses) => poses.map((_, i) => i).sort((a, b) => poses[b].score - poses[a].score);

/** The best of several poses of the same object, in their order. */
function bestOfDuplicates(poses, sigmas) {
  const kept = [];
  const size = ({ box }) => box[2] * box[3];
  for (const i of byScore(poses)) {
    const isOther = (better) => oks(poses[i].keypoints, poses[better].keypoints,
      (size(poses[i]) + size(poses[better])) / 2, sigmas, -Infinity) <= DUPLICATE;
    if (kept.every(isOther)) kept.push(i);
  }
  return kept.sort((a, b) => a - b).map((i) => poses[i]);
}

/** Object keypoint similarity, as COCO has it; NaN if nothing was found of the second. */
function oks(keypoints, others, area, sigmas, minScore) {
  let sum = 0, count = 0;
  sigmas.forEach((sigma, k) => {
    if (others[3 * k + 2] < minScore) return;
    const dx = keypoints[3 * k] - others[3 * k], dy = keypoints[3 * k + 1] - others[3 * k + 1];
    sum += Math.exp(-(dx * dx + dy * dy) / (2 * sigma) ** 2 / (area + Number.EPSILON) / 2);
    count++;
  });
  return sum / count;
}

function area(pose, minScore) {
  const [, , width, height] = extent(pose, minScore);
  return width * height;
}

/** The box of a pose's keypoints, a little larger; its own box where too few were found. */
function boxAround(pose, minScore, growth) {
  const box = extent(pose, minScore);
  if (box === pose.box) return box;
  const least = (LEAST_SIDE * Math.max(pose.box[2], pose.box[3])) / Math.max(box[2], box[3]);
  return enlarged(box, Math.max(growth, least));
}

/** The box with its sides multiplied, around the same middle. */
function enlarged([x, y, width, height], factor) {
  return [x - (width * (factor - 1)) / 2, y - (height * (factor - 1)) / 2, width * factor,
    height * factor];
}

/** The part of a box that lies in the image. */
function inside([x, y, width, height], image) {
  const left = clamp(x, 0, image.width), top = clamp(y, 0, image.height);
  return [left, top, clamp(x + width, 0, image.width) - left,
    clamp(y + height, 0, image.height) - top];
}

/** How large the object is, by its keypoints; its own box where too few were found. */
function extent(pose, minScore) {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  let found = 0;
  for (let k = 0; k < pose.keypoints.length; k += 3) {
    if (pose.keypoints[k + 2] < minScore) continue;
    found++;
    for (const axis of [0, 1]) {
      low[axis] = Math.min(low[axis], pose.keypoints[k + axis]);
      high[axis] = Math.max(high[axis], pose.keypoints[k + axis]);
    }
  }
  if (found < FEWEST) return pose.box;
  const sides = [0, 1].map((axis) => (high[axis] - low[axis]) * MARGIN);
  const longest = Math.max(...sides);
  if (longest < 1) return pose.box;
  const [width, height] = sides.map((side) => Math.max(side, SLIMMEST * longest));
  return [(low[0] + high[0]) / 2 - (width - 1) / 2, (low[1] + high[1]) / 2 - (height - 1) / 2,
    width, height];
}

// --- Drawing: drawing.py and demo/drawing.py --------------------------------------------------

const CERTAIN = 0.3; // keypoints of a lower score are drawn faint
const FAINT = 0.4;
const DOT = "#ffffff", EDGE = "rgb(16 16 24)";

/**
 * Draws a pose in the model's colours, lines and dots sized to its box.
 *
 * @param {CanvasRenderingContext2D} context of a canvas with the image, pixel for pixel.
 * @param {{keypoints: Float32Array, box: number[]}} pose
 * @param {PoseModel} model whose pose it is.
 * @param {number} minScore keypoints below it are left out, with their links.
 */
export function drawPose(context, pose, model, minScore = model.minScore) {
  const { width, height } = context.canvas;
  const size = Math.min(Math.max(pose.box[2], pose.box[3]), Math.max(width, height));
  // Half of a link's thickness: about 1 pixel for each 110 of the object.
  const half = Math.max(1, size / 110);
  const score = (k) => pose.keypoints[3 * k + 2];
  const shown = (k) => score(k) >= minScore;
  const isCertain = (k) => shown(k) && score(k) >= CERTAIN;
  const isFaint = (k) => shown(k) && score(k) < CERTAIN;
  if (model.keypoints.some((_, k) => isFaint(k))) {
    // On a layer of its own, so that the image shines through all of it alike.
    const layer = new OffscreenCanvas(width, height);
    drawParts(layer.getContext("2d"), pose, model, shown, isFaint, half);
    context.globalAlpha = FAINT;
    context.drawImage(layer, 0, 0);
    context.globalAlpha = 1;
  }
  drawParts(context, pose, model, isCertain, isCertain, half);
}

/** Draws what is `wanted`, and the links between what is `shown` with a wanted end. */
function drawParts(context, pose, model, shown, wanted, half) {
  // To a canvas the centre of the first pixel is (0.5, 0.5).
  const place = (k) => [pose.keypoints[3 * k] + 0.5, pose.keypoints[3 * k + 1] + 0.5];
  const colours = model.keypoints.map(() => DOT);
  model.links.forEach(([, end], i) => (colours[end] = model.colours[i]));
  model.links.forEach(([start], i) => (colours[start] = model.colours[i]));
  const drawn = model.links
    .map((ends, i) => ({ ends, colour: model.colours[i] }))
    .filter(({ ends }) => ends.every(shown) && ends.some(wanted));
  const line = ([start, end], colour, thickness) => {
    context.strokeStyle = colour;
    // OpenCV rounds half of it up, and adds its smooth edges to the outside.
    context.lineWidth = 2 * Math.ceil(Math.max(1, rounded(thickness)) / 2) + 1.5;
    context.beginPath();
    context.moveTo(...place(start));
    context.lineTo(...place(end));
    context.stroke();
  };
  context.lineCap = "round";
  // A dark edge keeps a link apart from an image of its own colour.
  for (const { ends } of drawn) line(ends, EDGE, 2 * half + Math.max(1, half / 2));
  for (const { ends, colour } of drawn) line(ends, colour, 2 * half);
  model.keypoints.forEach((_, k) => {
    if (!wanted(k)) return;
    const radius = 1 + 2 * half;
    for (const [colour, share] of [[DOT, 1], [colours[k], 2 / 3]]) {
      context.fillStyle = colour;
      context.beginPath();
      context.arc(...place(k), radius * share + 0.5, 0, 2 * Math.PI);
      context.fill();
    }
  });
}
