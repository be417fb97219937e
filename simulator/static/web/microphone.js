// Lets a person speak instead of typing, into a microphone or with a sound file of theirs: the recording is made here
// and sent as WAV, a file as it is; the server answers with what its listener understood, and the words stand in the box
// to be corrected before they are said.
import { $, stage } from "./live_parts.js";

const LONGEST_S = 59.5;
const csrf = $('meta[name="csrf-token"]').content;
let taking = null; // what is being recorded
let reading = false; // the server listens
let held = null; // what was recorded and not yet said
let problem = "";

const box = () => $(".microphone", stage);
const isHeld = () => held !== null && held.revision === stage.dataset.revision;

function words() {
  if (problem) return problem;
  if (taking) return `${(taking.samples / taking.context.sampleRate).toFixed(1)} s`;
  if (reading) return "being understood ...";
  if (!isHeld()) return "";
  const long = `${held.seconds.toFixed(1)} s will be heard.`;
  return held.text ? `${long} Correct what was understood, then say it.` : `${long} Nothing was understood: write what you said.`;
}

function show() {
  const at = box();
  if (!at) return;
  at.hidden = false;
  const button = $("button", at);
  button.textContent = taking ? "Stop" : isHeld() ? "Record again" : "Record";
  button.setAttribute("aria-pressed", String(Boolean(taking)));
  button.disabled = reading;
  $("input[type=file]", at).disabled = reading || Boolean(taking);
  $("small", at).textContent = words();
}

// Not every browser takes a microphone at another rate than its own.
function connect(stream, rate) {
  for (const options of [{ sampleRate: rate }, {}]) {
    const context = new AudioContext(options);
    try {
      return { context, source: context.createMediaStreamSource(stream) };
    } catch { context.close(); }
  }
  throw new Error("this microphone cannot be recorded");
}

async function start(at) {
  if (!navigator.mediaDevices) throw new Error("the browser lends a microphone to https or localhost only");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  try {
    const { context, source } = connect(stream, Number(at.dataset.rate));
    await context.audioWorklet.addModule(at.dataset.worklet);
    const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    taking = { address: at.dataset.address, role: at.dataset.role, revision: stage.dataset.revision, stream, context, pieces: [], samples: 0 };
    taking.timer = setInterval(show, 200);
    node.port.onmessage = (event) => {
      if (!taking) return;
      taking.pieces.push(event.data);
      taking.samples += event.data.length;
      if (taking.samples > LONGEST_S * context.sampleRate) finish();
    };
    source.connect(node);
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    throw error;
  }
}

// 16-bit mono WAV.
function wav(pieces, samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples));
  const text = (at, letters) => [...letters].forEach((letter, place) => view.setUint8(at + place, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * samples, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * samples, true);
  let at = 44;
  for (const piece of pieces) {
    for (const sample of piece) { view.setInt16(at, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true); at += 2; }
  }
  return view.buffer;
}

function finish() {
  const { stream, context, pieces, samples, timer } = taking, from = taking;
  const rate = context.sampleRate;
  taking = null;
  clearInterval(timer);
  for (const track of stream.getTracks()) track.stop();
  context.close();
  return understand(from, wav(pieces, samples, rate), "audio/wav");
}

// A file is checked by the server, which knows what it can read; only what it would not even take stays here.
function take(file) {
  const at = box();
  problem = "";
  held = null;
  if (taking || reading || !at) return;
  const most = Number(at.dataset.most);
  if (file.size > most) {
    problem = `${file.name} has ${(file.size / 1048576).toFixed(1)} MiB, and at most ${most / 1048576} can be sent: cut it.`;
    show();
    return;
  }
  understand({ address: at.dataset.address, role: at.dataset.role, revision: stage.dataset.revision }, file, file.type || "application/octet-stream");
}

async function understand({ address, role, revision }, body, type) {
  reading = true;
  show();
  try {
    const answer = await fetch(`${address}&expected=${encodeURIComponent(revision)}`, {
      method: "POST", body,
      headers: { Accept: "application/json", "Content-Type": type, "X-CSRF-Token": csrf },
    });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(said.detail || "the server did not answer as expected: load the page again");
    held = { ...said, role, revision };
    const text = $("#say-text", stage);
    if (text) { text.value = said.text; text.focus({ preventScroll: true }); }
  } catch (error) {
    problem = error.message;
  } finally {
    reading = false;
    show();
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".microphone button");
  if (!button) return;
  problem = "";
  if (taking) { finish(); return; }
  held = null;
  start(box()).catch((error) => { problem = `No microphone: ${error.message}.`; }).finally(show);
});

document.addEventListener("change", (event) => {
  if (!event.target.matches(".microphone input[type=file]")) return;
  const [file] = event.target.files;
  event.target.value = ""; // the same one may be chosen again
  if (file) take(file);
});

// -- a file dropped on the form --

const carries = (event) => Boolean(box() && event.dataTransfer && [...event.dataTransfer.types].includes("Files"));
const under = (event) => event.target.closest("form.say");
const mark = (form) => { for (const one of document.querySelectorAll("form.say")) one.classList.toggle("dropping", one === form); };
document.addEventListener("dragover", (event) => {
  if (!carries(event)) return;
  event.preventDefault(); // beside the form, too: the browser would leave the page to show the file
  event.dataTransfer.dropEffect = under(event) ? "copy" : "none";
  mark(under(event));
});
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(null); });
document.addEventListener("drop", (event) => {
  mark(null);
  if (!carries(event)) return;
  event.preventDefault();
  if (!under(event)) return;
  if (event.dataTransfer.files.length !== 1) { problem = "One file is one turn: drop one."; show(); return; }
  take(event.dataTransfer.files[0]);
});

// the form that says the words says, too, which sound they were
document.addEventListener("formdata", (event) => {
  const form = event.target;
  if (form.dataset.do === "say" && isHeld() && form.elements.role.value === held.role) event.formData.set("sound", held.sound);
});

// a newer desk was put in place: it comes with the button hidden
new MutationObserver(() => { if (box() && box().hidden) show(); }).observe(stage, { childList: true, subtree: true });
addEventListener("pagehide", () => { if (taking) for (const track of taking.stream.getTracks()) track.stop(); });
show();
