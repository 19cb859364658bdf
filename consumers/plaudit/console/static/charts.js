// Charts with one time axis and one cursor; dragging opens the deliveries of that time.
(function () {
  "use strict";

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function sums(columns, names) {
    // Stacked: each series is drawn over the one behind it, which is higher.
    return names.map(function (_, index) {
      return columns.at.map(function (_, at) {
        return names.slice(0, index + 1).reduce(function (sum, name) {
          return sum + columns[name][at];
        }, 0);
      });
    });
  }

  var day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  var hour = new Intl.DateTimeFormat("sv-SE", { hour: "2-digit", minute: "2-digit" });

  function times(plot, values) {
    var before = "";
    return values.map(function (value) {
      var date = new Date(value * 1000);
      var today = day.format(date);
      var text = hour.format(date) + (today === before ? "" : "\n" + today);
      before = today;
      return text;
    });
  }

  function axis(extra) {
    return Object.assign({
      stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 },
      ticks: { show: false }, font: "12px system-ui, sans-serif",
    }, extra);
  }

  function millis(value) {
    return value === null ? "" : value >= 1000 ? value / 1000 + " s" : value + " ms";
  }

  function base(width, box, columns) {
    return {
      width: width, height: 160, legend: { show: false },
      cursor: { sync: { key: "plaudit" }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      scales: { x: { time: true } },
      hooks: {
        setSelect: [function (plot) {
          if (plot.select.width < 4) return;
          var from = plot.posToVal(plot.select.left, "x");
          var to = plot.posToVal(plot.select.left + plot.select.width, "x");
          var query = "since=" + encodeURIComponent(new Date(from * 1000).toISOString()) +
            "&until=" + encodeURIComponent(new Date(to * 1000).toISOString());
          location.assign(box.dataset.link + (box.dataset.link.includes("?") ? "&" : "?") + query);
        }],
      },
    };
  }

  function outcomes(box, holder, columns) {
    var names = ["delivered", "failed", "dead"];
    var stacked = sums(columns, names);
    var bars = uPlot.paths.bars({ size: [0.8, 40], align: 1 });
    var options = base(holder.clientWidth, box, columns);
    options.axes = [axis({ values: times }), axis({ size: 56 })];
    options.scales.y = { range: function (_, low, high) { return [0, Math.max(1, high * 1.1)]; } };
    options.series = [{}].concat(names.slice().reverse().map(function (name) {
      return { fill: color("--" + name), width: 0, paths: bars, points: { show: false } };
    }));
    return new uPlot(options, [columns.at].concat(stacked.reverse()), holder);
  }

  function latency(box, holder, columns) {
    var options = base(holder.clientWidth, box, columns);
    options.axes = [axis({ values: times }), axis({ size: 56, values: function (_, values) { return values.map(millis); } })];
    options.scales.y = { range: function (_, low, high) { return [0, Math.max(1, (high || 0) * 1.1)]; } };
    options.series = [{},
      { stroke: color("--accent"), width: 1.5, spanGaps: false, points: { show: false } },
      { stroke: color("--quiet"), width: 1.5, dash: [4, 3], spanGaps: false, points: { show: false } }];
    return new uPlot(options, [columns.at, columns.p50_ms, columns.p95_ms], holder);
  }

  function draw(box) {
    var columns = JSON.parse(box.dataset.chart);
    var kinds = { outcomes: outcomes, latency: latency };
    var plots = [];
    box.querySelectorAll(".plot").forEach(function (holder) {
      holder.replaceChildren();
      plots.push([kinds[holder.dataset.plot](box, holder, columns), holder]);
    });
    return plots;
  }

  var drawn = new Map();
  var resized = new ResizeObserver(function (entries) {
    entries.forEach(function (entry) {
      (drawn.get(entry.target) || []).forEach(function (pair) {
        pair[0].setSize({ width: pair[1].clientWidth, height: 160 });
      });
    });
  });

  function drawAll() {
    // A part that was fetched again brings new boxes; the old ones are gone.
    drawn.forEach(function (plots, box) {
      if (box.isConnected) return;
      plots.forEach(function (pair) { pair[0].destroy(); });
      resized.unobserve(box);
      drawn.delete(box);
    });
    document.querySelectorAll(".charts").forEach(function (box) {
      if (!drawn.has(box)) resized.observe(box);
      drawn.set(box, draw(box));
    });
  }

  document.addEventListener("plaudit:theme", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  document.addEventListener("htmx:afterSwap", function (event) {
    if (event.target.querySelector(".charts")) drawAll();
  });
  drawAll();
})();
