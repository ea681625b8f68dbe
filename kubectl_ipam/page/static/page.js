// The page of `kubectl ipam serve`. It asks the server that it came from, by paths beside its own, and only reads.

const main = document.getElementById("main");
const status = document.getElementById("status");
const query = document.getElementById("query");
const tags = new Map(); // the last answer to each path, with its tag
let view = null; // what is shown: { path, show(answer), refresh() }
let source = { seconds: 5 }; // where and when the objects were read

// --- asking

/** The answer to a path; null if it is the one that is shown already. */
async function ask(path) {
  const known = tags.get(path);
  const answer = await fetch(path, { headers: known ? { "If-None-Match": known } : {}, cache: "no-store" });
  if (answer.status === 304) return null;
  const document_ = await answer.json();
  if (!answer.ok) throw new Error(document_.error);
  tags.set(path, answer.headers.get("ETag"));
  return document_;
}

function report(text, isBad = false) {
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("bad", isBad);
}

// --- building

/** An element with attributes, properties that begin with a dot, and children; texts are never read as HTML. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith(".")) made[key.slice(1)] = value;
    else if (value !== undefined && value !== null && value !== "") made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

const link = (href, text, id) => element("a", { href, id }, text);
const rangeLink = (name) => link(`#/range/${name}`, name, `range-${name}`);
const searchLink = (text, shown = text) => link(`#/search/${encodeURIComponent(text)}`, shown);

/** A table; each heading is a text, or [text, class]. */
function table(caption, headings, rows) {
  const cells = headings.map((heading) => {
    const [text, kind] = Array.isArray(heading) ? heading : [heading, ""];
    return element("th", { scope: "col", class: kind }, text);
  });
  return element("table", { "aria-label": caption },
    element("thead", {}, element("tr", {}, cells)), element("tbody", {}, rows));
}

/** Replace what is shown, and leave the keyboard where it was. */
function show(title, ...children) {
  const focused = main.contains(document.activeElement) ? document.activeElement.id : "";
  document.title = `${title} - IPAM`;
  main.replaceChildren(element("h1", {}, title), ...children.flat().filter(Boolean));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

// --- the first page: all ranges, and who waits

function showRanges(answer) {
  const rows = answer.ranges.map((each) => element("tr", {},
    element("th", { scope: "row" }, rangeLink(`${each.namespace}/${each.name}`)),
    element("td", {}, each.state),
    element("td", {}, used(each)),
    element("td", { class: "wide", title: each.free }, rough(each.free)),
    element("td", { class: "wide" }, each.room ?? ""),
    element("td", { class: "number" }, String(each.waiting ?? "")),
    element("td", { class: "wide", title: each.notes }, each.notes ?? "")));
  const headings = ["Range", "State", "Used", ["Free", "wide"], ["Room", "wide"], ["Waiting", "number"],
    ["Notes", "wide"]];
  show("Ranges",
    rows.length ? table("Ranges", headings, rows) : element("p", {}, "There are no ranges."),
    element("h2", {}, "Waiting requests"), waitingTable(answer));
}

/** A number that is decimal text: of one with more than nine digits, the magnitude. */
function rough(digits = "") {
  return digits.length > 9 ? `10^${digits.length - 1}+` : digits;
}

function used(each) {
  if (each.share === undefined) return "";
  const bar = element("meter", { min: 0, max: 1, high: 0.9, value: each.share, "aria-label": `used: ${each.used}` });
  return element("span", { class: "used" }, bar, element("span", {}, each.used));
}

function waitingTable(answer) {
  if (!answer.waitingCount) return element("p", {}, "No request waits.");
  const rows = answer.waiting.map((each) => element("tr", {},
    element("th", { scope: "row", title: each.request }, searchLink(each.request)),
    element("td", { class: "wide" }, rangeLink(each.range)),
    element("td", { class: "wide" }, each.addresses),
    element("td", { class: "wrap" }, each.why)));
  const more = answer.waitingCount - answer.waiting.length;
  return [table("Waiting requests", ["Request", ["Range", "wide"], ["Wants", "size wide"], ["Why", "why"]], rows),
    more > 0 ? element("p", {}, `and ${more} more, in their ranges`) : null];
}

// --- one range

const FACTS = [["state", "State"], ["used", "Used"], ["total", "Addresses"], ["free", "Free"], ["room", "Room"],
  ["largestFree", "Largest free block"], ["holders", "Holders"], ["waiting", "Waiting"], ["coolingDown", "Cooling down"],
  ["retired", "Retired"], ["mode", "Mode"], ["domain", "Domain"], ["notes", "Notes"]];

const NUMBERS = new Set(["total", "free", "retired"]);

class RangePage {
  constructor(name) {
    this.name = name;
    this.path = `api/range?name=${encodeURIComponent(name)}`;
    this.rows = new Rows(name);
    this.facts = element("div");
    this.map = element("section", { ".hidden": true }, element("h2", { id: "map-title" }, "Map"));
  }

  show(answer) {
    const range = answer;
    const facts = FACTS.filter(([key]) => range[key]).map(([key, label]) =>
      element("div", {}, element("dt", {}, label), element("dd", { title: String(range[key]) }, NUMBERS.has(key) ? rough(range[key]) : String(range[key]))));
    this.facts.replaceChildren(
      element("p", {}, range.addresses?.join(", ") ?? ""),
      range.message ? element("p", { class: "message" }, range.message) : "",
      element("dl", {}, facts));
    if (range.total) this.drawMap();
    if (!main.contains(this.facts)) {
      show(`Range ${this.name}`, this.facts, this.map,
        element("h2", { id: "rows-title" }, "Requests and blocks"), this.rows.parts());
    }
    this.rows.reload();
  }

  drawMap() {
    const address = `map.svg?name=${encodeURIComponent(this.name)}`;
    const picture = element("object", { class: "map", type: "image/svg+xml", data: address, "aria-labelledby": "map-title" },
      "The map can't be shown.");
    this.map.querySelector("object")?.remove();
    this.map.append(picture);
    this.map.hidden = false;
  }
}

/** The table of a range: of ten thousand rows only those exist that are seen, and the pages that they are on. */
class Rows {
  static page = 200;
  static margin = 10;

  constructor(name) {
    this.name = name;
    this.total = 0;
    this.generation = 0; // of the questions: an answer to an older one is not shown
    this.pages = new Map(); // promises of pages, by number
    this.loaded = null; // their rows
    this.kind = element("select", { id: "rows-kind" }, [["", "all"], ["waiting", "waiting requests"],
      ["held", "held blocks"], ["other", "other blocks"]].map(([value, text]) => element("option", { ".value": value }, text)));
    this.text = element("input", { type: "search", id: "rows-text", autocomplete: "off", spellcheck: "false" });
    this.count = element("p", { role: "status" });
    this.body = element("tbody");
    this.table = element("table", { "aria-labelledby": "rows-title" },
      element("thead", {}, element("tr", { "aria-rowindex": 1 },
        [["Block", "block"], ["Request", ""], ["State", "state"], ["Since", "time wide"], ["Why", "why wide"]].map(
          ([text, kind]) => element("th", { scope: "col", class: kind }, text)))), this.body);
    this.box = element("div", { class: "rows", id: "rows", tabindex: 0, role: "region", "aria-labelledby": "rows-title" },
      this.table);
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    this.kind.addEventListener("change", () => this.restart());
    this.text.addEventListener("input", () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.restart(), 200); });
  }

  parts() {
    const form = element("form", { class: "filters" },
      element("label", { for: "rows-kind" }, "Show"), this.kind,
      element("label", { for: "rows-text" }, "with"), this.text);
    form.addEventListener("submit", (event) => event.preventDefault());
    return [form, this.count, this.box];
  }

  restart() {
    this.box.scrollTop = 0;
    this.reload();
  }

  /** Ask again for what is seen. */
  reload() {
    this.generation += 1;
    this.pages = new Map();
    return this.draw();
  }

  /** Height of a row in pixels: the style sheet has it in rem, and higher on a phone. */
  get rowHeight() {
    const style = getComputedStyle(document.documentElement);
    return parseFloat(style.fontSize) * parseFloat(style.getPropertyValue("--row"));
  }

  /** The rows that are seen now, and some around them: the first, and the one behind the last. */
  get seen() {
    const first = Math.max(Math.floor(this.box.scrollTop / this.rowHeight) - Rows.margin, 0);
    return [first, first + Math.ceil((this.box.clientHeight || 600) / this.rowHeight) + 2 * Rows.margin];
  }

  /** Draw what is loaded at once, and the rest when it comes: by then something else may be seen. */
  async draw() {
    if (this.loaded) this.render();
    const pages = this.seen.map((index) => Math.floor(index / Rows.page));
    await Promise.all([...new Set(pages)].map((number) => this.load(number)));
    this.render();
  }

  /** Load a page of rows, once. */
  load(number) {
    if (!this.pages.has(number)) this.pages.set(number, this.fetch(number, this.generation));
    return this.pages.get(number);
  }

  async fetch(number, generation) {
    const parameters = new URLSearchParams({ name: this.name, offset: number * Rows.page, limit: Rows.page,
      kind: this.kind.value, q: this.text.value });
    const answer = await fetch(`api/rows?${parameters}`, { cache: "no-store" });
    const document_ = await answer.json();
    if (!answer.ok || generation !== this.generation) return;
    if (this.loadedGeneration !== generation) { this.loaded = new Map(); this.loadedGeneration = generation; }
    this.total = document_.total;
    this.loaded.set(number, document_.rows);
  }

  render() {
    const [first, end] = this.seen;
    const last = Math.min(end, this.total);
    const rows = [];
    for (let index = first; index < last; index += 1) {
      const row = this.loaded?.get(Math.floor(index / Rows.page))?.[index % Rows.page];
      rows.push(row ? this.row(row, index) : this.gap(1));
    }
    this.table.setAttribute("aria-rowcount", this.total + 1);
    const text = this.total === 1 ? "1 row" : `${this.total} rows`;
    if (this.count.textContent !== text) this.count.textContent = text;
    this.body.replaceChildren(this.gap(first), ...rows, this.gap(this.total - last));
  }

  row(row, index) {
    const more = row.why || row.since;
    return element("tr", { "aria-rowindex": index + 2 },
      element("th", { scope: "row", title: row.addresses }, row.addresses),
      element("td", { title: row.request }, row.request, more ? element("small", { class: "narrow", title: more }, more) : ""),
      element("td", { class: `state-${row.kind}` }, row.state),
      element("td", { class: "wide" }, row.since),
      element("td", { class: "wide", title: row.why }, row.why));
  }

  /** The place of so many rows that are not seen. */
  gap(count) {
    const cell = element("td", { colspan: 5 });
    cell.style.height = `${Math.max(count, 0) * this.rowHeight}px`;
    return element("tr", { class: "gap", "aria-hidden": "true" }, count > 0 ? cell : "");
  }
}

// --- search

function showSearch(answer) {
  const parts = [];
  if (answer.fault) parts.push(element("p", { class: "message" }, answer.fault));
  if (answer.blocks?.length) {
    parts.push(table("Blocks", ["Addresses", "Range", "State", ["What", "why wide"]], answer.blocks.map((each) => element("tr", {},
      element("th", { scope: "row" }, each.addresses),
      element("td", {}, rangeLink(each.range)),
      element("td", { class: `state-${each.kind}` }, each.state),
      element("td", { class: "wide wrap" }, [each.why, each.since && `since ${each.since}`].filter(Boolean).join(", "))))));
  }
  if (answer.requests?.length) {
    parts.push(table("Requests", ["Request", "Block", "State", ["Range", "wide"], ["Message", "why wide"]],
      answer.requests.map((each) => element("tr", {},
        element("th", { scope: "row" }, `${each.namespace}/${each.name}`),
        element("td", {}, each.cidr ?? each.wants ?? ""),
        element("td", {}, each.state),
        element("td", { class: "wide" }, rangeLink(each.range)),
        element("td", { class: "wide wrap" }, each.message ?? "")))));
  }
  const shown = (answer.blocks ?? answer.requests ?? []).length;
  if (answer.count > shown) parts.push(element("p", {}, `and ${answer.count - shown} more: search for less`));
  for (const text of answer.outside ?? []) parts.push(element("p", {}, `${text} is in no range.`));
  for (const text of answer.neighbours ?? []) parts.push(element("p", {}, `${text}.`));
  if (!answer.fault && !answer.count && !answer.outside?.length) {
    parts.push(element("p", {}, "No request has this in its name, labels, owners, uid or block."));
  }
  show(`Search: ${answer.text}`, parts);
}

// --- which page

function route() {
  const hash = location.hash;
  if (hash.startsWith("#/range/")) return new RangePage(decodeURIComponent(hash.slice("#/range/".length)));
  if (hash.startsWith("#/search/")) {
    const text = decodeURIComponent(hash.slice("#/search/".length));
    query.value = text;
    return { path: `api/search?q=${encodeURIComponent(text)}`, show: showSearch };
  }
  return { path: "api/ranges", show: showRanges };
}

async function refresh() {
  const asked = view;
  try {
    source = (await ask("api/source")) ?? source;
    showSource();
    const answer = await ask(asked.path);
    if (answer && asked === view) asked.show(answer);
  } catch (fault) {
    if (asked !== view) return;
    report(fault instanceof TypeError ? "kubectl ipam serve does not answer: has it ended?" : fault.message, true);
    if (!main.childElementCount) show("Not found", element("p", {}, fault.message));
  }
}

/** Say when the cluster was read, and why it can't be read again. */
function showSource() {
  document.getElementById("origin").textContent = source.origin;
  if (source.fault) report(`not up to date: ${source.fault}`, true);
  else report(`as of ${source.takenAt}`);
}

/** Show the page that the URL names; the keyboard goes to its beginning. */
async function go() {
  view = route();
  tags.clear();
  main.replaceChildren();
  await refresh();
  main.focus({ preventScroll: true });
}

document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  if (query.value.trim()) location.hash = `#/search/${encodeURIComponent(query.value.trim())}`;
});
document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
document.addEventListener("keydown", (event) => {
  const isTyping = ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement?.tagName);
  if (event.key === "/" && !isTyping) { event.preventDefault(); query.focus(); query.select(); }
});
addEventListener("hashchange", go);
(async function keepUpToDate() {
  go();
  for (;;) {
    await new Promise((done) => setTimeout(done, source.seconds * 1000));
    if (!document.hidden) await refresh();
  }
})();
