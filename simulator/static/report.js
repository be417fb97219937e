// Puts the parts together: address -> filters, list, reader; keys and presses -> address.
async function start() {
  const app = document.getElementById("app");
  app.hidden = false;
  const [form, nav, article] = [".filters", ".list", ".reader"].map((name) => app.querySelector(name));
  if (typeof DecompressionStream === "undefined") {
    fill(article, h("p", { class: "fault" }, "This browser cannot open packed transcripts (it lacks DecompressionStream)."));
    return;
  }
  const index = await unpack("index");
  const rows = makeRows(index);
  let state = readState() || Object.fromEntries(FIELDS.map((name) => [name, ""]));
  let visible = rows, chosen = null, listed = "", shown = "", round = 0, searching = 0, timer = 0;

  const set = (patch, push = false) => {
    state = { ...state, ...patch };
    writeState(state, push);
    return render(push);
  };
  const choose = (row) => set({ c: row.id, t: "" }, true);
  const act = {
    choose,
    step: (by) => {
      const next = visible[visible.indexOf(chosen) + by];
      return next && choose(next);
    },
    side: () => set({ view: state.view === "side" ? "" : "side" }, true),
  };

  async function render(scrollList) {
    showFilters(form, state);
    const filter = FILTERS.map((name) => state[name]).join("\u0000");
    if (filter !== listed) await refilter(filter);
    else await showChosen(scrollList);
  }

  async function refilter(filter) {
    listed = filter;
    const turn = ++searching;
    const there = rows.filter((row) => passes(row, state));
    const needle = state.q.trim().toLowerCase();
    if (!needle) return put(there, 1);
    await searchText(index, there, needle, (hits, share) => turn === searching && put(hits, share), () => turn === searching);
  }

  function put(list, share) {
    visible = list;
    const count = form.querySelector(".count");
    fill(count, share < 1 ? `searching ${Math.round(share * 100)}%, ` : "", list.length === rows.length ? plural(rows.length, "consultation") : `${list.length} of ${rows.length}`);
    return showChosen(true, true);
  }

  async function showChosen(scrollList, relist) {
    const wanted = rows.find((row) => row.id === state.c);
    const next = wanted || visible[0] || null;
    if (relist || next !== chosen) {
      const same = !relist && nav.querySelector(`[data-id="${CSS.escape(next ? next.id : "")}"]`);
      if (same) {
        for (const old of nav.querySelectorAll("[aria-current]")) old.removeAttribute("aria-current");
        same.setAttribute("aria-current", "true");
      } else showList(nav, visible, next, choose);
    }
    chosen = next;
    const current = nav.querySelector("[aria-current]");
    if (current && scrollList) nav.scrollTop += current.getBoundingClientRect().top - nav.getBoundingClientRect().top - nav.clientHeight / 3;
    app.classList.toggle("side", state.view === "side");
    await read();
  }

  async function read() {
    const key = chosen ? `${chosen.id}|${state.view}` : "";
    if (!chosen) { shown = ""; fill(article, h("p", { class: "quiet" }, "No consultation to show.")); return; }
    if (key !== shown) {
      const turn = ++round;
      const draw = await showReader(article, index, rows, chosen, state, act);
      if (turn !== round) return;
      draw();
      shown = key;
      article.dataset.shown = chosen.id;
      markTurn(article, state.t, true);
    } else markTurn(article, state.t, true);
  }

  const stepTurn = (by) => {
    const all = [...article.querySelectorAll(".turn[id^='turn-0-']")].map((element) => Number(element.dataset.turn));
    if (!all.length) return null;
    const at = state.t === "" ? (by > 0 ? -1 : all.length) : all.indexOf(Number(state.t));
    const next = all[Math.max(0, Math.min(all.length - 1, at + by))];
    return set({ t: String(next), c: chosen.id });
  };
  const mark = (t) => { // the turn that is heard or pressed, where one reads already
    state = { ...state, t, c: chosen.id };
    writeState(state, false);
    markTurn(article, t, false);
  };
  const playTurn = () => {
    const sound = article.querySelector(".turn[aria-current] .sound") || article.querySelector(".sound");
    if (sound) Player.toggle(sound);
  };
  const keys = { " ": playTurn, j: () => stepTurn(1), k: () => stepTurn(-1), n: () => act.step(1), p: () => act.step(-1), s: act.side };

  const bringIntoView = () => {
    const section = document.getElementById("consultations");
    const { top, bottom } = section.getBoundingClientRect();
    if (top > innerHeight / 2 || bottom < 0) section.scrollIntoView();
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest && event.target.closest("input, select, textarea");
    if (typing && event.key === "Escape") event.target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === " " && (!article.querySelector(".sound") || event.target.closest("a, button, summary, audio"))) return;
    if (event.key === "/") { event.preventDefault(); form.elements.namedItem("q").focus(); return; }
    if (keys[event.key] && chosen) { event.preventDefault(); keys[event.key](); bringIntoView(); }
  });
  article.addEventListener("click", (event) => {
    const link = event.target.closest("[data-goto]");
    if (link) {
      event.preventDefault();
      const target = document.getElementById(link.dataset.goto);
      if (link.dataset.goto.startsWith("turn-0-")) set({ t: target.dataset.turn, c: chosen.id });
      else target.scrollIntoView({ block: "center", behavior: calm() });
      return;
    }
    const number = event.target.closest(".turn[id^='turn-0-']");
    if (number && !event.target.closest("button, a, summary, audio, .wave, .facts") && String(getSelection()) === "") set({ t: number.dataset.turn, c: chosen.id });
  });
  article.addEventListener("play", (event) => {
    const turn = event.target.closest(".turn[id^='turn-0-']");
    if (turn) mark(turn.dataset.turn);
  }, true);
  window.addEventListener("popstate", () => {
    const given = readState();
    if (given) { state = given; render(true); }
  });

  buildFilters(form, index, rows, (name, value) => {
    clearTimeout(timer);
    timer = setTimeout(() => set({ [name]: value, c: "", t: "" }), name === "q" ? 250 : 0);
  });
  const linked = Boolean(state.c);
  await render(true);
  if (linked && !state.t) document.getElementById("consultations").scrollIntoView();
}

start().catch((error) => {
  const app = document.getElementById("app");
  app.hidden = false;
  fill(app, h("p", { class: "fault" }, `The transcripts cannot be shown: ${error.message}`));
});
