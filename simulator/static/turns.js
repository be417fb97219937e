// Shows what was said: one cell an exchange; patient in serif, doctor tinted, examiner apart, evidence beside it.
function exchangesOf(record) {
  const rounds = new Map();
  for (const turn of record.turns || []) {
    if (!rounds.has(turn.exchange)) rounds.set(turn.exchange, []);
    rounds.get(turn.exchange).push(turn);
  }
  return rounds;
}

function evidenceByTurn(record) {
  const cited = new Map();
  for (const verdict of record.verdicts || []) {
    for (const one of verdict.evidence || []) {
      if (one.turn === undefined || one.turn === null) continue;
      if (!cited.has(one.turn)) cited.set(one.turn, []);
      cited.get(one.turn).push({ good: true, ...one });
    }
  }
  return cited;
}

function turnBlock(turn, evidence, failures, column, language) {
  const index = turn.index || 0;
  return h("div", { class: `turn ${turn.role}`, id: `turn-${column}-${index}`, "data-turn": index },
    turn.role === "examiner" && h("span", { class: "who" }, "examination"),
    h("div", { class: "said", dir: "auto" }, turn.text),
    misheardOf(turn, language),
    playerOf(turn),
    measurements(turn),
    chips(evidence || []),
    failures.map((one) => h("div", { class: "fault" }, `${one.owner}: ${words(one.kind)}. ${one.message}`)));
}

function measurements(turn) {
  const parts = [];
  const { latency, usage } = turn;
  if (latency && latency.first_s >= 0.005 && latency.first_s < latency.total_s) parts.push(`${fixed(latency.first_s, 2)} s to the first`);
  if (latency && latency.total_s >= 0.005) parts.push(`${fixed(latency.total_s, 2)} s`);
  if (usage && usage.completion) parts.push(`${usage.prompt || 0}→${usage.completion} tokens`);
  if (usage && usage.cached) parts.push(`${usage.cached} cached`);
  if ((turn.requests || []).length) parts.push(`asks for ${turn.requests.join(", ")}`);
  if ((turn.differential || []).length) parts.push(`considers ${turn.differential.map((d, i) => `${i + 1} ${d}`).join(", ")}`);
  if ((turn.disclosed || []).length) parts.push(`reveals ${turn.disclosed.join(", ")}`);
  if (turn.finish && turn.finish !== "stop") parts.push(turn.finish === "length" ? "cut off by the length limit" : turn.finish);
  const all = [...marksOf(turn), ...parts.map((part) => h("span", {}, part)), factsBlock(turn)].filter(Boolean);
  return all.length ? h("div", { class: "meta" }, all) : null;
}

// Chips of one tag are one chip; pressing it shows the reasons below.
function chips(evidence) {
  if (!evidence.length) return null;
  const groups = new Map();
  for (const one of evidence) {
    const name = `${one.good}|${one.tag}`;
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(one);
  }
  const reasons = h("div", { class: "reasons", hidden: true });
  const buttons = [...groups.values()].map((same) => {
    const one = same[0];
    const label = same.length > 1 ? `${one.tag} × ${same.length}` : one.tag;
    const text = same.map((e) => e.reason).join(" · ");
    return h("button", {
      type: "button", class: `chip ${one.good ? "good" : "bad"}`, title: text, "aria-expanded": "false",
      onclick: (event) => toggleReason(event.currentTarget, reasons, text),
    }, label);
  });
  return h("div", { class: "evidence" }, h("div", { class: "chips" }, buttons), reasons);
}

function toggleReason(button, reasons, text) {
  const open = button.getAttribute("aria-expanded") === "true";
  for (const other of button.parentNode.children) other.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-expanded", String(!open));
  reasons.hidden = open;
  fill(reasons, open ? "" : text);
}

function endNote(record, caseData) {
  const out = new Set();
  for (const turn of record.turns || []) if (turn.role === "patient") for (const id of turn.disclosed || []) out.add(id);
  const missed = criticalItems(caseData).filter((item) => !out.has(item.id)).length;
  const loose = (record.failures || []).filter((one) => !hasTurn(record, one.turn));
  return h("div", { class: "end" }, `ended: ${words(record.stop_reason)}`,
    missed ? ` · ${plural(missed, "critical item")} never came out` : "",
    record.scored === false && h("div", { class: "fault" }, "Not scored: what failed was not the doctor's."),
    loose.map((one) => h("div", { class: "fault" }, `${one.owner}: ${words(one.kind)}. ${one.message}`)));
}

const hasTurn = (record, number) => (record.turns || []).some((turn) => (turn.index || 0) === number);

// Turn k of every doctor stands in one row; columns: [{record, total}], the first is the one that was chosen.
function chat(columns, caseData, choose) {
  const rounds = columns.map((column) => exchangesOf(column.record));
  const cited = columns.map((column) => evidenceByTurn(column.record));
  const longest = Math.max(0, ...rounds.map((round) => Math.max(0, ...round.keys())));
  const grid = h("div", { class: `chat${columns.length > 1 ? " several" : ""}` });
  grid.style.setProperty("--columns", columns.length);
  add(grid, columns.map((column, at) => columnHead(column, at, choose)));
  for (let exchange = 1; exchange <= longest + 1; exchange++) {
    columns.forEach((column, at) => {
      const turns = rounds[at].get(exchange);
      const last = Math.max(0, ...rounds[at].keys());
      const cell = h("div", { class: "cell", "data-exchange": exchange, "data-column": at });
      if (columns.length > 1 && (turns || exchange === last + 1)) add(cell, [h("span", { class: "label" }, column.record.key.doctor)]);
      if (turns) add(cell, [h("span", { class: "n" }, exchange), h("div", { class: "spoken" },
        turns.map((turn) => turnBlock(turn, cited[at].get(turn.index || 0),
          (column.record.failures || []).filter((one) => one.turn === (turn.index || 0)), at, column.record.language)))]);
      else if (exchange === last + 1) add(cell, [endNote(column.record, caseData)]);
      else cell.classList.add("empty");
      grid.append(cell);
    });
  }
  return grid;
}

function columnHead(column, at, choose) {
  const { doctor, trial } = column.record.key;
  const name = at === 0 ? h("b", {}, doctor)
    : h("button", { type: "button", class: "name", onclick: () => choose(column.row) }, doctor);
  return h("div", { class: "head", "data-column": at }, h("span", {}, name, trial ? h("small", {}, ` trial ${trial + 1}`) : "", playAllOf(column.record)),
    h("span", { class: "score" }, column.record.scored === false ? h("small", {}, "not scored") : fixed(column.total)));
}
