// What the pages do beyond reading: local times, keys, copying, selecting. Everything works without.
(function () {
  "use strict";

  var UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  var exact = new Intl.DateTimeFormat("sv-SE", {
    year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
  });

  function ago(then) {
    var seconds = Math.round((Date.now() - then) / 1000);
    var away = Math.abs(seconds);
    if (away < 1) return "just now";
    for (var i = 0; i < UNITS.length; i++) {
      if (away >= UNITS[i][1]) {
        var text = Math.floor(away / UNITS[i][1]) + " " + UNITS[i][0];
        return seconds < 0 ? "in " + text : text + " ago";
      }
    }
    return "";
  }

  function localise(root) {
    root.querySelectorAll("time[data-time]").forEach(function (element) {
      var then = Date.parse(element.dateTime);
      var text = exact.format(then);
      element.title = text;
      element.textContent = element.dataset.time === "relative" ? ago(then) : text;
    });
  }

  function copy(button) {
    navigator.clipboard.writeText(button.dataset.copy).then(function () {
      var before = button.textContent;
      button.textContent = "Copied";
      setTimeout(function () { button.textContent = before; }, 1500);
    });
  }

  function switchTheme() {
    var root = document.documentElement;
    var dark = root.dataset.theme ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("plaudit-theme", root.dataset.theme); } catch (error) { /* refused */ }
    document.dispatchEvent(new Event("plaudit:theme"));
  }

  document.addEventListener("click", function (event) {
    var target = event.target;
    var button = target.closest("[data-copy]");
    if (button) { copy(button); return; }
    if (target.closest("[data-theme-switch]")) { switchTheme(); return; }
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(target)) menu.open = false;
    });
    var row = target.closest("table[data-rows] tbody tr");
    if (row && !target.closest("a, button, input, select") && !String(getSelection())) {
      var link = row.querySelector("a[href]");
      if (link) link.click();
    }
  });

  document.addEventListener("change", function (event) {
    var form = event.target.closest("form[data-autosubmit]");
    if (form) form.requestSubmit();
  });

  document.addEventListener("submit", function (event) {
    // An address without its empty fields can be sent to a colleague.
    var form = event.target;
    if (form.method !== "get") return;
    form.querySelectorAll("input[name], select[name]").forEach(function (field) {
      field.disabled = field.disabled || field.value === "";
    });
    setTimeout(function () {
      form.querySelectorAll(":disabled").forEach(function (field) { field.disabled = false; });
    }, 0);
  });

  function move(step) {
    var rows = Array.prototype.slice.call(document.querySelectorAll("table[data-rows] tbody tr"));
    if (!rows.length) return;
    var now = rows.findIndex(function (row) { return row.classList.contains("at"); });
    var next = Math.max(0, Math.min(rows.length - 1, now < 0 ? 0 : now + step));
    if (now >= 0) rows[now].classList.remove("at");
    rows[next].classList.add("at");
    var link = rows[next].querySelector("a[href]");
    if (link) link.focus();
    rows[next].scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") {
      document.querySelectorAll("details.menu[open]").forEach(function (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      });
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) return;
    if (event.key === "/") {
      event.preventDefault();
      var box = document.querySelector("[data-key='/']");
      if (box) box.focus();
    } else if (event.key === "x") {
      var box = document.querySelector("tr.at input[name=id]");
      if (box) box.click();
    } else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
  });

  function pick(form) {
    // A selection narrows what the buttons do; without one they mean all that match.
    var boxes = Array.prototype.slice.call(form.querySelectorAll("input[name=id]"));
    var chosen = boxes.filter(function (box) { return box.checked; }).length;
    var words = form.querySelector("[data-selected]");
    if (words) words.textContent = chosen ? chosen + " selected" : words.dataset.all;
    var every = form.querySelector("[data-select-all]");
    if (every) {
      every.checked = chosen > 0 && chosen === boxes.length;
      every.indeterminate = chosen > 0 && chosen < boxes.length;
    }
  }

  document.addEventListener("change", function (event) {
    var form = event.target.closest("form[data-selection]");
    if (!form) return;
    if (event.target.matches("[data-select-all]")) {
      form.querySelectorAll("input[name=id]").forEach(function (box) { box.checked = event.target.checked; });
    }
    pick(form);
  });

  document.addEventListener("htmx:afterSwap", function (event) { localise(event.target); });
  document.addEventListener("htmx:beforeSwap", function (event) {
    // An error of a part is shown where the part would be.
    if (event.detail.xhr.status >= 400) { event.detail.shouldSwap = true; event.detail.isError = false; }
  });
  localise(document);
  setInterval(function () { if (!document.hidden) localise(document); }, 15000);
  document.querySelectorAll("form[data-selection]").forEach(pick);
  document.querySelectorAll("form[data-at-once]").forEach(function (form) { form.requestSubmit(); });
  var here = document.querySelector(".bar nav [aria-current]");
  if (here) here.scrollIntoView({ block: "nearest", inline: "nearest" });
})();
