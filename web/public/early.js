// Runs before the first paint, so that a dark console does not flash white.
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem("matluoi.theme");
  } catch (error) {
    // Storage may be forbidden; the system's theme serves.
  }
  if (theme !== "light" && theme !== "dark") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.dataset.theme = theme;
})();
