// Opens what is packed in the file: base64 of deflated JSON, one chunk when it is needed, the last few kept.
const KEEP = 12;
const opened = new Map();

async function unpack(id) {
  const packed = document.getElementById(id);
  if (!packed) throw new Error(`this file lacks its part ${id}`);
  const bytes = Uint8Array.from(atob(packed.textContent.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function chunk(id) {
  const known = opened.get(id) || unpack(id);
  opened.delete(id);
  opened.set(id, known);
  if (opened.size > KEEP) opened.delete(opened.keys().next().value);
  return known;
}

// starts: number of the first entry of each chunk, rising; returns the last one that is not above the entry.
function place(starts, entry) {
  let low = 0, high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= entry) low = middle; else high = middle - 1;
  }
  return low;
}

async function consultationAt(index, row) {
  const at = place(index.starts, row);
  return (await chunk(`chunk-${at}`))[row - index.starts[at]];
}

async function caseAt(index, number) {
  if (!("language" in index.cases[number])) return null;
  const at = place(index.case_starts, number);
  return (await chunk(`cases-${at}`))[number - index.case_starts[at]];
}
