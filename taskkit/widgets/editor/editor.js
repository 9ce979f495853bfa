// The segmentation editor: draws one person's day and tells the kernel what was done. It keeps no data of its own: the
// kernel sends one day at a time, and nothing is stored in the notebook.

const LETTERS = { s: "split", m: "merge", n: "not work", a: "assign", e: "example", y: "confirm", g: "alike", u: "undo", r: "redo",
  j: "next", k: "previous" };
const SLOW = 4000; // ms after which a kernel that does not answer is spoken of
const HOLE = 300; // seconds without a step that count as a pause
const PAUSE = 90; // seconds of the drawing that a pause takes, however long it was

function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style") made.style.cssText = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

const two = number => String(number).padStart(2, "0");
const clock = (second, exact) => { const s = Math.round(second);
  return `${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}${exact ? ":" + two(s % 60) : ""}`; };
const percent = value => value === null || value === undefined ? "" : value < 0.01 ? "under 1 %" : `${Math.round(100 * value)} %`;
const lasting = seconds => seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
const clip = (value, low, high) => Math.min(Math.max(value, low), high);
function tint(colour, strength) { // the colour on white, so that dark text on it stays readable
  const parts = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
  return `rgb(${parts.map(part => Math.round(255 - (255 - part) * strength)).join(",")})`;
}

class Editor {
  constructor(model, place) {
    Object.assign(this, { model, place, day: null, cursor: 0, from: 0, to: 3600, view: Math.random(), sent: 0, drag: null });
    this.root = node("section", { class: "tk-ed", "aria-label": "Segmentation editor", "data-lm-suppress-shortcuts": "true" });
    place.append(this.root);
    this.build();
    this.heard = message => message.about === "day" ? this.receive(message) : this.fail(message.problem);
    model.on("msg:custom", this.heard);
    this.root.addEventListener("keydown", event => this.key(event));
    this.resized = new ResizeObserver(() => this.plot.clientWidth !== this.drawnAt && this.draw()); // its height changes with what is said
    this.resized.observe(this.root);
    this.ask({ do: "open" });
  }

  close() { this.model.off("msg:custom", this.heard); this.resized.disconnect(); clearTimeout(this.late); }

  // ------------------------------------------------------------------------------------------------ asking the kernel
  ask(what) {
    this.sent += 1;
    this.asked = performance.now();
    this.root.setAttribute("data-busy", "true");
    clearTimeout(this.late);
    this.late = setTimeout(() => this.say("The kernel has not answered yet: it is busy, or it has stopped. What was said to be saved is "
      + "saved. If nothing comes, run the cell again.", true), SLOW);
    this.model.send({ ...what, view: this.view, number: this.sent, version: this.day ? this.day.version : 0, role: this.role.value, why: this.why.value });
  }

  edit(op, more = {}) { this.ask({ do: "edit", op, step: this.cursor, ...more }); }

  receive(day) {
    const asked = day.view === this.view ? day.asked : 0; // 0: another view of this editor, or another notebook
    if (asked && asked < this.sent) return; // a newer answer is on its way
    if (asked) { clearTimeout(this.late); this.root.removeAttribute("data-busy"); }
    if (day.empty) { this.root.replaceChildren(node("p", { class: "tk-ed-empty" }, day.empty)); return; }
    const first = !this.day, moved = first || day.person !== this.day.person || day.day !== this.day.day;
    this.day = day;
    this.prepare();
    const here = !moved && !asked ? clip(this.cursor, 0, day.t.length - 1) : clip(day.cursor, 0, day.t.length - 1);
    if (moved) { this.from = 0; this.to = 0; }
    this.put(here, moved);
    this.fill();
    const holds = this.holds === "boundary" ? `line-${here}` : this.holds;
    if (holds && asked) { this.focus(holds); this.holds = null; }
    this.say((asked && day.problem) || day.said, Boolean(asked && day.problem));
    if (asked && day.question) this.confirm(day.question);
    if (asked) this.root.dataset.answered = String(Math.round(performance.now() - this.asked));
  }

  fail(problem) { clearTimeout(this.late); this.root.removeAttribute("data-busy"); this.say(problem, true); }

  say(text, problem = false) {
    this.status.className = problem ? "tk-ed-status tk-ed-problem" : "tk-ed-status";
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  // --------------------------------------------------------------------------------------------- what follows from a day
  prepare() {
    const { t, g, open } = this.day, opens = new Set(open), begins = new Map(this.day.begin.map(([n, sure, said]) => [n, { sure, said }]));
    Object.assign(this, { begins, runs: [], lines: [], c: [], blocks: [] }); // c: place of a step in the drawing, pauses cut short
    for (let n = 0; n < t.length; n += 1) {
      const gap = n ? t[n] - t[n - 1] : HOLE;
      if (gap >= HOLE) this.blocks.push({ first: n, last: n }); else this.blocks[this.blocks.length - 1].last = n;
      this.c.push(n === 0 ? 0 : this.c[n - 1] + (gap >= HOLE ? PAUSE : gap));
    }
    for (let n = 0; n < t.length; n += 1) {
      const fresh = n === 0 || g[n] !== g[n - 1] || opens.has(n);
      if (fresh) this.runs.push({ first: n, last: n, g: g[n] }); else this.runs[this.runs.length - 1].last = n;
      if (fresh && n > 0 && !opens.has(n)) this.lines.push(n);
    }
    this.runOf = n => this.runs.find(run => run.first <= n && n <= run.last);
    this.colours = new Map(this.day.tasks.map(([name, , colour]) => [name, colour]));
    this.labels = new Map(this.day.tasks.map(([name, label]) => [name, label]));
  }

  // when what was done at a step ends: with the next one, unless a pause lies between
  end(n) { const { t } = this.day; return n + 1 < t.length && t[n + 1] - t[n] < HOLE ? Math.max(t[n + 1], t[n] + 0.5) : t[n] + 5; }
  over(n) { return this.c[n] + this.end(n) - this.day.t[n]; } // the same in the drawing
  clockAt(place) { // local time at a place of the drawing
    const block = this.blocks.findLast(each => this.c[each.first] <= place) || this.blocks[0], { t } = this.day;
    return clip(t[block.first] + place - this.c[block.first], block === this.blocks[0] ? 0 : t[block.first], t[block.last] + PAUSE / 2);
  }

  segment(n) { return this.day.g[n] < 0 ? null : this.day.segments[this.day.g[n]]; }
  name(segment) { return !segment ? "no task" : segment.task ? this.labels.get(segment.task) || segment.task : "a task without a name"; }
  code(words) { return words.match(/^T\d+(?= )/)?.[0] ?? words; } // what fits where the whole name does not
  colour(segment) { return !segment ? "#9AA3AF" : this.colours.get(segment.task) || "#7A8594"; }
  activity(n) { const a = this.day.a[n]; return a < 0 ? `a step that fewer than ${this.day.hidden} people take` : this.day.activities[a]; }
  app(n) { const p = this.day.p[n]; return p < 0 ? "another application" : this.day.apps[p]; }
  sureness(segment) { return !segment ? "" : segment.corrected ? "decided by a person" : segment.sure === null ? "confidence not known"
    : `${percent(segment.sure)} sure`; }
  beginning(n) {
    const begin = this.begins.get(n);
    if (!begin) return this.day.g[n] < 0 ? "work ends here" : "work is taken up again here";
    return begin.said || begin.sure === 1 ? "beginning decided by a person" : begin.sure === null ? "confidence not known" : `${percent(begin.sure)} sure that new work begins`;
  }

  put(n, centre = false) { // the cursor, kept in sight
    this.cursor = clip(n, 0, this.day.t.length - 1);
    const at = this.c[this.cursor], span = this.to - this.from || 1500;
    if (!this.to || centre || at < this.from + span * 0.03 || at > this.to - span * 0.03) this.look(at - span / 2, at + span / 2);
    else this.draw();
  }

  look(from, to) {
    const [low, high] = this.edges(), span = clip(to - from, 60, Math.max(high - low, 60));
    const middle = (from + to) / 2;
    this.from = clip(middle - span / 2, low, Math.max(high - span, low));
    this.to = this.from + span;
    this.draw();
  }

  edges() { return [-30, this.c[this.c.length - 1] + 30]; }

  zoom(factor, around) {
    const at = around ?? clip(this.c[this.cursor], this.from, this.to), span = (this.to - this.from) * factor;
    const share = (at - this.from) / (this.to - this.from);
    this.look(at - span * share, at + span * (1 - share));
  }

  // ------------------------------------------------------------------------------------------------------- building once
  build() {
    const button = (label, key, does, hint) => node("button", { type: "button", title: hint, "data-key": key, onclick: does,
      "aria-keyshortcuts": key }, label, node("kbd", {}, key));
    const act = op => () => this.act(op);
    this.person = node("select", { onchange: event => this.ask({ do: "show", person: event.target.value }) });
    this.days = node("select", { onchange: event => this.ask({ do: "show", day: Number(event.target.value) }) });
    this.only = node("input", { type: "checkbox", onchange: () => this.goto(0) });
    this.count = node("output", { class: "tk-ed-count" });
    this.role = node("input", { type: "text", size: 13, placeholder: "who says so", maxlength: 60, list: "tk-ed-roles" });
    this.why = node("input", { type: "text", size: 22, placeholder: "kept until you change it", maxlength: 300 });
    const roles = node("datalist", { id: "tk-ed-roles" }, ...["analyst", "clerk", "team lead", "process owner", "facilitator"].map(value => node("option", { value })));
    this.title = node("h4", {});
    this.axis = node("div", { class: "tk-ed-axis", "aria-hidden": "true" });
    this.lane = node("div", { class: "tk-ed-lane", role: "group", "aria-label": "Segments" });
    this.apps = node("div", { class: "tk-ed-apps", "aria-hidden": "true" });
    this.needle = node("div", { class: "tk-ed-needle", role: "slider", tabindex: 0, "aria-label": "Cursor", "aria-orientation": "horizontal" });
    this.guide = node("div", { class: "tk-ed-guide", "aria-hidden": "true" });
    this.plot = node("div", { class: "tk-ed-plot" }, this.axis, this.lane, this.apps, this.guide, this.needle);
    this.names = node("div", { class: "tk-ed-names", "aria-hidden": "true" });
    this.strip = node("div", { class: "tk-ed-strip", "aria-hidden": "true" });
    this.bubble = node("div", { class: "tk-ed-bubble", hidden: true });
    this.list = node("ol", { class: "tk-ed-list", "aria-label": "Steps around the cursor" });
    this.card = node("div", { class: "tk-ed-card" });
    this.status = node("p", { class: "tk-ed-status", role: "status", "aria-live": "polite" });
    this.clash = node("div", { class: "tk-ed-clash", role: "alert", hidden: true });
    this.notes = node("p", { class: "tk-ed-notes" });
    this.alikeWords = node("p", { role: "status" });
    this.alikeLabel = node("span", {});
    this.alike = node("div", { class: "tk-ed-alike", hidden: true }, this.alikeWords, button(this.alikeLabel, "G", act("alike"), "say the same of all these places; one undo takes all of it back"));
    this.undo = button("Undo", "U", act("undo"), "take the last correction back (also Ctrl+Z)");
    this.redo = button("Redo", "R", act("redo"), "do it again (also Ctrl+Y)");
    this.tools = node("div", { class: "tk-ed-tools", role: "toolbar", "aria-label": "Corrections" },
      button("Task…", "A", act("assign"), "say which task this segment is"), button("Split here", "S", act("split"), "a new segment begins at the cursor"),
      button("Merge with next", "M", act("merge"), "this segment and the next one are one piece of work (Shift+M: the one before)"),
      button("Not work", "N", act("not work"), "this segment belongs to no task"), button("Example", "E", act("example"), "learn from this segment"),
      button("Right as it is", "Y", act("confirm"), "the segment is right: keep it"), node("span", { class: "tk-ed-gap" }), this.undo, this.redo);
    this.menu = node("div", { class: "tk-ed-menu", hidden: true, role: "dialog", "aria-label": "Choose a task" });
    const field = (label, control) => node("label", {}, label + " ", control);
    const small = (text, hint, does) => node("button", { type: "button", class: "tk-ed-small", title: hint, "aria-label": hint, onclick: does }, text);
    this.root.append(
      node("div", { class: "tk-ed-bar" }, field("Person", this.person), field("Day", this.days), node("span", { class: "tk-ed-gap" }),
        button("Back", "K", act("previous"), "the place before in the list of unsure places"), this.count,
        button("Next unsure place", "J", act("next"), "the next place that the method is unsure of"), node("label", { class: "tk-ed-check" }, this.only, " only this person")),
      this.clash,
      node("div", { class: "tk-ed-head" }, this.title, node("span", { class: "tk-ed-gap" }), small("−", "Zoom out (−)", () => this.zoom(1.6)),
        small("+", "Zoom in (+)", () => this.zoom(0.625)), small("Day", "Whole day (0)", () => this.look(0, 86400))),
      node("div", { class: "tk-ed-draw" }, this.names, this.plot), this.strip, this.bubble,
      node("div", { class: "tk-ed-below" }, this.list, node("div", { class: "tk-ed-side" }, this.card,
        node("div", { class: "tk-ed-form" }, field("Your role", this.role), field("Reason", this.why), node("small", {}, "no names of people"), roles), this.tools, this.menu)),
      this.status, this.alike, this.notes,
      node("details", { class: "tk-ed-help" }, node("summary", {}, "Keys and mouse"), node("p", {},
        "← → move the cursor, or a boundary that has the focus, step by step · Home End first and last step · Page up, Page down a screen · B to the "
        + "boundary at the cursor · S split · M merge with the next, Shift+M with the previous · N not work · A task · E example (Shift+E of another task) · "
        + "Y right as it is · G the same at all places that look alike · U or Ctrl+Z undo · R or Ctrl+Y redo · J K next and previous unsure place · + − 0 zoom. With the mouse: drag a boundary, click a "
        + "step or a segment, drag the frame in the strip of the day; Ctrl and the wheel zoom, Shift and the wheel move along the day; the wheel alone scrolls the page.")));
    this.lane.addEventListener("pointerdown", event => this.grab(event));
    this.plot.addEventListener("pointermove", event => this.hover(event));
    this.plot.addEventListener("pointerleave", () => { this.bubble.hidden = true; });
    this.plot.addEventListener("click", event => { if (!event.target.closest(".tk-ed-line") && !this.dragged) { this.put(this.near(event)); this.needle.focus({ preventScroll: true }); } });
    this.plot.addEventListener("wheel", event => this.wheel(event), { passive: false });
    this.strip.addEventListener("pointerdown", event => this.slide(event));
  }

  // ------------------------------------------------------------------------------------------------------------- drawing
  x(place) { return (place - this.from) / (this.to - this.from) * this.plot.clientWidth; }
  under(event) { const box = this.plot.getBoundingClientRect(); return this.from + (event.clientX - box.left) / box.width * (this.to - this.from); }
  near(event) { // the step that a pointer stands on or after
    const at = this.under(event), { c } = this;
    let low = 0, high = c.length - 1;
    while (low < high) { const middle = (low + high + 1) >> 1; if (c[middle] <= at) low = middle; else high = middle - 1; }
    return low + 1 < c.length && c[low + 1] - at < (at - c[low]) * 0.15 ? low + 1 : low;
  }

  fill() { // what changes with the day only
    const { day } = this, option = (value, text, chosen) => node("option", { value, selected: chosen }, text);
    this.person.replaceChildren(...day.people.map(who => option(who, who, who === day.person)));
    this.days.replaceChildren(...day.days.map(([value, text]) => option(value, text, value === day.day)));
    const { at, of, known } = day.unsure;
    this.count.textContent = !of ? (known ? "none left" : "") : at ? `${at} of ${of}` : day.following ? `next: ${day.following} of ${of}` : `${of} unsure`;
    this.undo.disabled = day.undo === null;
    this.undo.title = day.undo === null ? "nothing to take back" : `take number ${day.undo} back (also Ctrl+Z)`;
    this.redo.disabled = !day.redo;
    this.alike.hidden = !day.alike;
    this.alikeWords.textContent = day.alike ? day.alike.words : "";
    this.alikeLabel.textContent = day.alike ? day.alike.label : "";
    const notes = [];
    if (!known) notes.push("This way of dividing gives no confidence, so there is no list of unsure places; every boundary can still be corrected.");
    if (!day.tasks.length) notes.push("No task has a name yet: mark a segment with A and give it one.");
    if (!day.kept) notes.push("No results folder was given: corrections last only as long as the kernel runs.");
    this.notes.textContent = notes.join(" ");
    this.clash.hidden = !day.conflicts.length;
    this.clash.replaceChildren(...day.conflicts.flatMap(pair => this.conflict(pair)));
  }

  conflict(pair) {
    const settle = (label, keep, drop) => node("button", { type: "button", onclick: () => this.ask({ do: "keep", keep, drop }) }, label);
    return [node("p", {}, node("b", {}, "Another notebook changed this stretch: "), `${pair.subject}. ${pair.holds}`), node("ul", {}, ...pair.sides.map(side => node("li", {}, side))),
      node("div", {}, settle(pair.words[0], pair.keep, pair.take), settle(pair.words[1], pair.take, pair.keep))];
  }

  draw() {
    if (!this.day || !this.plot.clientWidth) return;
    this.drawnAt = this.plot.clientWidth;
    const held = this.root.contains(document.activeElement) ? document.activeElement.dataset.at : null;
    const first = this.c.findIndex((place, n) => this.over(n) >= this.from), last = this.c.findLastIndex(place => place <= this.to);
    this.heading();
    this.drawAxis();
    this.drawSegments();
    this.drawApps(first, last);
    this.drawCursor();
    this.drawStrip();
    this.drawList();
    this.drawCard();
    if (held) this.root.querySelector(`[data-at="${held}"]`)?.focus({ preventScroll: true });
  }

  heading() {
    const { day } = this, when = day.days.find(([value]) => value === day.day)[1];
    this.title.textContent = `${day.person} · ${when} · ${clock(this.clockAt(Math.max(this.from, 0)))}–${clock(this.clockAt(this.to))}`;
    this.plot.setAttribute("aria-label", this.title.textContent);
  }

  drawAxis() {
    const span = this.to - this.from, step = [60, 120, 300, 600, 900, 1800, 3600, 7200].find(each => span / each <= this.plot.clientWidth / 75) || 14400;
    const marks = [], { t } = this.day;
    for (const [place, { first, last }] of this.blocks.entries()) {
      for (let at = Math.ceil(t[first] / step) * step; at <= t[last] + (place + 1 < this.blocks.length ? 0 : step); at += step) {
        const left = this.x(this.c[first] + at - t[first]);
        if (left >= 0 && left <= this.plot.clientWidth) marks.push(node("span", { style: `left:${left}px` }, clock(at)));
      }
      const before = this.blocks[place - 1], left = before && this.x(this.over(before.last)), wide = before && this.x(this.c[first]) - left;
      if (before && left + wide > 0 && left < this.plot.clientWidth) marks.push(node("i", { style: `left:${left}px;width:${wide}px` },
        ...(wide > 36 ? [node("em", {}, "pause"), node("em", {}, lasting(t[first] - t[before.last]))] : [])));
    }
    this.axis.replaceChildren(...marks);
  }

  drawSegments() {
    const parts = [], width = this.plot.clientWidth, current = this.day.g[this.cursor];
    const pieces = this.runs.flatMap(run => this.blocks.filter(each => each.first <= run.last && each.last >= run.first).map(each => [run, Math.max(each.first, run.first), Math.min(each.last, run.last)]));
    for (const [run, begin, end] of pieces) {
      const segment = run.g < 0 ? null : this.day.segments[run.g], left = this.x(this.c[begin]), right = this.x(this.over(end));
      if (right < 0 || left > width) continue;
      const colour = this.colour(segment), sure = !segment ? 0 : segment.corrected ? 1 : segment.sure ?? 0.6, words = this.name(segment);
      const here = run === this.runOf(this.cursor) || (current >= 0 && run.g === current), a = Math.max(left, -2), b = Math.min(right, width + 2);
      const said = segment ? `${words}, ${this.sureness(segment)}` : "no task";
      parts.push(node("button", { type: "button", class: "tk-ed-seg" + (here ? " tk-ed-here" : "") + (segment ? "" : " tk-ed-none"), "data-at": `run-${begin}`, "data-run": run.first,
        tabindex: begin <= this.cursor && this.cursor <= end ? 0 : -1, "aria-pressed": String(here),
        "aria-label": `${said}, ${clock(this.day.t[begin])} to ${clock(this.end(end))}, ${end - begin + 1} ${end > begin ? "steps" : "step"}`,
        style: `left:${a}px;width:${Math.max(b - a - 1, 2)}px;${b - a < 50 ? "padding:2px 0 0 4px;" : ""}` + (segment ? `background:${tint(colour, 0.1 + 0.42 * sure * sure)};border-top-color:${colour};` : "") },
        ...(b - a > 32 ? [node("b", {}, (segment?.example && b - a > 46 ? "★ " : "") + (b - a < 110 ? this.code(words) : words)), node("small", {}, segment ? segment.corrected ? "decided" : percent(segment.sure) : "")] : [])));
    }
    for (const n of this.lines) {
      const left = this.x(this.c[n]);
      if (left < -8 || left > width + 8) continue;
      const begin = this.begins.get(n), sure = begin ? begin.said ? 1 : begin.sure : null, [low, high] = this.limits(n);
      const near = n === this.runOf(this.cursor).first || n === this.runOf(this.cursor).last + 1;
      parts.push(node("div", { class: "tk-ed-line" + (begin ? "" : " tk-ed-return") + (sure !== null && sure < 0.8 ? " tk-ed-unsure" : ""), role: "slider", tabindex: near ? 0 : -1, "data-at": `line-${n}`,
        "data-step": n, "aria-label": "Boundary", "aria-valuemin": low, "aria-valuemax": high, "aria-valuenow": n, "aria-valuetext": this.boundaryWords(n), style: `left:${left}px`,
        onfocus: () => { if (this.cursor !== n) this.put(n); } }, node("i", { style: `opacity:${sure === null ? 0.55 : 0.3 + 0.7 * sure}` }),
        ...(sure !== null && sure < 0.8 ? [node("em", {}, "?")] : [])));
    }
    this.lane.replaceChildren(...parts);
  }

  boundaryWords(n) {
    return `${clock(this.day.t[n], true)}, ${this.beginning(n)}: ${this.name(this.segment(n - 1))} ends with ${this.activity(n - 1)}, `
      + `${this.name(this.segment(n))} begins with ${this.activity(n)}`;
  }

  limits(n) { // a segment keeps at least one step, a stretch of no task may vanish
    const before = this.runOf(n - 1), after = this.runOf(n);
    return [before.first + (before.g < 0 ? 0 : 1), after.last + (after.g < 0 ? 1 : 0)];
  }

  drawApps(first, last) {
    const { day } = this, used = [...new Set(day.p)].sort((a, b) => (a < 0) - (b < 0) || a - b), row = new Map(used.map((app, place) => [app, place]));
    const high = 15, ticks = [], bands = [];
    this.names.replaceChildren(node("span", { style: "height:22px" }), node("span", { style: "height:58px" }, "segments"),
      ...used.map(app => node("span", { style: `height:${high}px`, title: app < 0 ? "another application" : day.apps[app] }, app < 0 ? "other" : day.apps[app])));
    this.apps.style.height = `${used.length * high}px`;
    for (let n = Math.max(first, 0), start = n; n <= last; n += 1) {
      ticks.push(`M${this.x(this.c[n]).toFixed(1)} ${row.get(day.p[n]) * high + 2}v${high - 4}`);
      if (n === last || day.p[n + 1] !== day.p[n] || day.t[n + 1] - day.t[n] >= HOLE) {
        const left = this.x(this.c[start]), right = this.x(this.over(n));
        bands.push(`M${left.toFixed(1)} ${row.get(day.p[n]) * high + high / 2}H${Math.max(right, left + 1).toFixed(1)}`);
        start = n + 1;
      }
    }
    this.apps.innerHTML = `<svg width="100%" height="${used.length * high}">${used.map((_, n) => `<line x1="0" x2="100%" y1="${(n + 1) * high - 0.5}" y2="${(n + 1) * high - 0.5}" class="tk-ed-rule"/>`).join("")}`
      + `<path class="tk-ed-band" d="${bands.join("")}"/><path class="tk-ed-tick" d="${ticks.join("")}"/></svg>`;
  }

  drawCursor() {
    const n = this.cursor, segment = this.segment(n);
    this.needle.style.left = `${this.x(this.c[n])}px`;
    for (const [name, value] of Object.entries({ "aria-valuemin": 0, "aria-valuemax": this.day.t.length - 1, "aria-valuenow": n,
      "aria-valuetext": `step ${n + 1} of ${this.day.t.length}, ${clock(this.day.t[n], true)}, ${this.activity(n)} in ${this.app(n)}, ${this.name(segment)} ${this.sureness(segment)}` })) this.needle.setAttribute(name, value);
  }

  drawStrip() {
    const { t } = this.day, [low, high] = this.edges(), span = high - low, at = place => (place - low) / span * 100;
    const parts = this.runs.map(run => { const segment = run.g < 0 ? null : this.day.segments[run.g];
      return node("i", { style: `left:${at(this.c[run.first])}%;width:${Math.max(at(this.over(run.last)) - at(this.c[run.first]), 0.1)}%;background:${segment ? tint(this.colour(segment), 0.75) : "#e4e8ed"}` }); });
    for (const n of this.lines) { const begin = this.begins.get(n); if (begin && !begin.said && begin.sure !== null && begin.sure < 0.8) parts.push(node("u", { style: `left:${at(this.c[n])}%` })); }
    this.strip.replaceChildren(...parts, node("span", { style: `left:0` }, clock(t[0])), node("span", { style: `right:0` }, clock(t[t.length - 1])),
      node("b", { style: `left:${at(this.from)}%;width:${(this.to - this.from) / span * 100}%` }));
  }

  drawList() {
    const { t } = this.day, rows = [];
    for (let n = this.cursor - 3; n <= this.cursor + 3; n += 1) {
      if (n < 0 || n >= t.length) { rows.push(node("li", { class: "tk-ed-blank" }, n < 0 ? "the day begins" : "the day ends")); continue; }
      const cut = this.lines.includes(n), segment = this.segment(n);
      rows.push(node("li", { class: (cut ? "tk-ed-cut " : "") + (n === this.cursor ? "tk-ed-now" : ""), "aria-current": n === this.cursor ? "step" : null, onclick: () => { this.put(n); this.needle.focus({ preventScroll: true }); } },
        ...(cut ? [node("span", { class: "tk-ed-said" }, this.beginning(n))] : []), node("time", {}, clock(t[n], true)), node("i", { style: `background:${segment ? this.colour(segment) : "#d6dbe2"}` }),
        node("span", {}, this.activity(n)), node("small", {}, this.app(n))));
    }
    this.list.replaceChildren(...rows);
  }

  drawCard() {
    const segment = this.segment(this.cursor), run = this.runOf(this.cursor), { t } = this.day;
    const facts = [`${clock(t[run.first])}–${clock(this.end(run.last))}`, lasting(this.end(run.last) - t[run.first]), `${run.last - run.first + 1} ${run.last === run.first ? "step" : "steps"}`];
    if (segment && segment.steps > run.last - run.first + 1) facts.push(`${segment.steps} steps with its other parts`);
    if (segment) facts.push(segment.corrected ? "decided by a person" : segment.sure === null ? "confidence not known" : `method ${percent(segment.sure)} sure of the segment`);
    if (segment && this.begins.has(run.first)) facts.push(segment.corrected ? "" : this.beginning(run.first));
    this.card.replaceChildren(node("i", { style: `background:${this.colour(segment)}` }), node("b", {}, this.name(segment)), ...(segment?.example ? [node("mark", {}, "★ example")] : []),
      node("p", {}, facts.filter(Boolean).join(" · ")));
    this.card.classList.toggle("tk-ed-none", !segment);
  }

  // --------------------------------------------------------------------------------------------------- mouse and keyboard
  hover(event) {
    if (!this.day || this.drag) return;
    const line = event.target.closest(".tk-ed-line"), n = line ? Number(line.dataset.step) : this.near(event), segment = this.segment(n);
    const told = line ? [`Boundary at ${clock(this.day.t[n], true)}`, this.beginning(n), "drag it, or focus it and press ← →"]
      : [this.activity(n), `${this.app(n)} · ${clock(this.day.t[n], true)}`, `${this.name(segment)}${segment ? " · " + this.sureness(segment) : ""}`];
    this.tell(told, event);
  }

  tell(told, event) {
    const box = this.root.getBoundingClientRect();
    this.bubble.replaceChildren(node("b", {}, told[0]), ...told.slice(1).map(text => node("span", {}, text)));
    this.bubble.hidden = false;
    this.bubble.style.left = `${clip(event.clientX - box.left + 14, 0, box.width - this.bubble.offsetWidth - 8)}px`;
    this.bubble.style.top = `${event.clientY - box.top + 20}px`;
  }

  grab(event) {
    const line = event.target.closest(".tk-ed-line");
    if (!line || event.button) return;
    event.preventDefault();
    const n = Number(line.dataset.step), [low, high] = this.limits(n);
    this.drag = { n, to: n };
    const move = moved => {
      const at = this.under(moved), near = this.near(moved), candidate = Math.abs((this.c[near + 1] ?? this.over(near)) - at) < Math.abs(this.c[near] - at) ? near + 1 : near;
      this.drag.to = clip(candidate, low, high);
      const to = Math.min(this.drag.to, this.day.t.length - 1);
      this.guide.style.display = "block";
      this.guide.style.left = `${this.x(this.drag.to < this.c.length ? this.c[to] : this.over(to))}px`;
      this.tell([`Boundary before: ${this.activity(to)}`, `${clock(this.day.t[to], true)} · ${Math.abs(this.drag.to - n)} steps ${this.drag.to < n ? "earlier" : "later"}`], moved);
    };
    const drop = () => {
      document.removeEventListener("pointermove", move); document.removeEventListener("pointerup", drop); document.removeEventListener("pointercancel", drop);
      const { to } = this.drag;
      this.drag = null; this.bubble.hidden = true; this.guide.style.display = "none";
      this.dragged = true; setTimeout(() => { this.dragged = false; });
      if (to !== n) this.edit("move", { step: n, to }); else { this.put(n); this.focus(`line-${n}`); }
    };
    document.addEventListener("pointermove", move); document.addEventListener("pointerup", drop); document.addEventListener("pointercancel", drop);
  }

  slide(event) {
    const box = this.strip.getBoundingClientRect(), [low, high] = this.edges(), span = high - low;
    const to = moved => { const at = low + (moved.clientX - box.left) / box.width * span, half = (this.to - this.from) / 2; this.look(at - half, at + half); };
    const drop = () => { document.removeEventListener("pointermove", to); document.removeEventListener("pointerup", drop); };
    event.preventDefault(); to(event);
    document.addEventListener("pointermove", to); document.addEventListener("pointerup", drop);
  }

  wheel(event) {
    const sideways = event.shiftKey && !event.ctrlKey && !event.metaKey;
    if (!this.day || !(event.ctrlKey || event.metaKey || sideways)) return; // else the page scrolls
    event.preventDefault();
    const span = this.to - this.from, by = (event.deltaX || event.deltaY) / this.plot.clientWidth * span;
    if (sideways) this.look(this.from + by, this.to + by); else this.zoom(Math.exp(clip(event.deltaY, -100, 100) / 300), this.under(event));
  }

  focus(at) { this.root.querySelector(`[data-at="${at}"]`)?.focus({ preventScroll: true }); }

  key(event) {
    event.stopPropagation(); // the notebook has shortcuts for letters as well
    const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
    if (!this.day || (typing && event.target !== this.needle)) return;
    const letter = event.key.toLowerCase(), quick = event.ctrlKey || event.metaKey;
    const line = event.target.closest(".tk-ed-line"), arrows = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    let done = true;
    if (quick && letter === "z") this.act(event.shiftKey ? "redo" : "undo");
    else if (quick && letter === "y") this.act("redo");
    else if (quick || event.altKey) return;
    else if (line && arrows) this.nudge(Number(line.dataset.step), arrows);
    else if (event.target.closest(".tk-ed-seg") && arrows) this.hop(arrows);
    else if (arrows) this.put(this.cursor + arrows);
    else if (event.key === "Home") this.put(0);
    else if (event.key === "End") this.put(this.day.t.length - 1);
    else if (event.key === "PageDown" || event.key === "PageUp") { const by = (this.to - this.from) * (event.key === "PageUp" ? -0.9 : 0.9); this.look(this.from + by, this.to + by); }
    else if (event.key === "+" || event.key === "=") this.zoom(0.625);
    else if (event.key === "-") this.zoom(1.6);
    else if (event.key === "0") this.look(0, 86400);
    else if (letter === "b") this.boundary();
    else if (letter === "m" && event.shiftKey) this.edit("merge", { later: false });
    else if (letter === "e" && event.shiftKey) this.choose(true);
    else if (LETTERS[letter]) this.act(LETTERS[letter]);
    else done = false;
    if (done) event.preventDefault();
  }

  nudge(n, by) {
    const [low, high] = this.limits(n);
    if (this.root.hasAttribute("data-busy")) return; // one step at a time: the line stands elsewhere after the answer
    if (n + by < low || n + by > high) { this.say("The boundary cannot go further: merge the two to remove it (M).", true); return; }
    this.holds = `line-${n + by}`;
    this.edit("move", { step: n, to: n + by });
  }

  hop(by) {
    const next = this.runs[this.runs.indexOf(this.runOf(this.cursor)) + by];
    if (next) { this.put(next.first); this.focus(`run-${next.first}`); }
  }

  boundary() {
    const run = this.runOf(this.cursor), near = this.lines.includes(run.first) ? run.first : this.lines.includes(run.last + 1) ? run.last + 1 : null;
    if (near === null) { this.say("There is no boundary beside this stretch.", true); return; }
    this.put(near); this.focus(`line-${near}`);
  }

  goto(by) { this.holds = "boundary"; this.ask({ do: "next", by, scope: this.only.checked ? "person" : "" }); }

  act(op) {
    const segment = this.segment(this.cursor);
    if (op === "next" || op === "previous") this.goto(op === "next" ? 1 : -1);
    else if (op === "undo" || op === "redo" || op === "alike") this.ask({ do: op });
    else if (op === "assign") this.choose(false);
    else if (op === "example" && !(segment && segment.task)) this.choose(true);
    else if (op === "example") this.example(segment.task);
    else this.edit(op);
  }

  example(task) { // the kernel asks back where it is a very short one: the method learns from it
    this.meant = task;
    this.edit("assign", { task, example: true, ask: true });
  }

  confirm(question) {
    const close = () => { this.menu.hidden = true; this.tools.hidden = false; this.menu.replaceChildren(); this.needle.focus({ preventScroll: true }); };
    const cancel = node("button", { type: "button", class: "tk-ed-small", onclick: close }, "Cancel");
    this.menu.replaceChildren(node("p", {}, question), node("div", {}, cancel, " ", node("button", { type: "button", class: "tk-ed-small tk-ed-anyway",
      onclick: () => { close(); this.edit("assign", { task: this.meant, example: true }); } }, "Mark it all the same")));
    this.menu.onkeydown = event => { if (event.key === "Escape") { close(); event.stopPropagation(); } };
    this.menu.setAttribute("aria-label", "A very short example");
    this.menu.hidden = false; this.tools.hidden = true;
    cancel.focus({ preventScroll: true });
  }

  choose(example) { // the list of tasks, with a field for a new name
    const back = document.activeElement, input = node("input", { type: "text", maxlength: 80, placeholder: "search, or a new name", "aria-label": "Task", role: "combobox", "aria-expanded": "true" });
    const close = () => { this.menu.hidden = true; this.tools.hidden = false; this.menu.replaceChildren(); (this.root.contains(back) && back.isConnected ? back : this.needle).focus({ preventScroll: true }); };
    const take = task => { close(); if (example) this.example(task); else this.edit("assign", { task }); };
    const options = node("ul", { role: "listbox", "aria-label": "Tasks" });
    let at = 0;
    const fill = () => {
      const wanted = input.value.trim().toLowerCase(), known = this.day.tasks.filter(each => each[3]), fits = known.filter(([, label]) => label.toLowerCase().includes(wanted));
      const all = [...fits.map(([name, label, colour]) => [name, label, colour]), ...(wanted && !known.some(([name]) => name.toLowerCase() === wanted) ? [[input.value.trim(), `new task “${input.value.trim()}”`, "#7A8594"]] : [])];
      at = clip(at, 0, Math.max(all.length - 1, 0));
      options.replaceChildren(...all.map(([name, label, colour], n) => node("li", { role: "option", "aria-selected": String(n === at), onclick: () => take(name), "data-name": name }, node("i", { style: `background:${colour}` }), label)));
      if (!all.length) options.replaceChildren(node("li", { class: "tk-ed-blank" }, "type a name"));
      options.children[at]?.scrollIntoView({ block: "nearest" });
    };
    input.addEventListener("input", () => { at = 0; fill(); });
    input.addEventListener("keydown", event => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { at += event.key === "ArrowDown" ? 1 : -1; fill(); event.preventDefault(); }
      else if (event.key === "Enter") { const chosen = options.children[at]?.dataset.name; if (chosen) take(chosen); event.preventDefault(); }
      else if (event.key === "Escape") { close(); event.preventDefault(); }
      event.stopPropagation();
    });
    this.menu.onkeydown = null;
    this.menu.setAttribute("aria-label", "Choose a task");
    this.menu.replaceChildren(node("p", {}, example ? "Example of which task?" : "Which task is this?"), input, options, node("button", { type: "button", class: "tk-ed-small", onclick: close }, "Cancel"));
    this.menu.hidden = false;
    this.tools.hidden = true;
    fill();
    input.focus({ preventScroll: true });
  }
}

function render({ model, el }) {
  const editor = new Editor(model, el);
  return () => editor.close();
}

export default { render };
