// Plays what was said: one sound at a time, from its button, its waveform or turn after turn. Report and pages share
// it. It listens at the document, so that parts of a page may be drawn, replaced and removed at any time.
const Player = (() => {
  const SPEEDS = [1, 1.25, 1.5, 2];
  const PAGE_S = 5, STEP_S = 1;
  let speed = 1, line = null, drag = null, frame = 0;

  const box = (element) => (element.closest ? element.closest(".sound") : null);
  const one = (sound, name) => sound.querySelector(name);
  const length = (sound) => Number(sound.dataset.seconds) || 0;

  // The audio element that its buttons choose: as spoken, or as it arrived behind the room and the line.
  function chosen(sound) {
    const all = [...sound.querySelectorAll("audio")];
    const at = [...sound.querySelectorAll(".which button")].findIndex((button) => button.getAttribute("aria-pressed") === "true");
    return all[Math.max(0, at)];
  }

  function start(sound, ofLine = false) {
    if (!ofLine) endLine();
    const audio = chosen(sound);
    audio.playbackRate = speed;
    audio.play().catch(() => {}); // what cannot be played says so itself: see lost()
  }

  function toggle(sound) {
    const audio = chosen(sound);
    if (!audio.paused) audio.pause();
    else start(sound, line !== null && line.sounds[line.at] === sound);
  }

  function seek(sound, seconds) {
    const audio = chosen(sound);
    audio.currentTime = Math.max(0, Math.min(length(sound), seconds));
    paint(sound, audio.currentTime);
  }

  // -- what is seen --

  function paint(sound, seconds) {
    const wave = one(sound, ".wave"), whole = length(sound);
    if (!one(sound, ".peaks.done")) {
      const done = one(sound, ".peaks").cloneNode(true);
      done.classList.add("done");
      wave.append(done);
    }
    wave.style.setProperty("--at", String(whole ? Math.min(1, seconds / whole) : 0));
    wave.setAttribute("aria-valuenow", seconds.toFixed(1));
    wave.setAttribute("aria-valuetext", `${seconds.toFixed(1)} of ${whole.toFixed(1)} seconds`);
    one(sound, ".now").textContent = seconds > 0 ? `${seconds.toFixed(1)} / ` : "";
  }

  function show(audio) {
    const sound = box(audio), button = one(sound, ".play"), plays = !audio.paused && !audio.ended;
    sound.classList.toggle("playing", plays);
    button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^(Play|Pause)/, plays ? "Pause" : "Play"));
    paint(sound, audio.ended ? 0 : audio.currentTime);
  }

  function follow() {
    cancelAnimationFrame(frame);
    const audio = [...document.querySelectorAll(".sound.playing audio")].find((other) => !other.paused);
    if (!audio) return;
    if (!drag) paint(box(audio), audio.currentTime);
    frame = requestAnimationFrame(follow);
  }

  function lost(audio) {
    const sound = box(audio);
    sound.classList.add("lost");
    sound.classList.remove("playing");
    const said = one(sound, ".cannot");
    if (said) said.textContent = `cannot be played: ${decodeURI(audio.getAttribute("src")).split("?")[0]} is missing, or no sound`;
    if (line && line.sounds[line.at] === sound) next();
  }

  // -- a whole consultation --

  function endLine() {
    if (!line) return;
    clearTimeout(line.timer);
    line.button.setAttribute("aria-pressed", "false");
    line = null;
  }

  function playAll(button) {
    const mine = line && line.button === button;
    pauseAll(null);
    endLine();
    if (mine) return;
    const column = button.closest(".head").dataset.column || "0";
    const sounds = [...button.closest(".chat").querySelectorAll(`.cell[data-column="${CSS.escape(column)}"] .sound`)];
    if (!sounds.length) return;
    line = { button, sounds, at: -1, timer: 0 };
    button.setAttribute("aria-pressed", "true");
    next();
  }

  function next() {
    const following = line.sounds[line.at + 1];
    if (!following || !following.isConnected) { endLine(); return; }
    const gap = line.at < 0 ? 0 : Number(following.dataset.gap) || 0;
    line.at += 1;
    line.timer = setTimeout(() => {
      if (!line || !following.isConnected) { endLine(); return; }
      chosen(following).currentTime = 0;
      start(following, true);
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      (following.closest(".turn") || following).scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    }, (1000 * gap) / speed);
  }

  function pauseAll(but) {
    for (const other of document.querySelectorAll(".sound audio")) if (other !== but && !other.paused) other.pause();
  }

  function faster(by) {
    speed = by;
    for (const audio of document.querySelectorAll(".sound audio")) audio.playbackRate = speed;
    for (const button of document.querySelectorAll("button.speed")) button.firstElementChild.textContent = `${speed}×`;
  }

  // As spoken or as heard: for all sounds there are, and what plays goes on from where it is.
  function choose(button) {
    const at = [...button.parentNode.children].indexOf(button);
    for (const which of document.querySelectorAll(".sound .which")) {
      const sound = box(which), before = chosen(sound), plays = !before.paused;
      [...which.children].forEach((other, place) => other.setAttribute("aria-pressed", String(place === at)));
      const after = chosen(sound);
      if (after === before) continue;
      after.currentTime = before.currentTime;
      before.pause();
      if (plays) start(sound, line !== null && line.sounds[line.at] === sound);
    }
  }

  // -- hands --

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches(".sound .play")) toggle(box(button));
    else if (button.matches(".sound .which button")) choose(button);
    else if (button.matches(".play-all")) playAll(button);
    else if (button.matches(".speed")) faster(SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length]);
  });

  function place(event) {
    const { left, width } = drag.wave.getBoundingClientRect();
    return (Math.max(0, Math.min(1, (event.clientX - left) / width))) * length(drag.sound);
  }

  document.addEventListener("pointerdown", (event) => {
    const wave = event.target.closest(".sound .wave");
    if (!wave || event.button !== 0) return;
    drag = { wave, sound: box(wave) };
    wave.setPointerCapture(event.pointerId);
    paint(drag.sound, place(event));
  });
  document.addEventListener("pointermove", (event) => { if (drag) paint(drag.sound, place(event)); });
  document.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { sound } = drag, seconds = place(event);
    drag = null;
    seek(sound, seconds);
    if (chosen(sound).paused) toggle(sound);
  });
  document.addEventListener("pointercancel", () => {
    if (drag) { paint(drag.sound, chosen(drag.sound).currentTime); drag = null; }
  });

  const MOVES = {
    ArrowRight: STEP_S, ArrowUp: STEP_S, ArrowLeft: -STEP_S, ArrowDown: -STEP_S, PageUp: PAGE_S, PageDown: -PAGE_S,
    Home: -Infinity, End: Infinity,
  };
  document.addEventListener("keydown", (event) => {
    const wave = event.target.closest ? event.target.closest(".sound .wave") : null;
    if (!wave || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in MOVES) seek(box(wave), chosen(box(wave)).currentTime + MOVES[event.key]);
    else if (event.key === " " || event.key === "Enter") toggle(box(wave));
    else return;
    event.preventDefault();
  });

  // -- what the sounds tell; these events do not bubble --

  const hear = (name, act) => document.addEventListener(name, (event) => {
    if (event.target.matches && event.target.matches(".sound audio")) act(event.target);
  }, true);
  hear("play", (audio) => {
    pauseAll(audio);
    if (line && line.sounds[line.at] !== box(audio)) endLine();
    show(audio);
    follow();
  });
  hear("pause", show);
  hear("seeked", show);
  hear("error", lost);
  hear("ended", (audio) => {
    show(audio);
    audio.currentTime = 0;
    if (line && line.sounds[line.at] === box(audio)) next();
  });

  return { toggle };
})();
