// What is gained step by step, drawn: one point for each number, with its value beside it.
(function (gis) {
  "use strict";

  const WIDTH = 280;
  const HEIGHT = 132;
  const LEFT = 16;
  const RIGHT = 34;
  const TOP = 20;
  const BOTTOM = 30;

  function part(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, String(value)));
    if (text !== undefined) {
      made.textContent = text;
    }
    return made;
  }

  const written = (value) => value.toLocaleString("zh-CN", { maximumFractionDigits: 1 });

  // Returns a figure; readers of screens get the same values as a sentence.
  gis.drawCurve = function (curve) {
    const values = [0].concat(curve.values);
    const most = Math.max(...values) || 1;
    const x = (number) => LEFT + ((WIDTH - LEFT - RIGHT) * number) / (values.length - 1);
    const y = (value) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * value) / most;
    const picture = part("svg", { viewBox: "0 0 " + WIDTH + " " + HEIGHT, role: "img" });
    const said = curve.values.map((value, at) => at + 1 + " " + curve.step + " " + written(value) + " " + curve.unit);
    picture.setAttribute("aria-label", curve.title + ":" + said.join(","));
    picture.appendChild(part("line", { x1: LEFT, y1: y(0), x2: WIDTH - RIGHT, y2: y(0), class: "gis-curve-base" }));
    const points = values.map((value, at) => x(at).toFixed(1) + "," + y(value).toFixed(1));
    picture.appendChild(part("polyline", { points: points.join(" "), class: "gis-curve-line" }));
    values.forEach((value, at) => {
      if (at) {
        const point = part("circle", { cx: x(at), cy: y(value), r: 3.5, class: "gis-curve-point" });
        point.appendChild(part("title", {}, "比少一" + curve.step + "多 " + written(value - values[at - 1]) + " " + curve.unit));
        picture.appendChild(point);
        picture.appendChild(part("text", { x: x(at), y: y(value) - 8, class: "gis-curve-value" }, written(value)));
      }
      picture.appendChild(part("text", { x: x(at), y: HEIGHT - 12, class: "gis-curve-number" }, String(at)));
    });
    picture.appendChild(part("text", { x: WIDTH - RIGHT + 10, y: HEIGHT - 12, class: "gis-curve-unit" }, curve.step));
    const figure = gis.element("figure", "gis-curve");
    figure.appendChild(gis.element("figcaption", "", curve.title + "(" + curve.unit + ")"));
    figure.appendChild(picture);
    return figure;
  };
})((window.gis = window.gis || {}));
