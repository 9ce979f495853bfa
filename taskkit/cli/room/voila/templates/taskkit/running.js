// Says what a page of the room is doing until its last chart is drawn. Voilà shows the page at once, runs its cells one after
// the other and puts a grey box into each that has not answered yet; what a long cell says of itself comes from the kernel.
(function () {
  var strip = document.getElementById("tk-running"), words = strip.querySelector("span"), bar = strip.querySelector("progress");
  var socket = null, begun = false, part = 0, stage = "", planned = 0;

  function say(text, done, all) {
    if (words.textContent !== text) { words.textContent = text; }
    if (all) { bar.max = all; bar.value = done; } else { bar.removeAttribute("value"); }
  }
  function title(cell) { // the heading that a cell stands under
    for (; cell; cell = cell.previousElementSibling) {
      var heads = cell.querySelectorAll(".jp-RenderedMarkdown h1, .jp-RenderedMarkdown h2, .jp-RenderedMarkdown h3");
      if (heads.length) { return heads[heads.length - 1].textContent.replace(/¶$/, ""); }
    }
    return "";
  }
  function look() {
    planned = 0;
    if (!socket && document.getElementById("jupyter-config-data")) { listen(); }
    var cells = [].filter.call(document.querySelectorAll("[cell-index]"), function (cell) { return cell.querySelector(".jp-CodeCell"); });
    var waiting = cells.filter(function (cell) { return cell.querySelector(".voila-skeleton-container"); });
    if (waiting.length) {
      begun = true;
      var now = cells.length - waiting.length + 1, head = title(waiting[0]);
      if (now !== part) { part = now; stage = ""; }
      say("Part " + now + " of " + cells.length + (head ? ", " + head : "") + (stage ? ": " + stage : "") + " …", now - 1, cells.length);
      return;
    }
    if (!begun) { return; }
    var charts = document.querySelectorAll(".tk-chart"), missing = 0;
    charts.forEach(function (chart) { if (!chart.querySelector("svg") && !chart.dataset.failed) { missing += 1; } });
    if (missing) { say("Drawing " + (charts.length - missing + 1) + " of " + charts.length + " charts …", charts.length - missing, charts.length); return; }
    watch.disconnect();
    if (socket) { socket.onclose = null; socket.close(); }
    strip.classList.add("done");
    say("All parts are shown.", 1, 1);
  }
  function listen() { // only what the bar of a long cell says; before any cell runs, since a busy kernel lets nobody in
    var told = JSON.parse(document.getElementById("jupyter-config-data").textContent);
    var place = location.origin.replace(/^http/, "ws") + told.baseUrl + "api/kernels/" + told.kernelId + "/channels";
    socket = new WebSocket(place + "?session_id=" + Math.random().toString(36).slice(2));
    socket.onmessage = function (event) {
      if (typeof event.data !== "string" || event.data.indexOf("taskkit-bar-") < 0) { return; }
      var content = JSON.parse(event.data).content, html = content && content.data && content.data["text/html"];
      var said = html && new DOMParser().parseFromString(html, "text/html").querySelector(".tk-working");
      var own = said && said.querySelector("progress[value]");
      stage = said ? said.textContent.replace(/\s*…$/, "") + (own ? ", " + Math.round(100 * own.position) + " %" : "") : "";
      soon();
    };
    socket.onclose = function () {
      fetch(told.baseUrl).catch(function () {
        watch.disconnect();
        say("The workshop was ended. What was recorded is kept.");
        bar.hidden = true;
      });
    };
  }
  function soon() { if (!planned) { planned = setTimeout(look, 60); } }
  var watch = new MutationObserver(soon);
  watch.observe(document.body, { childList: true, subtree: true });
})();
