// A session's page: forms are sent without leaving it, words appear as they are said, newer parts replace older ones.
// Everything that is shown as HTML was drawn by this server's own templates; words are only ever inserted as text.
import { $, $$, chat, note, putCells, putPage, stage, takeTyped } from "./live_parts.js";

if (stage) {
  const csrf = $('meta[name="csrf-token"]').content;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  let loading = null, wanted = false;
  async function refresh() {
    wanted = true;
    if (loading) return loading;
    loading = (async () => {
      while (wanted) {
        wanted = false;
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
        if (answer.status === 404) { location.assign("/live"); return; }
        if (!answer.ok) return;
        put(new DOMParser().parseFromString(await answer.text(), "text/html"));
      }
    })().catch(() => {}).finally(() => { loading = null; });
    return loading;
  }

  function put(page) {
    const fresh = page.getElementById("stage");
    if (!fresh) return;
    putPage(fresh);
    speak();
    settle();
  }

  // -- what is being said --

  let speaking = "", words = "";
  const near = () => innerHeight + scrollY > document.documentElement.scrollHeight - 260;

  function speak() {
    const cursor = $("#cursor");
    if (!cursor) return;
    cursor.classList.toggle("speaking", Boolean(speaking));
    cursor.setAttribute("aria-busy", String(Boolean(speaking)));
    if (!speaking || cursor.dataset.role !== speaking) return;
    const said = $(".said", cursor);
    if (said.textContent !== words) said.textContent = words;
  }

  function follow(element) {
    if (element) element.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  }

  // The doctor's voice, once, when the turn arrives; a browser that wants a click first leaves the turn's own button.
  function aloud(turn) {
    const wanted = $("#aloud"), sound = $(".sound", turn);
    if (!wanted || !wanted.checked || !sound || typeof Player === "undefined" || sound.classList.contains("playing")) return;
    Player.toggle(sound);
  }

  const on = {
    state(now) {
      if (now.mark !== stage.dataset.mark || now.running !== stage.dataset.running) refresh();
      if (!now.running) { speaking = words = ""; speak(); }
    },
    speaking(now) { speaking = now.role; words = ""; speak(); if (near()) follow($("#cursor")); },
    words(now) { words += now.text; speak(); },
    again() { words = ""; speak(); },
    turn(now) {
      const stays = near();
      speaking = words = "";
      if ($$(".head", chat()).length > 1 || now.number !== Number(stage.dataset.turns) + 1) { refresh(); return; }
      const drawn = document.createElement("template");
      drawn.innerHTML = now.html;
      putCells([...drawn.content.children], false);
      stage.dataset.turns = now.number;
      const turn = $(`#turn-0-${now.number - 1}`);
      if (turn && now.role === "doctor") aloud(turn);
      if (turn) { turn.classList.add("new"); $("#announce").textContent = `${now.role}: ${$(".said", turn).textContent}`; }
      if (stays) follow($("#cursor") || turn);
    },
    failure(now) { tell(now.message); refresh(); },
    problem(now) { tell(now.message); },
    reload() { refresh(); },
    gone() { location.assign("/live"); },
  };

  let source = null;
  function listen() {
    if (source || document.hidden) return;
    source = new EventSource(stage.dataset.events);
    for (const [name, hear] of Object.entries(on)) {
      source.addEventListener(name, (event) => { if (event.data !== undefined) hear(JSON.parse(event.data)); });
    }
    source.onerror = () => { if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(listen, 3000); } };
  }
  // browsers allow few connections to one server: a hidden page lets go of its own
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && source) { source.close(); source = null; speaking = words = ""; } else listen();
  });
  addEventListener("pagehide", () => { if (source) { source.close(); source = null; } });
  addEventListener("pageshow", (event) => { if (event.persisted) { refresh(); listen(); } });

  // -- forms --

  function tell(message) {
    $("#notice").hidden = !message;
    $("#notice p").textContent = message || "";
  }

  let sending = "", sent = Promise.resolve();
  function send(form, button) {
    const name = form.dataset.do;
    if (sending === name) return; // pressed twice
    const data = new URLSearchParams(new FormData(form, button));
    if (name === "stop") { post(form.action, name, data, () => {}); return; }
    const putBack = ["say", "examine"].includes(name) ? takeTyped(form) : () => {};
    sent = sent.then(() => { sending = name; return post(form.action, name, data, putBack); }).finally(() => { sending = ""; });
  }

  async function post(address, name, data, putBack) {
    data.set("expected", name === "fork" || name === "label" ? "" : stage.dataset.revision);
    stage.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { method: "POST", body: data, headers: { Accept: "application/json", "X-CSRF-Token": csrf } });
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) {
        tell(said.detail || "The server did not answer as expected: load the page again.");
        await refresh();
        putBack();
        return;
      }
      tell("");
      if (said.href !== undefined) { location.assign(said.href || "/live"); return; }
      stage.dataset.revision = said.revision;
      if (["rewind", "edit"].includes(name)) close();
      await refresh();
    } catch {
      tell("The server cannot be reached. What was finished is kept: try again.");
      putBack();
    } finally {
      stage.removeAttribute("aria-busy");
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.do || event.defaultPrevented) return;
    event.preventDefault();
    send(form, event.submitter);
  });

  // -- one turn: go back to it, fork from it, edit it --

  const picked = () => (new URL(location.href).searchParams.has("t") ? Number(new URL(location.href).searchParams.get("t")) + 1 : 0);

  function pick(number, open) {
    const turn = $(`#turn-0-${number - 1}`);
    if (!turn) return;
    const to = new URL(location.href);
    to.searchParams.set("t", number - 1);
    to.hash = "";
    history.replaceState(null, "", to);
    for (const one of $$(".turn[aria-current]", chat())) one.removeAttribute("aria-current");
    turn.setAttribute("aria-current", "true");
    fill(number, $(".said", turn).textContent);
    settle(open);
    follow(turn);
  }

  function fill(number, text) {
    $("[data-turn-number]").textContent = number;
    for (const one of $$("[data-keep-from]")) one.value = Math.max(0, number + Number(one.dataset.keepFrom));
    const box = $("#edit-text");
    if (box.dataset.of !== String(number)) { box.value = text; box.dataset.of = number; }
  }

  function settle(open) {
    const panel = $("#at-turn"), turn = picked() && $(`#turn-0-${picked() - 1}`);
    if (!panel) return;
    if (open !== undefined) panel.hidden = !open;
    if (!turn) { panel.hidden = true; return; }
    if (!panel.hidden && panel.previousElementSibling !== turn) turn.after(panel);
  }

  function close() {
    const to = new URL(location.href);
    to.searchParams.delete("t");
    to.hash = "";
    history.replaceState(null, "", to);
    for (const one of $$(".turn[aria-current]", chat())) one.removeAttribute("aria-current");
    const panel = $("#at-turn");
    panel.hidden = true;
    delete $("#edit-text").dataset.of;
    $(".chatbox").after(panel);
  }

  function unfold(id, field) {
    const sheet = document.getElementById(id);
    if (!sheet) return;
    if (sheet.tagName === "DETAILS") sheet.open = true;
    sheet.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    const first = $(field || "select, textarea, input:not([type=hidden])", sheet);
    if (first) first.focus({ preventScroll: true });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a, button");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.classList.contains("keep")) {
      event.preventDefault();
      if (picked() === Number(link.dataset.keep) && !$("#at-turn").hidden) close();
      else pick(Number(link.dataset.keep), true);
    } else if (link.dataset.open) { event.preventDefault(); unfold(link.dataset.open, "select"); } else if (link.dataset.close !== undefined) { event.preventDefault(); close(); }
  });

  // -- keys --

  const form = (selector) => { const found = $(selector, stage); return found && (found.form || found); };
  const press = (selector) => { const found = form(selector); if (found) found.requestSubmit($("button", found)); };
  const numbers = () => $$(".turn[data-number]", chat()).filter((one) => one.id.startsWith("turn-0-")).map((one) => Number(one.dataset.number));
  function walk(by) {
    const all = numbers();
    if (!all.length) return;
    const at = all.indexOf(picked());
    pick(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))], $("#at-turn").hidden ? undefined : true);
  }
  const current = () => picked() || numbers().pop() || 0;
  const over = (role) => {
    if (form(`input[name=${role}][value=human]`)) press(`input[name=${role}][value=human]`);
    else unfold("desk", "#say-text");
  };
  const keys = {
    s: () => press('[data-do="step"]'), r: () => press('[data-do="run"]'), g: () => press('[data-do="judge"]'),
    j: () => walk(1), k: () => walk(-1), f: () => { if (picked()) fill(picked(), $("#edit-text").value); unfold("fork", 'select[name="doctor"]'); },
    w: () => { if (current()) { pick(current(), true); unfold("at-turn", "button"); } },
    e: () => { if (current()) { pick(current(), true); unfold("at-turn", "textarea"); } },
    d: () => over("doctor"), p: () => over("patient"), Escape: close,
    "?": () => { $(".keys").classList.add("shown"); $(".keys").scrollIntoView({ block: "center" }); },
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (typing && event.key === "Enter" && (event.ctrlKey || event.metaKey) && typing.form) {
      event.preventDefault();
      typing.form.requestSubmit();
    } else if (typing && event.key === "Escape") typing.blur();
    else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  const announce = document.createElement("p");
  announce.id = "announce";
  announce.className = "unseen";
  announce.setAttribute("aria-live", "polite");
  document.body.append(announce);
  note(stage);
  if ($(".aloud")) $(".aloud").hidden = false;
  settle();
  listen();
  stage.dataset.scripted = "";
}
