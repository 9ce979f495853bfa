/* What pages and live notebooks share: tables that sort, filter and unfold; charts that copy and follow a dark theme.
   Runs once per document, however often it is put there. Nothing from the data is ever read as HTML. */
(function () {
  "use strict";
  if (window.taskkitPage) { return; }
  document.documentElement.classList.add("tk-scripted");  // without it all rows are shown, and a sentence says why

  function make(tag, attributes, text) {
    var element = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (name) { element.setAttribute(name, attributes[name]); });
    if (text) { element.textContent = text; }
    return element;
  }

  /* tables ------------------------------------------------------------------------------------------------------- */

  var FILTER_FROM = 9;  // rows: fewer are read faster than filtered
  var NUMBER = /^(under )?-?[\d,]*\.?\d+( ?%| min| s| h)?$/;

  function valueOf(row, column) {
    var cell = row.cells[column];
    return cell ? cell.getAttribute("data-v") || cell.textContent.trim() : "";
  }

  function numberOf(text) {
    return text.indexOf("under ") === 0 ? 0 : parseFloat(text.replace(/,/g, ""));
  }

  function sorted(rows, column, down) {
    var values = new Map(rows.map(function (row) { return [row, valueOf(row, column)]; }));
    function missing(text) { return text === "" || text === "–"; }
    var told = rows.map(function (row) { return values.get(row); }).filter(function (text) { return !missing(text); });
    var numeric = told.length > 0 && told.every(function (text) { return NUMBER.test(text); });
    return rows.slice().sort(function (one, other) {
      var a = values.get(one), b = values.get(other);
      if (missing(a) || missing(b)) { return missing(a) - missing(b); }  // what is not known stands last either way
      var order = numeric ? numberOf(a) - numberOf(b) : a.localeCompare(b, "en", {numeric: true, sensitivity: "base"});
      return down ? -order : order;
    });
  }

  function dressTable(table) {
    table.setAttribute("data-tk", "dressed");
    var body = table.tBodies[0];
    if (!body || !table.tHead) { return; }
    var all = Array.prototype.slice.call(body.rows);
    var small = all.filter(function (row) { return row.classList.contains("tk-small"); });
    var first = all.filter(function (row) { return small.indexOf(row) < 0; });
    var state = {table: table, body: body, first: first, small: small, rows: first, words: [], open: false};
    state.most = all.filter(function (row) { return !row.classList.contains("tk-rest"); }).length;
    if (first.length > 1) { addSorting(state); }
    if (first.length >= FILTER_FROM) { addFilter(state); }
    if (all.length > state.most) { addUnfolding(state, all.length - state.most); }
    watchWidth(table.closest(".tk-table"), nameOf(table) || "Table");
  }

  function nameOf(table) {
    var title = table.caption && (table.caption.querySelector("b") || table.caption);
    return title ? title.textContent.trim() : "";
  }

  function place(state) {
    var shown = 0, matching = 0;
    state.rows.concat(state.small).forEach(function (row) {
      var text = row.textContent.toLowerCase();
      var fits = state.words.every(function (word) { return text.indexOf(word) >= 0; });
      matching += fits ? 1 : 0;
      var folded = !state.open && !state.words.length && shown >= state.most;
      row.classList.toggle("tk-rest", folded);
      row.hidden = folded || !fits;
      shown += fits && !folded ? 1 : 0;
      state.body.appendChild(row);
    });
    return matching;
  }

  function addSorting(state) {
    var heads = Array.prototype.slice.call(state.table.tHead.rows[state.table.tHead.rows.length - 1].cells);
    heads.forEach(function (head, column) {
      if (head.colSpan > 1 || !head.textContent.trim()) { return; }
      var button = make("button", {type: "button", "class": "tk-sort"});
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", function () {
        // a number is asked for its largest first, a word from A; the third time the table is as it came
        var steps = /\bn\b/.test(head.className) || head.style.textAlign === "right" ? ["descending", "ascending", "none"] : ["ascending", "descending", "none"];
        var next = steps[(steps.indexOf(head.getAttribute("aria-sort")) + 1) % 3];
        heads.forEach(function (each) { if (each.hasAttribute("aria-sort")) { each.setAttribute("aria-sort", "none"); } });
        head.setAttribute("aria-sort", next);
        state.rows = next === "none" ? state.first : sorted(state.first, column, next === "descending");
        place(state);
      });
    });
  }

  function addFilter(state) {
    var name = nameOf(state.table), line = make("div", {"class": "tk-filter"}), label = make("label", {}, "Filter ");
    var box = make("input", {type: "search", autocomplete: "off", spellcheck: "false"});
    if (name) { box.setAttribute("aria-label", "Filter the rows of: " + name); }
    var said = make("span", {role: "status"});
    label.appendChild(box); line.appendChild(label); line.appendChild(said);
    state.table.parentNode.insertBefore(line, state.table);
    ["keydown", "keypress", "keyup"].forEach(function (kind) {  // a letter typed here is no shortcut of JupyterLab
      box.addEventListener(kind, function (event) { event.stopPropagation(); });
    });
    box.addEventListener("input", function () {
      state.words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      var count = place(state), whole = state.first.length + state.small.length;
      said.textContent = state.words.length ? (count ? count + " of " + whole + " rows" : "No row has these words.") : "";
      state.table.classList.toggle("tk-filtered", state.words.length > 0);
    });
  }

  function addUnfolding(state, count) {
    var cell = state.table.closest(".tk-table").querySelector(".tk-count");
    if (!cell) { return; }
    var closed = cell.textContent, button = make("button", {type: "button", "aria-expanded": "false"}, "Show");
    button.setAttribute("aria-label", "Show " + count + " more rows");
    cell.parentNode.insertBefore(button, cell.nextSibling);
    button.addEventListener("click", function () {
      state.open = !state.open;
      place(state);
      button.setAttribute("aria-expanded", String(state.open));
      button.textContent = state.open ? "Show fewer rows" : "Show";
      button.setAttribute("aria-label", state.open ? "Show fewer rows" : "Show " + count + " more rows");
      cell.textContent = state.open ? "" : closed;
    });
  }

  /* only what is wider than its place is a stop for the keyboard */
  function watchWidth(box, name) {
    if (!box || !window.ResizeObserver) { return; }
    var own = !box.hasAttribute("role");
    new ResizeObserver(function () {
      var wide = box.scrollWidth > box.clientWidth + 1;
      if (wide) { box.setAttribute("tabindex", "0"); } else { box.removeAttribute("tabindex"); }
      if (!own) { return; }
      if (wide) { box.setAttribute("role", "group"); box.setAttribute("aria-label", name); }
      else { box.removeAttribute("role"); box.removeAttribute("aria-label"); }
    }).observe(box);
  }

  function dressTables() {
    Array.prototype.forEach.call(document.querySelectorAll(".tk-table table:not([data-tk])"), dressTable);
  }

  /* dark --------------------------------------------------------------------------------------------------------- */

  var LIGHTNESS = [[0, 0.97], [0.26, 0.92], [0.44, 0.75], [0.53, 0.65], [0.6, 0.61], [0.75, 0.56], [0.9, 0.37], [0.95, 0.28], [1, 0.205]];
  var rules = null, learnt = {}, pen = null;

  function isDark() {
    var told = document.body && document.body.getAttribute("data-jp-theme-light");
    if (told) { return told === "false"; }
    return document.documentElement.hasAttribute("data-tk-page") && window.matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function channels(colour) {
    pen = pen || document.createElement("canvas").getContext("2d");
    pen.fillStyle = "#010203";
    pen.fillStyle = colour;
    var read = pen.fillStyle;
    if (read === "#010203") { return null; }  // no colour
    if (read[0] === "#") { return [1, 3, 5].map(function (at) { return parseInt(read.substr(at, 2), 16) / 255; }).concat(1); }
    var parts = read.match(/[\d.]+/g).map(Number);
    return [parts[0] / 255, parts[1] / 255, parts[2] / 255, parts.length > 3 ? parts[3] : 1];
  }

  /* the same hue with its lightness turned round, in OKLab (Ottosson 2020): pale stays next to the paper, and scales from
     pale to dark keep their order */
  function turned(colour) {
    var c = channels(colour);
    if (!c || c[3] === 0) { return null; }
    var lin = c.slice(0, 3).map(function (v) { return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); });
    var l = Math.cbrt(0.4122214708 * lin[0] + 0.5363325363 * lin[1] + 0.0514459929 * lin[2]);
    var m = Math.cbrt(0.2119034982 * lin[0] + 0.6806995451 * lin[1] + 0.1073969566 * lin[2]);
    var s = Math.cbrt(0.0883024619 * lin[0] + 0.2817188376 * lin[1] + 0.6299787005 * lin[2]);
    var light = 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s;
    var a = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
    var b = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
    var at = LIGHTNESS.findIndex(function (pair) { return light <= pair[0]; });
    var to = LIGHTNESS[at < 0 ? LIGHTNESS.length - 1 : at], from = LIGHTNESS[Math.max(0, at - 1)];
    var share = to[0] === from[0] ? 0 : (light - from[0]) / (to[0] - from[0]);
    var next = from[1] + share * (to[1] - from[1]);
    if (at < 0) { next = to[1]; }
    var strength = light > 0.85 ? 1.25 : next > 0.75 ? 0.5 : 0.92;
    a = a * strength;
    b = b * strength - 0.012 * next;  // a breath of blue, as the page has it
    l = Math.pow(next + 0.3963377774 * a + 0.2158037573 * b, 3);
    m = Math.pow(next - 0.1055613458 * a - 0.0638541728 * b, 3);
    s = Math.pow(next - 0.0894841775 * a - 1.291485548 * b, 3);
    var rgb = [4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
               -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
               -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s].map(function (v) {
      var w = Math.min(1, Math.max(0, v));
      return Math.round(255 * (w <= 0.0031308 ? 12.92 * w : 1.055 * Math.pow(w, 1 / 2.4) - 0.055));
    });
    return "rgba(" + rgb.concat(c[3]).join(",") + ")";
  }

  /* one rule for each colour that a chart uses: the drawing itself stays light, so that print and copies are light too */
  function learn(chart) {
    if (!isDark()) { return; }
    if (!rules) { rules = document.head.appendChild(make("style", {})).sheet; }
    ["fill", "stroke", "stop-color"].forEach(function (name) {
      Array.prototype.forEach.call(chart.querySelectorAll("svg [" + name + "]"), function (element) {
        var value = element.getAttribute(name), key = name + value;
        if (learnt[key]) { return; }
        learnt[key] = true;
        if (!/^[#\w(),.% ]+$/.test(value) || /^(none|url)/.test(value)) { return; }
        var dark = turned(value);
        if (dark) { rules.insertRule("@media screen { .tk-dark .tk-chart svg [" + name + '="' + value + '"] { ' + name + ":" + dark + " } }"); }
      });
    });
  }

  function follow() {
    document.documentElement.classList.toggle("tk-dark", isDark());
    Array.prototype.forEach.call(document.querySelectorAll(".tk-chart"), learn);
  }

  /* charts ------------------------------------------------------------------------------------------------------- */

  function fileName(chart, kind) {
    var words = (chart.getAttribute("aria-label") || "chart").split(/[.:]/)[0].toLowerCase();
    return (words.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "chart") + "." + kind;
  }

  function save(blob, name) {
    var link = make("a", {download: name, href: URL.createObjectURL(blob)});
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 10000);
  }

  function png(view) {
    return view.toImageURL("png", 2).then(function (address) {
      var bytes = atob(address.split(",")[1]), data = new Uint8Array(bytes.length);
      for (var i = 0; i < bytes.length; i += 1) { data[i] = bytes.charCodeAt(i); }
      return new Blob([data], {type: "image/png"});
    });
  }

  function dressChart(chart, view) {
    var box = chart.parentElement, old = box.querySelector(":scope > .tk-tools");
    if (old) { old.remove(); }
    var title = (chart.getAttribute("aria-label") || "chart").split(". ")[0];
    var tools = make("div", {"class": "tk-tools"}), said = make("span", {role: "status"});
    var copy = make("button", {type: "button", "aria-label": "Copy PNG: " + title}, "Copy PNG");
    var keep = make("button", {type: "button", "aria-label": "Save SVG: " + title}, "Save SVG");
    function say(text) { said.textContent = text; setTimeout(function () { said.textContent = ""; }, 4000); }
    function failed(error) { say("This did not work: " + error); }
    copy.addEventListener("click", function () {
      var made = png(view), file = function () {
        return made.then(function (blob) { save(blob, fileName(chart, "png")); say("Saved as a file."); });
      };
      if (!navigator.clipboard || !navigator.clipboard.write || !window.ClipboardItem) { file().catch(failed); return; }
      // the promise itself is given: a browser takes it only while it remembers the click
      navigator.clipboard.write([new ClipboardItem({"image/png": made})])
        .then(function () { say("Copied."); }, file).catch(failed);
    });
    keep.addEventListener("click", function () {
      view.toSVG().then(function (text) {
        save(new Blob([text], {type: "image/svg+xml"}), fileName(chart, "svg"));
        say("Saved as a file.");
      }).catch(failed);
    });
    [said, copy, keep].forEach(function (each) { tools.appendChild(each); });
    box.insertBefore(tools, chart);
    Array.prototype.forEach.call(chart.querySelectorAll("svg"), function (drawing) { drawing.setAttribute("aria-hidden", "true"); });
    new MutationObserver(function () { learn(chart); }).observe(chart, {
      subtree: true, childList: true, attributes: true, attributeFilter: ["fill", "stroke", "stop-color"]
    });
    learn(chart);
  }

  /* paper -------------------------------------------------------------------------------------------------------- */

  var SMALLEST = 0.75;  // of a chart's size on paper: under that an empty foot of a page reads better than the chart

  /* A table is never wider than the paper. A chart goes whole to the next page where it does not fit the rest of one; if it
     would fit a little smaller, it is. For this all is laid out as on paper, in columns of a page's size, with the
     browser's own rules for breaks. */
  function fitToPaper() {
    var main = document.querySelector("main"), turned = [];
    Array.prototype.forEach.call(document.styleSheets, function (sheet) {
      Array.prototype.forEach.call(sheet.cssRules, function (rule) {
        var text = rule.media ? rule.media.mediaText : "";
        if (!/^(print|screen)/.test(text)) { return; }
        turned.push([rule, text]);
        rule.media.mediaText = text.indexOf("print") === 0 ? "all" : "not all";
      });
    });
    main.classList.add("tk-paper");
    main.style.columns = "auto";  // a table that is parted by columns counts as wide as all of them
    Array.prototype.forEach.call(main.querySelectorAll(".tk-table table"), function (table) {
      table.style.removeProperty("--tk-zoom");
      var share = main.clientWidth / table.offsetWidth;
      if (share < 1) { table.style.setProperty("--tk-zoom", share * 0.99); }
    });
    main.style.columns = "";
    Array.prototype.forEach.call(main.querySelectorAll(".tk-chart svg"), function (drawing) { fitOne(main, drawing); });
    main.classList.remove("tk-paper");
    turned.forEach(function (pair) { pair[0].media.mediaText = pair[1]; });
  }

  function fitOne(main, drawing) {
    function page() {
      main.style.columns = "auto";  // Chromium leaves what it once moved to a column there, unless it begins anew
      void main.offsetHeight;
      main.style.columns = "";
      return Math.floor((drawing.getBoundingClientRect().left - main.getBoundingClientRect().left + 1) / main.clientWidth);
    }
    function size(share) { drawing.style.setProperty("--tk-fit", share * height + "px"); return page(); }
    drawing.style.removeProperty("--tk-fit");
    var last = page(), height = drawing.getBoundingClientRect().height, fits = SMALLEST, tight = 1;
    if (last < 1 || size(fits) === last) { drawing.style.removeProperty("--tk-fit"); return; }
    for (var step = 0; step < 5; step += 1) {
      var middle = (fits + tight) / 2;
      if (size(middle) < last) { fits = middle; } else { tight = middle; }
    }
    size(fits);
  }

  function start() {
    document.addEventListener("focusin", function (event) {  // an arrow in a list is the list's, not a shortcut of JupyterLab
      if (event.target.matches && event.target.matches(".jupyter-widgets select, .jupyter-widgets [role=slider]")) {
        event.target.setAttribute("data-lm-suppress-shortcuts", "true");
      }
    });
    follow();
    dressTables();
    var asked = false;
    new MutationObserver(function () {  // a notebook goes on making tables
      if (asked) { return; }
      asked = true;
      setTimeout(function () { asked = false; dressTables(); }, 30);
    }).observe(document.body, {subtree: true, childList: true});
    new MutationObserver(follow).observe(document.body, {attributes: true, attributeFilter: ["data-jp-theme-light"]});
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
    if (document.documentElement.hasAttribute("data-tk-page")) {
      window.addEventListener("beforeprint", fitToPaper);
      Array.prototype.forEach.call(document.querySelectorAll(".jp-OutputArea-output, pre"), function (box) {
        watchWidth(box, "Output");
      });
    }
  }

  window.taskkitPage = {dressChart: dressChart};
  if (document.body) { start(); } else { document.addEventListener("DOMContentLoaded", start); }
})();
