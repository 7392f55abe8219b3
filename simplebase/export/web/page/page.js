/* The page: photos, videos and the camera, and what is shown of them. The model is in pose.js. */

import { PoseError, PoseFollower, PoseModel, drawPose } from "./pose.js";

const LARGEST_PHOTO = 4096; // pixels of the longer side that are looked at; phones have no more
const LARGEST_FRAME = 1280; // likewise of a video, where each frame is read and drawn in time
const MOST_FRAMES = 20_000; // that the JSON keeps: ten minutes of a video
const TABLE_INTERVAL = 200; // ms

const at = (id) => document.getElementById(id);
const view = at("view");
const grabbed = new OffscreenCanvas(1, 1);
const reading = grabbed.getContext("2d", { willReadFrequently: true });
const player = document.createElement("video");
player.muted = player.playsInline = true;

let model = null;
let run = 0; // counts what was opened: whoever sees another number stops
let isLive = false; // whether a video or the camera is shown
let shown = null; // {width, height, poses, factor}: what is on the view
let record = null; // what the JSON will hold
let tabled = 0; // when the table was written
let copiesFrames = "VideoFrame" in window; // whether a frame can be read without a canvas

const minScore = () => Number(at("score").value);

// --- Words ---

function say(text) {
  at("status").textContent = text;
}

function complain(text) {
  at("message").textContent = text;
  at("message").hidden = !text;
  at("message").classList.remove("late");
}

/** Shows a problem; what is none of ours is shown as the browser words it. */
function report(error) {
  if (!(error instanceof PoseError)) console.error(error);
  say("");
  complain(error instanceof PoseError ? error.message : `Something failed: ${error.message ?? error}`);
}

const CAMERA_PROBLEMS = {
  NotAllowedError: "The camera was refused. Allow it for this page, by the symbol at the left of " +
    "the address, or in the system's settings; then press Webcam again.",
  NotFoundError: "There is no camera. Plug one in and press Webcam again, or choose an image.",
  NotReadableError: "The camera is taken: another program or tab is using it. Close that, and " +
    "press Webcam again.",
  OverconstrainedError: "This camera is not there any more. Choose another one.",
};
CAMERA_PROBLEMS.AbortError = CAMERA_PROBLEMS.NotReadableError;

// --- One picture ---

/** Scales the canvas for what is `width` x `height`; returns by how much it is larger. */
function fit(width, height, largest) {
  const factor = Math.max(1, Math.max(width, height) / largest);
  grabbed.width = Math.max(1, Math.round(width / factor));
  grabbed.height = Math.max(1, Math.round(height / factor));
  reading.imageSmoothingQuality = "high";
  return factor;
}

function grab(source) {
  reading.drawImage(source, 0, 0, grabbed.width, grabbed.height);
  return reading.getImageData(0, 0, grabbed.width, grabbed.height);
}

/**
 * Returns the pixels of the player's frame, after drawing it on `grabbed`; null if something else
 * was opened meanwhile.
 */
async function grabFrame(mine) {
  const pixels = await copiedFrame();
  if (mine !== run) return null;
  if (pixels === null) return grab(player);
  reading.putImageData(pixels, 0, 0);
  return pixels;
}

/**
 * Returns a copy of the player's frame, which takes less time than reading it from a canvas. Null
 * if the browser cannot copy it, or shows it otherwise than it is stored: scaled, rotated, flipped
 * or with pixels that are not square.
 */
async function copiedFrame() {
  if (!copiesFrames) return null;
  const { width, height } = grabbed;
  let frame;
  try {
    frame = new VideoFrame(player);
    const { rotation, flip, visibleRect: shape } = frame;
    // Browsers that do not tell the rotation are too old to convert to RGBA, too.
    copiesFrames = rotation !== undefined;
    const isAsShown = shape.width === width && shape.height === height;
    if (!isAsShown || rotation !== 0 || flip) return null;
    const pixels = new ImageData(width, height);
    await frame.copyTo(pixels.data, { format: "RGBA" });
    return pixels;
  } catch (error) {
    if (error.name === "NotSupportedError" || error instanceof TypeError) copiesFrames = false;
    return null;
  } finally {
    frame?.close();
  }
}

async function openPhoto(file, name = file.name) {
  const mine = begin();
  const address = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = address;
    // Only its head is read as yet.
    await new Promise((done, fail) => ([image.onload, image.onerror] = [done, fail])).catch(() => {
      throw new PoseError(`${name} is no picture that this browser can read. JPEG, PNG and WebP ` +
        "can be read everywhere.");
    });
    const { naturalWidth: width, naturalHeight: height } = image;
    const factor = fit(width, height, LARGEST_PHOTO);
    let pixels;
    try {
      // Colours as the file has them: the model has seen no other.
      const options = { colorSpaceConversion: "none" };
      pixels = grab(factor > 1 ? image : await createImageBitmap(file, options));
    } catch {
      throw new PoseError(`${name} (${width} x ${height} pixels) is damaged, or too large for the ` +
        "memory of this browser. Make it smaller and choose it again.");
    }
    const { poses, ms } = await model.findAll(pixels);
    if (mine !== run) return;
    startRecord(name, null);
    show({ width, height, poses, factor });
    say(`${name}: ${width} x ${height} pixels` + (factor > 1
      ? `, looked at in ${grabbed.width} x ${grabbed.height}` : "") +
      (poses.length ? "" : "; the detector found nothing in it"));
    showSpeed(ms, null);
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Draws what was grabbed with its poses, and keeps both for the downloads. */
function show(found, time = null) {
  shown = found;
  draw();
  if (record.frames.length < MOST_FRAMES) record.frames.push(frameContent(found, time));
  for (const id of ["download-picture", "download-json"]) at(id).disabled = false;
  fillTable();
}

function draw() {
  if (view.width !== grabbed.width || view.height !== grabbed.height) {
    view.width = grabbed.width;
    view.height = grabbed.height;
  }
  const context = view.getContext("2d");
  context.drawImage(grabbed, 0, 0);
  for (const pose of shown.poses) drawPose(context, pose, model, minScore());
}

// --- Video and camera ---

async function openVideo(file) {
  const mine = begin();
  player.srcObject = null;
  player.src = URL.createObjectURL(file);
  const problem = new PoseError(`This browser cannot play ${file.name}: it is no video, or it has ` +
    "no codec for it. H.264 in .mp4 plays nearly everywhere: ffmpeg -i VIDEO -c:v libx264 new.mp4");
  try {
    await new Promise((done, fail) => {
      player.onloadeddata = done;
      player.onerror = () => fail(problem);
    });
    // A browser without the codec of the pictures may still play the sound.
    if (!player.videoWidth) throw problem;
    await watch(mine, file.name, LARGEST_FRAME);
  } finally {
    URL.revokeObjectURL(player.src);
  }
}

async function openCamera(deviceId) {
  const mine = begin();
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new PoseError("Browsers give the camera only to pages from https:// or from localhost. " +
      `This one is from ${location.origin}: put the folder on a host with HTTPS.`);
  }
  say("Waiting for the camera");
  const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { ...which, width: { ideal: 640 }, height: { ideal: 480 } },
      audio: false,
    });
  } catch (error) {
    throw new PoseError(CAMERA_PROBLEMS[error.name] ?? `The camera fails: ${error.message}`);
  }
  const [track] = stream.getVideoTracks();
  try {
    if (mine !== run) return;
    const { facingMode, deviceId: used } = track.getSettings();
    track.onended = () => {
      if (mine !== run) return;
      stop();
      complain("The camera stopped: it was unplugged, or the system took it away.");
    };
    at("mirror").checked = facingMode !== "environment";
    await listCameras(used);
    player.srcObject = stream;
    at("mirror-choice").hidden = false;
    await watch(mine, "webcam", LARGEST_FRAME);
  } finally {
    track.stop();
  }
}

async function listCameras(used) {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter(({ kind }) => kind === "videoinput");
  at("camera").replaceChildren(...cameras.map(({ deviceId, label }, i) =>
    new Option(label || `Camera ${i + 1}`, deviceId, false, deviceId === used)));
  at("camera-choice").hidden = cameras.length < 2;
}

/** Looks at the frames of the player, the latest one each time, until something else is opened. */
async function watch(mine, name, largest) {
  await player.play();
  if (mine !== run) return;
  isLive = true;
  at("stop").hidden = false;
  mirror();
  say(name);
  startRecord(name, true);
  const follower = new PoseFollower(model);
  const speed = {};
  let started = null, rate = null;
  while (mine === run) {
    const time = await nextFrame();
    if (mine !== run) return;
    if (time === null) break;
    const began = performance.now();
    const { videoWidth: width, videoHeight: height } = player;
    const factor = fit(width, height, largest);
    const pixels = await grabFrame(mine);
    if (pixels === null) return;
    const read = performance.now();
    follower.minScore = minScore();
    follower.smooth = at("smooth").checked;
    const { poses, ms } = await follower.find(pixels, time);
    if (mine !== run) return;
    const found = performance.now();
    show({ width, height, poses, factor }, time);
    const ended = performance.now();
    if (started !== null) rate = mean(rate, began - started);
    started = began;
    const parts = { read: read - began, ...ms, draw: ended - found };
    for (const [part, taken] of Object.entries(parts)) speed[part] = mean(speed[part], taken);
    showSpeed(speed, rate && 1000 / rate);
  }
  say(`${name}: ${record.frames.length} frames looked at`);
  stop(false);
}

/** A mean in which the latest of about ten values count most. */
const mean = (before, value) => before == null ? value : before + 0.1 * (value - before);

/** Seconds of the player's next frame; null at the end of a video. */
function nextFrame() {
  return new Promise((done) => {
    const ended = () => done(null);
    const frame = (seconds) => {
      player.removeEventListener("ended", ended);
      done(seconds);
    };
    player.addEventListener("ended", ended, { once: true });
    if (player.ended) return done(null);
    if (player.requestVideoFrameCallback) {
      player.requestVideoFrameCallback((_, { mediaTime }) => frame(mediaTime));
    } else {
      requestAnimationFrame(() => frame(player.currentTime));
    }
  });
}

/** Ends what is open, and gives the number of what comes. */
function begin() {
  stop();
  complain("");
  say("");
  return run;
}

function stop(forget = true) {
  run++;
  isLive = false;
  player.pause();
  if (forget) {
    player.srcObject?.getTracks().forEach((track) => track.stop());
    player.srcObject = null;
  }
  for (const id of ["stop", "camera-choice", "mirror-choice"]) at(id).hidden = true;
  mirror();
}

/** In a mirror left is right, so only the view is mirrored, and no number. */
function mirror() {
  const isMirrored = isLive && !at("mirror-choice").hidden && at("mirror").checked;
  at("stage").classList.toggle("mirrored", isMirrored);
}

// --- Numbers ---

const PARTS = ["read", "boxes", "crop", "model", "decode", "smooth", "draw"];

function showSpeed(speed, fps) {
  const parts = PARTS.filter((part) => part in speed)
    .map((part) => `${part} ${speed[part].toFixed(1)}`);
  at("speed").textContent =
    (fps ? `${fps.toFixed(1)} fps; ` : "") + `ms: ${parts.join(", ")} (${model.device})`;
}

const MAP = (value, factor) => (value + 0.5) * factor - 0.5;

/** As `simplebase demo --output FILE.json` writes it, in pixels of the original. */
function startRecord(source, isSequence) {
  record = { source, model: model.title, fps: null, keypoints: model.keypoints, frames: [] };
  record.isSequence = isSequence;
}

function frameContent({ width, height, poses: found, factor }, time) {
  const place = record.isSequence ? { time: round(time, 4) } : { file: record.source };
  const poses = found.map((pose) => ({
    id: pose.identity ?? null,
    box: pose.box.map((value, i) => round(i < 2 ? MAP(value, factor) : value * factor, 2)),
    score: round(pose.score, 4),
    keypoints: rows(pose, factor),
  }));
  return { frame: record.frames.length, ...place, width, height, poses };
}

/** [x, y, score] of each keypoint, in pixels of the original. */
function rows({ keypoints }, factor) {
  return model.keypoints.map((_, k) => [
    round(MAP(keypoints[3 * k], factor), 2),
    round(MAP(keypoints[3 * k + 1], factor), 2),
    round(keypoints[3 * k + 2], 4),
  ]);
}

const round = (value, digits) => Number(value.toFixed(digits));

function fillTable() {
  const now = performance.now();
  if (!at("table").open || (isLive && now - tabled < TABLE_INTERVAL)) return;
  tabled = now;
  const body = document.querySelector("#table tbody");
  const poses = shown?.poses ?? [];
  body.replaceChildren(...poses.flatMap((pose, i) => rows(pose, shown.factor).map((row, k) => {
    const line = document.createElement("tr");
    const name = (poses.length > 1 ? `${pose.identity ?? i + 1}: ` : "") + model.keypoints[k];
    for (const value of [name, ...row]) line.insertCell().textContent = value;
    return line;
  })));
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// --- What a visitor does ---

/** Calls `act` and shows what it raises. */
const doing = (act) => (...values) => Promise.resolve(act(...values)).catch(report);

function connect() {
  const opening = { image: openPhoto, video: openVideo };
  for (const [kind, open] of Object.entries(opening)) {
    at(kind).onclick = () => at(`${kind}-file`).click();
    at(`${kind}-file`).onchange = doing(async ({ target }) => {
      const [file] = target.files;
      target.value = ""; // so that the same file can be chosen again
      if (file) await open(file);
    });
  }
  at("webcam").onclick = doing(() => openCamera());
  at("camera").onchange = doing(() => openCamera(at("camera").value));
  at("mirror").onchange = mirror;
  at("stop").onclick = () => stop();
  at("score").value = model.minScore;
  const showScore = () => (at("score-shown").textContent = minScore().toFixed(2));
  showScore();
  at("score").oninput = () => {
    showScore();
    if (shown && !isLive) draw();
  };
  at("table").ontoggle = fillTable;
  at("download-picture").onclick = () => view.toBlob((blob) => download(blob, "pose.png"));
  at("download-json").onclick = () => {
    const { isSequence, ...content } = record;
    download(new Blob([JSON.stringify(content)], { type: "application/json" }), "poses.json");
  };
  const stage = at("stage");
  document.ondragover = (event) => {
    event.preventDefault();
    stage.classList.add("dropping");
  };
  document.ondragleave = () => stage.classList.remove("dropping");
  document.ondrop = doing((event) => {
    event.preventDefault();
    stage.classList.remove("dropping");
    return openFile(event.dataTransfer.files[0]);
  });
  document.onpaste = doing((event) => openFile(event.clipboardData.files[0]));
  for (const id of ["image", "video", "webcam"]) at(id).disabled = false;
}

function openFile(file) {
  if (file) return file.type.startsWith("video/") ? openVideo(file) : openPhoto(file);
}

async function start() {
  complain("");
  say("Loading the model");
  const poster = await fetch("poster.jpg").then((answer) => answer.ok ? answer.blob() : null);
  if (poster) {
    const picture = await createImageBitmap(poster);
    fit(picture.width, picture.height, LARGEST_PHOTO);
    grab(picture);
    shown = { poses: [] };
    draw();
  }
  const asked = new URLSearchParams(location.search);
  const options = { gpu: asked.get("gpu") === "1" };
  if (asked.get("threads")) options.threads = Number(asked.get("threads"));
  model = await PoseModel.open("./", options);
  connect();
  say("");
  if (poster) await openPhoto(poster, "poster.jpg");
  document.body.dataset.ready = "true";
}

doing(start)();
