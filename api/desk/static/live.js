// Tells whoever is at the desk of new alerts as they come. Without it the next page says how many there are.

const count = document.querySelector("[data-live-new]");
const state = document.querySelector("[data-live-state]");
const said = document.querySelector("[data-live-said]");
const SILENT_AFTER = 40000; // milliseconds: two beats and a half

const announced = new Set();
let stream = null;
let last = "";
let asOf = "";
let silence = 0;

function show(words, stale) {
  state.textContent = words;
  state.classList.toggle("stale", stale);
}

function stale() {
  show(asOf ? `Not live: as of ${asOf}` : "Not live", true);
}

function listenForSilence() {
  clearTimeout(silence);
  silence = setTimeout(stale, SILENT_AFTER);
}

function hear(message) {
  const news = JSON.parse(message.data);
  last = message.lastEventId;
  asOf = news.as_of;
  listenForSilence();
  show(`Live as of ${asOf}`, false);
  const fresh = news.told.filter(({ id }) => !announced.has(id));
  for (const { id } of fresh) announced.add(id);
  count.textContent = news.new >= 100 ? "99+ new" : `${news.new} new`;
  count.hidden = !news.new;
  if (fresh.length && news.new) {
    said.textContent = `${fresh.length} new alert${fresh.length === 1 ? "" : "s"}`;
  }
}

function close() {
  clearTimeout(silence);
  stream?.close();
  stream = null;
}

function end(message) {
  const why = JSON.parse(message.data);
  if (why === "restarting") return; // the browser connects again by itself
  close();
  stale();
}

function open() {
  if (stream) return;
  stream = new EventSource(last ? `/desk/live?after=${last}` : "/desk/live");
  stream.addEventListener("news", hear);
  stream.addEventListener("end", end);
  stream.addEventListener("error", stale);
  listenForSilence();
}

// A browser has few connections to one host: a page that nobody looks at keeps none.
function follow() {
  if (document.hidden) {
    close();
    stale();
  } else {
    open();
  }
}

if (count && state && said) {
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", follow);
  follow();
}
