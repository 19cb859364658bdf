// Sets the theme before anything is drawn, so that no page flashes.
(function () {
  "use strict";
  var chosen = null;
  try { chosen = localStorage.getItem("plaudit-theme"); } catch (error) { /* storage is refused */ }
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
