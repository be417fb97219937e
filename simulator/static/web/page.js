// Keys and the marked turn of a consultation or a comparison; without it every link and control works by itself.
"use strict";
(() => {
  const KEYS = [
    ["j", "next turn"], ["k", "previous turn"], ["n", "next consultation or case"], ["p", "previous one"],
    ["space", "play or pause the turn's sound"], ["f", "fork at the turn"], ["c", "side by side"],
    ["?", "these keys"],
  ];
  const turns = () => [...document.querySelectorAll(".turn[data-turn]")];
  const calm = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
  const current = () => document.querySelector(".turn[aria-current]");

  // A consultation's turn is in the address as ?t=INDEX, a comparison's as the anchor, which also names the column.
  function remember(turn) {
    const address = new URL(location.href);
    const several = document.querySelector(".chat.several") !== null;
    if (!several) address.searchParams.set("t", turn.dataset.turn);
    address.hash = several ? turn.id : "";
    history.replaceState(null, "", address);
  }

  function mark(turn, scroll) {
    for (const old of document.querySelectorAll(".turn[aria-current]")) old.removeAttribute("aria-current");
    if (!turn) return;
    turn.setAttribute("aria-current", "true");
    remember(turn);
    if (scroll) turn.scrollIntoView({ block: "center", behavior: calm() });
  }

  function step(by) {
    const all = turns();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + by));
    mark(all[next], true);
  }

  function follow(link) {
    if (link) location.assign(link.href);
    return Boolean(link);
  }

  function play() {
    const sound = (current() && current().querySelector(".sound")) || document.querySelector(".sound");
    if (sound) Player.toggle(sound);
    return Boolean(sound);
  }

  function fork() {
    const turn = current() || turns().filter((one) => one.dataset.fork).pop();
    if (!turn || !turn.dataset.fork) return false;
    location.assign(turn.dataset.fork);
    return true;
  }

  function help() {
    const known = document.getElementById("keys");
    if (known) {
      if (known.open) known.close();
      else known.showModal();
      return;
    }
    const dialog = document.createElement("dialog");
    dialog.id = "keys";
    dialog.setAttribute("aria-label", "Keys");
    const list = document.createElement("dl");
    for (const [key, words] of KEYS) {
      const name = document.createElement("kbd"), term = document.createElement("dt"), text = document.createElement("dd");
      name.textContent = key;
      text.textContent = words;
      term.append(name);
      list.append(term, text);
    }
    dialog.append(list);
    dialog.addEventListener("click", () => dialog.close());
    document.body.append(dialog);
    dialog.showModal();
  }

  const acts = {
    j: () => step(1), k: () => step(-1), " ": play, f: fork, "?": help,
    n: () => follow(document.querySelector('a[data-key="n"]')), p: () => follow(document.querySelector('a[data-key="p"]')),
    c: () => follow(document.querySelector('a[data-key="c"]')),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const on = event.target.closest ? event.target : document.body;
    if (on.closest("input, select, textarea, [contenteditable]")) return;
    if (event.key === " " && on.closest("a, button, summary, audio")) return;
    if (acts[event.key] && acts[event.key]() !== false) event.preventDefault();
  });

  // The turn that is heard is the marked one.
  document.addEventListener("play", (event) => {
    mark(event.target.closest(".turn"), false);
  }, true);

  document.addEventListener("click", (event) => {
    const cited = event.target.closest('a[href^="#turn-"]');
    if (cited) {
      event.preventDefault();
      mark(document.getElementById(cited.hash.slice(1)), true);
      return;
    }
    const turn = event.target.closest(".turn[data-turn]");
    if (turn && !event.target.closest("a, button, summary, audio, .wave, .facts, .reasons") && String(getSelection()) === "") mark(turn, false);
  });

  const trial = document.querySelector("form.doctors select");
  if (trial) trial.addEventListener("change", () => trial.form.requestSubmit());

  const asked = new URLSearchParams(location.search).get("t"); // a server has marked it already, a file cannot
  const pointed = location.hash.startsWith("#turn-") ? document.getElementById(location.hash.slice(1))
    : current() || turns().find((turn) => turn.dataset.turn === asked);
  if (pointed) mark(pointed, true);

  const hint = document.createElement("p");
  hint.className = "keys";
  for (const [key, words] of [["j", ""], ["k", "turns"], ["n", ""], ["p", "next and previous"], ["?", "all keys"]]) {
    const name = document.createElement("kbd");
    name.textContent = key;
    hint.append(name, ` ${words} `);
  }
  const main = document.querySelector("main");
  if (main) main.append(hint);
})();
