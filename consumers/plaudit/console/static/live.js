// What moves: parts that are fetched again, jobs whose steps arrive as events, and a lost connection.
(function () {
  "use strict";

  var time = new Intl.DateTimeFormat("sv-SE", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  var heard = Date.now();

  function lost(why) {
    document.querySelectorAll("[data-lost]").forEach(function (line) {
      line.textContent = why + " since " + time.format(heard) +
        ": this page shows what was known then. Trying again.";
      line.hidden = false;
    });
  }

  function found() {
    heard = Date.now();
    document.querySelectorAll("[data-lost]").forEach(function (line) { line.hidden = true; });
  }

  function isInUse(element) {
    // A part that a person reads or fills in is left alone until the next time.
    var selection = getSelection();
    var selects = selection && !selection.isCollapsed && element.contains(selection.anchorNode);
    return selects || element.contains(document.activeElement) || element.querySelector("details[open]");
  }

  function fetchPart(element, url) {
    // Without `source`, htmx would not tell of a connection that fails.
    // A failure is shown by the listeners below.
    htmx.ajax("GET", url, { source: element, target: element, swap: "innerHTML" })
      .catch(function () { });
  }

  function poll(element) {
    var timer = setInterval(function () {
      if (!element.isConnected) { clearInterval(timer); return; }
      if (document.hidden || isInUse(element)) return;
      fetchPart(element, element.dataset.poll);
    }, Number(element.dataset.every) * 1000);
  }

  function follow(box) {
    var source = null;
    var waiting = null;

    function close() {
      if (source) { source.close(); source = null; }
    }

    function refresh() {
      if (waiting) return;
      waiting = setTimeout(function () {
        waiting = null;
        fetchPart(box, box.dataset.refresh);
      }, 300);
    }

    function open() {
      if (source || document.hidden || box.querySelector("[data-over]")) return;
      source = new EventSource(box.dataset.events);
      source.onopen = found;
      source.onerror = function () { refresh(); };
      source.addEventListener("state", refresh);
      source.addEventListener("progress", refresh);
    }

    box.addEventListener("htmx:afterSwap", function () {
      if (box.querySelector("[data-over]")) close();
    });
    document.addEventListener("visibilitychange", function () {
      if (document.hidden) close(); else { open(); refresh(); }
    });
    open();
  }

  document.addEventListener("htmx:sendError", function () { lost("Not connected"); });
  document.addEventListener("htmx:timeout", function () { lost("No answer"); });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.xhr.status >= 500) lost("The server has a problem");
    else if (event.detail.xhr.status > 0) found();
  });
  document.querySelectorAll("[data-poll]").forEach(poll);
  document.querySelectorAll("[data-events]").forEach(follow);
})();
