/* Keeps a batch's page, and the list of batches, up to date; everything shown is set as text, never as markup. */
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);

  function meanRow(mean) {
    const row = document.createElement("tr");
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = mean.doctor;
    const ns = "http://www.w3.org/2000/svg";
    const bar = document.createElementNS(ns, "svg");
    for (const [key, value] of [["class", "bar"], ["viewBox", "0 0 100 7"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) bar.setAttribute(key, value);
    const rect = document.createElementNS(ns, "rect");
    rect.setAttribute("width", mean.share);
    rect.setAttribute("height", "7");
    bar.append(rect);
    const figure = document.createElement("span");
    figure.className = "num";
    figure.textContent = mean.mean;
    const scored = document.createElement("span");
    scored.className = "scored";
    scored.append(bar, figure);
    const cell = document.createElement("td");
    cell.append(scored);
    const count = document.createElement("td");
    count.className = "num";
    count.textContent = mean.count;
    row.append(name, cell, count);
    return row;
  }

  function text(selector, value) {
    const at = one(selector);
    if (at.textContent !== value) at.textContent = value;
  }

  function show(now) {
    text("[data-state]", now.state);
    one("[data-state]").className = `state ${now.state}`;
    text("[data-words]", now.words);
    one("[data-bar]").value = now.finished;
    one("[data-run]").hidden = !now.has_run;
    one("[data-failures-row]").hidden = !now.failures.length;
    text("[data-failures]", now.failures.join(", "));
    one("[data-means-section]").hidden = !now.means.length;
    one("[data-means]").replaceChildren(...now.means.map(meanRow));
    text("[data-log]", now.log || "nothing yet");
  }

  function watch(main) {
    let source = null;
    const close = () => { if (source) source.close(); source = null; };
    const open = () => {
      if (source || document.hidden) return;
      source = new EventSource(main.dataset.events);
      source.addEventListener("progress", event => show(JSON.parse(event.data)));
      source.addEventListener("end", () => { close(); location.reload(); });
      source.addEventListener("problem", event => { close(); text("[data-words]", JSON.parse(event.data).message); });
    };
    // a browser has few connections to one server: a tab that nobody looks at gives its own back
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    addEventListener("pagehide", close);
    addEventListener("pageshow", open);
    open();
  }

  async function follow() {
    const jobs = one("#jobs");
    if (!jobs || !("active" in jobs.dataset)) return;
    if (!document.hidden) {
      try {
        const answer = await fetch("/batches", { headers: { Accept: "text/html" } });
        const fresh = one("#jobs", new DOMParser().parseFromString(await answer.text(), "text/html"));
        const focused = jobs.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        if (answer.ok && fresh) {
          jobs.replaceWith(document.adoptNode(fresh));
          if (focused) [...document.querySelectorAll("#jobs a")].find(a => a.getAttribute("href") === focused)?.focus();
        }
      } catch { /* the server is away for a moment: asked again below */ }
    }
    setTimeout(follow, 2000);
  }

  function goToLine(area) {
    const lines = area.value.split("\n");
    const line = Math.min(Number(area.dataset.line), lines.length);
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus({ preventScroll: true });
    area.setSelectionRange(start, start + lines[line - 1].length);
    const height = parseFloat(getComputedStyle(area).lineHeight);
    area.scrollTop = Math.max(0, (line - 4) * height);
  }

  const main = one("main[data-events]");
  if (main) watch(main);
  const area = one("textarea[data-line]");
  if (area) goToLine(area);
  follow();
})();
