// Counts the remaining times on, each minute, by the server's time. Without it the page says what it said when made.

const read = (name) => document.querySelector(`meta[name="redress-${name}"]`)?.content;
const now = Date.parse(read("now") ?? "");
const speed = Number(read("speed") ?? 1);
const loaded = performance.now();
const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];

function span(seconds) {
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.length ? parts.slice(0, 2).join(" ") : "less than a minute";
}

function tick() {
  const at = now + (performance.now() - loaded) * speed;
  for (const element of document.querySelectorAll("[data-due]")) {
    const seconds = (Date.parse(element.dataset.due) - at) / 1000;
    element.textContent = seconds < 0 ? `overdue by ${span(-seconds)}` : `${span(seconds)} left`;
  }
}

if (!Number.isNaN(now)) setInterval(tick, Math.max(1000, 60000 / speed));
