// One consultation, or the same case under every doctor side by side, with case card and verdicts.
async function showReader(article, index, rows, chosen, state, act) {
  const others = state.view === "side" ? peers(rows, chosen) : [];
  const picked = [chosen, ...others];
  const [caseData, ...records] = await Promise.all([caseAt(index, chosen.number), ...picked.map((row) => consultationAt(index, row.row))]);
  const columns = records.map((record, at) => ({ record: { key: {}, ...record }, row: picked[at], total: picked[at].total }));
  const { card } = chosen;
  const has_peers = peers(rows, chosen).length > 0;
  return () => {
    article.lang = "en";
    fill(article,
      h("div", { class: "bar-top" },
        h("div", {}, h("p", { class: "crumb" }, [card.id, card.department && words(card.department), caseData && caseData.urgency && words(caseData.urgency), who(caseData)].filter(Boolean).join(" · ")),
          h("h3", { lang: LANG[card.language] }, card.title || card.id)),
        h("div", { class: "steps" },
          h("button", { type: "button", onclick: () => act.step(-1), title: "p" }, "← previous"),
          h("button", { type: "button", onclick: () => act.step(1), title: "n" }, "next →"),
          has_peers && h("button", { type: "button", class: "k", "aria-pressed": String(state.view === "side"), onclick: () => act.side(), title: "s" }, state.view === "side" ? "One doctor" : "Side by side"))),
      caseStrip(caseData, card, index.persona),
      h("div", { class: "scroll chatbox", lang: LANG[chosen.language] }, chat(columns, caseData, act.choose)),
      verdicts(columns, index),
      elicited(columns, caseData),
      h("p", { class: "note" }, `seed ${columns[0].record.key.seed || "–"} · configuration ${columns[0].record.key.config_hash || "–"}`,
        others.some((row) => row.trial !== chosen.trial) ? " · some doctors are shown with another trial" : ""));
  };
}

function who(caseData) {
  const person = caseData && caseData.demographics;
  if (!person) return "";
  const age = person.age_years === undefined || person.age_years === null ? "" : person.age_years < 2 ? `${Math.round(person.age_years * 12)} months` : `${person.age_years} years`;
  const speaker = caseData.speaker && caseData.speaker.kind === "caregiver" ? "a caregiver speaks" : "";
  return [age, person.sex, speaker].filter(Boolean).join(", ");
}

// The same case under the other doctors: the same trial where there is one.
function peers(rows, chosen) {
  const best = new Map();
  for (const row of rows) {
    if (row.number !== chosen.number || row.doctor === chosen.doctor) continue;
    const known = best.get(row.doctor);
    if (!known || (known.trial !== chosen.trial && row.trial === chosen.trial)) best.set(row.doctor, row);
  }
  return [...best.values()];
}

function markTurn(article, number, scroll) {
  for (const old of article.querySelectorAll(".turn[aria-current]")) old.removeAttribute("aria-current");
  const element = number === "" ? null : document.getElementById(`turn-0-${number}`);
  if (!element) return;
  element.setAttribute("aria-current", "true");
  if (scroll) element.scrollIntoView({ block: "center", behavior: calm() });
}

const calm = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
