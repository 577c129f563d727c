// Runs before the first paint and before the program is there.
(function () {
  // A dark console does not flash white.
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

  // The files of this page come beside the program, not behind it.
  var known = document.querySelector('meta[name="pages"]');
  var pages = known ? JSON.parse(known.content) : {};
  var path = document.location.pathname;
  var files = pages[path] || (path.indexOf("/alerts/") === 0 ? pages["/alerts/"] : undefined) || [];
  files.forEach(function (file) {
    var link = document.createElement("link");
    var style = /\.css$/.test(file);
    link.rel = style ? "preload" : "modulepreload";
    if (style) link.as = "style";
    link.href = "/" + file;
    document.head.appendChild(link);
  });
})();
