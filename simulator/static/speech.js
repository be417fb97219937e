// Draws the sound of a turn: player with its waveform, what was heard instead, small facts. The server's pages say the
// same in the same words: simulator/showing/speech_view.py, misheard.py, waveform.py and templates/web/sound.html.j2.
const AUDIO = /^audio\/[A-Za-z0-9._\/-]+$/;
const MOST_CELLS = 160000;
const SVG = "http://www.w3.org/2000/svg";
const safeSound = (audio) => Boolean(audio) && AUDIO.test(audio.path) && !audio.path.split("/").includes("..");
const given = (value) => value !== undefined && value !== null;

function svg(tag, props, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

function outlineOf(waveform) {
  const peaks = [...(waveform || "")].slice(0, 64).map((letter) => Math.min(63, Math.max(0, letter.codePointAt(0) - 48)));
  const short = (value) => value.toFixed(1).replace(/\.0$/, "");
  return peaks.length ? peaks.map((peak, at) => {
    const tall = 0.4 + (10.6 * peak) / 63;
    return `M${at}.5 ${short(12 - tall)}v${short(2 * tall)}`;
  }).join("") : "M.5 12H63.5";
}

function playerOf(turn) {
  if (!safeSound(turn.audio)) return null;
  const { audio, speech = {}, speech_timing: timing = {} } = turn;
  const seconds = audio.seconds || 0, long = fixed(seconds), number = (turn.index || 0) + 1;
  const sources = [["", audio.path]];
  if (safeSound(turn.heard_audio)) { sources[0][0] = "as spoken"; sources.push(["as heard", turn.heard_audio.path]); }
  const peaks = svg("svg", { class: "peaks", viewBox: "0 0 64 24", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("path", { d: outlineOf(speech.waveform) }));
  if (given(speech.cut_s) && speech.cut_s < seconds - 0.05) {
    const x = ((speech.cut_s / seconds) * 64).toFixed(1);
    peaks.append(svg("line", { class: "cut", x1: x, x2: x, y1: 1, y2: 23 }));
  }
  return h("div", { class: "sound", "data-seconds": seconds, "data-gap": Math.min(5, Math.max(0.25, timing.pause_s || 0)) },
    h("button", { type: "button", class: "play", "aria-label": `Play turn ${number}, ${long} seconds` },
      svg("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { class: "go", d: "M3.2 1.6v8.8l7.3-4.4z" }), svg("path", { class: "hold", d: "M2.8 2h2.3v8H2.8zM6.9 2h2.3v8H6.9z" }))),
    h("div", { class: "wave", role: "slider", tabindex: "0", "aria-label": `position in the sound of turn ${number}`, "aria-valuemin": "0", "aria-valuemax": long, "aria-valuenow": "0", "aria-valuetext": `0.0 of ${long} seconds` }, peaks),
    h("span", { class: "time" }, h("span", { class: "unseen" }, "sound "), h("span", { class: "now" }), `${long} s`),
    sources.length > 1 && h("span", { class: "which", role: "group", "aria-label": "Which sound" },
      sources.map(([name], at) => h("button", { type: "button", "aria-pressed": String(!at) }, name))),
    sources.map(([name, path]) => h("audio", { controls: true, preload: "none", src: path, "aria-label": `sound of turn ${number}${name ? `, ${name}` : ""}` })),
    h("span", { class: "cannot", role: "status" }));
}

function playAllOf(record) {
  const sounds = (record.turns || []).filter((turn) => safeSound(turn.audio));
  if (sounds.length < 2) return null;
  const seconds = sounds.reduce((sum, turn) => sum + (turn.audio.seconds || 0), 0);
  return h("span", { class: "play-line" },
    h("button", { type: "button", class: "play-all", "aria-pressed": "false", title: "Play turn after turn" },
      h("span", { class: "go" }, "▶ play all"), h("span", { class: "hold" }, "■ stop"), ` · ${minutes(seconds)}`),
    h("button", { type: "button", class: "speed", title: "Speed of playing" }, h("span", {}, "1×"), h("span", { class: "unseen" }, " speed")));
}

const minutes = (seconds) => (seconds < 60 ? `${Math.round(seconds)} s` : `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`);

// -- what was heard --

function tokensOf(text, language) {
  const found = [];
  let waiting = "";
  for (const piece of language === "zh" ? [...text] : text.match(/\s*\S+\s*/g) || []) {
    const key = piece.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
    if (key) { found.push({ text: waiting + piece, key }); waiting = ""; }
    else if (found.length) found[found.length - 1].text += piece;
    else waiting += piece;
  }
  return found.length ? found : waiting ? [{ text: waiting, key: "" }] : [];
}

function common(ours, theirs) {
  let count = 0;
  while (count < ours.length && count < theirs.length && ours[count].key === theirs[count].key) count += 1;
  return count;
}

function costs(ours, theirs) {
  const table = [Array.from({ length: theirs.length + 1 }, (_, at) => at)];
  ours.forEach((one, row) => {
    const above = table[row], line = [row + 1];
    theirs.forEach((other, at) => line.push(Math.min(above[at] + Number(one.key !== other.key), above[at + 1] + 1, line[at] + 1)));
    table.push(line);
  });
  return table;
}

function aligned(ours, theirs) {
  if (ours.length * theirs.length > MOST_CELLS) return [...ours.map((one) => [one, null]), ...theirs.map((other) => [null, other])];
  const table = costs(ours, theirs), back = [];
  let i = ours.length, j = theirs.length;
  while (i || j) {
    const here = table[i][j];
    if (i && j && here === table[i - 1][j - 1] + Number(ours[i - 1].key !== theirs[j - 1].key)) { i -= 1; j -= 1; back.push([ours[i], theirs[j]]); }
    else if (i && here === table[i - 1][j] + 1) { i -= 1; back.push([ours[i], null]); }
    else { j -= 1; back.push([null, theirs[j]]); }
  }
  return back.reverse();
}

// Pieces of both texts in their order: the same, or what was heard in the place of what was said.
function differencesOf(said, heard, language) {
  const ours = tokensOf(said, language), theirs = tokensOf(heard, language);
  const head = common(ours, theirs);
  const tail = common(ours.slice(head).reverse(), theirs.slice(head).reverse());
  const both = (n, from, other) => Array.from({ length: n }, (_, at) => [ours[from + at], theirs[other + at]]);
  const pairs = [...both(head, 0, 0), ...aligned(ours.slice(head, ours.length - tail), theirs.slice(head, theirs.length - tail)),
    ...both(tail, ours.length - tail, theirs.length - tail)];
  const found = [];
  for (const [one, other] of pairs) {
    const same = Boolean(one && other && one.key === other.key);
    if (!found.length || found[found.length - 1].same !== same) found.push({ same, said: "", heard: "" });
    const piece = found[found.length - 1];
    piece.said += one ? one.text : "";
    piece.heard += other ? other.text : "";
  }
  return found.map(pieceOf);
}

// What follows a change, as it was heard, is no part of it.
function pieceOf({ same, said, heard }) {
  const space = /\s$/.test(said) || /\s$/.test(heard) ? " " : "";
  if (same || !said || !heard) return { same, said: said.trimEnd(), heard: heard.trimEnd(), after: space };
  const core = (text) => text.replace(/[^\p{L}\p{N}]+$/u, "");
  return { same, said: core(said), heard: core(heard), after: heard.slice(core(heard).length) || (/\s$/.test(said) ? " " : "") };
}

// From what was said or, where that is nearer, from how it was read aloud.
function closest(said, read, heard, language) {
  const written = differencesOf(said, heard, language), aloud = read ? differencesOf(read, heard, language) : written;
  const amount = (pieces) => pieces.reduce((sum, piece) => sum + (piece.same ? 0 : piece.said.length + piece.heard.length), 0);
  return amount(aloud) < amount(written) ? aloud : written;
}

const edits = (counts) => (counts.substitutions || 0) + (counts.deletions || 0) + (counts.insertions || 0);

function rateWords(name, counts) {
  if (!counts || !(counts.reference || edits(counts))) return "";
  const share = counts.reference ? `${Math.floor((100 * edits(counts)) / counts.reference + 0.5)}%` : "not defined";
  return `${name} ${share} (${edits(counts)} of ${counts.reference || 0})`;
}

function sameWords({ heard, text, speech = {} }) {
  return heard === text || Boolean(speech.characters && !edits(speech.characters) && !given(speech.cut_s));
}

function misheardOf(turn, language) {
  const silence = !turn.heard && turn.speech && !turn.speech.characters;
  if (!given(turn.heard) || silence || sameWords(turn)) return null;
  const speech = turn.speech || {};
  const pieces = closest(turn.text, speech.read, turn.heard, language);
  if (pieces.every((piece) => piece.same)) return null;
  const rates = [rateWords("WER", speech.words), rateWords("CER", speech.characters)].filter(Boolean).join(" · ");
  return h("div", { class: "misheard", role: "group", "aria-label": "what was heard" }, h("small", {}, "heard "),
    !pieces.some((piece) => piece.heard) && h("em", {}, "nothing "),
    h("span", { class: "marked", dir: "auto", lang: LANG[language] || null }, pieces.map((piece) => [
      piece.same ? piece.heard : [piece.said && h("del", {}, piece.said), piece.heard && h("ins", {}, piece.heard)], piece.after])),
    rates && h("small", { class: "rates" }, ` ${rates}`));
}

// -- marks and facts --

function marksOf(turn) {
  const { speech = {} } = turn, marks = [];
  if (given(speech.cut_s)) marks.push([`interrupted after ${fixed(speech.cut_s)} s`, false]);
  if (speech.silent) marks.push(turn.role === "patient" ? ["says nothing", false] : ["silent sound", true]);
  if ((speech.clipped_share || 0) >= 0.001) marks.push(["clipped", true]);
  if (turn.audio && !safeSound(turn.audio)) marks.push([`sound ${fixed(turn.audio.seconds || 0)} s, not below audio/`, true]);
  return marks.map(([text, bad]) => h("span", { class: bad ? "sound-mark bad" : "sound-mark" }, text));
}

function factsOf(turn) {
  const { audio, speech, speech_timing: timing, measured = {} } = turn, facts = [];
  const add_ = (name, text) => facts.push([name, text]);
  if (speech) {
    if (speech.voice) add_("voice", speech.voice);
    if (speech.read) add_("read aloud as", speech.read);
    if ((given(speech.segments) ? speech.segments : 1) > 1) add_("pieces", String(speech.segments));
    if ((speech.channel || []).length) add_("room and line", speech.channel.join(", "));
    if (given(speech.peak_dbfs) && given(speech.rms_dbfs)) add_("level", `${fixed(speech.rms_dbfs)} dBFS, peak ${fixed(speech.peak_dbfs)}`);
    if (speech.clipped_share) add_("clipped", `${fixed(100 * speech.clipped_share, 2)}% of the samples`);
  }
  if (timing) timingFacts(timing, audio ? audio.seconds || 0 : 0, add_);
  if (audio) add_("sound", `${fixed(audio.seconds || 0, 2)} s, ${audio.sample_rate_hz / 1000} kHz`);
  if (given(turn.heard) && sameWords(turn)) add_("heard", "word for word");
  measuredFacts(measured, add_);
  return facts;
}

function timingFacts(timing, seconds, add_) {
  if (timing.cached) add_("synthesis", "said before: taken from the cache");
  else if (timing.synthesis_s) {
    add_("synthesis", `${fixed(timing.synthesis_s, 2)} s${seconds ? `, real-time factor ${fixed(timing.synthesis_s / seconds, 3)}` : ""}`);
    if (timing.first_audio_s) add_("first audio", `after ${fixed(timing.first_audio_s, 2)} s`);
  }
  if (timing.listening_s >= 0.005) add_("listening", `${fixed(timing.listening_s, 2)} s`);
  if (timing.pause_s) add_("waited", `${fixed(timing.pause_s, 2)} s before speaking`);
}

function measuredFacts(measured, add_) {
  const { gap_s: gap, vad } = measured;
  if (given(gap)) add_("gap", gap >= 0 ? `${fixed(gap, 2)} s after the other's last sound` : `overlaps by ${fixed(-gap, 2)} s`);
  if (vad) add_("speech", `${fixed(vad.speech_s, 2)} s, ${fixed(100 * vad.share, 0)}% of the sound`);
  for (const [name, text] of [["pesq", "PESQ"], ["stoi", "STOI"], ["utmos", "UTMOS"]]) if (given(measured[name])) add_(text, fixed(measured[name], 2));
  if (measured.problem) add_("not measured", measured.problem);
}

// The rest, when it is asked for.
function factsBlock(turn) {
  const facts = turn.audio || given(turn.heard) || turn.speech ? factsOf(turn) : [];
  return facts.length ? h("details", { class: "facts" }, h("summary", {}, turn.audio ? "about the sound" : "about the hearing"),
    h("dl", {}, facts.map(([name, text]) => [h("dt", {}, name), h("dd", { dir: "auto" }, text)]))) : null;
}
