// Voilà asks for MathJax as soon as a text holds a $ sign. Nothing here is a formula, so what it gets does nothing.
window.MathJax = new Proxy(function () {}, {
  get: function (target, name) { return name === "then" || typeof name === "symbol" ? undefined : window.MathJax; },
  apply: function () { return window.MathJax; },
});
