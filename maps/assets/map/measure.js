// Measuring: lengths and areas on the CGCS2000 ellipsoid, so that they agree with the metric system of the sheets.
(function (gis) {
  "use strict";

  const A = 6378137;
  const E2 = 0.00669438002290; // CGCS2000: f = 1/298.257222101
  const RADIAN = Math.PI / 180;

  gis.ELLIPSOID = { a: A, e2: E2 };

  // Radii of curvature in metres at a latitude: along the meridian, and across it.
  function radii(lat) {
    const w = 1 - E2 * Math.sin(lat * RADIAN) ** 2;
    return { meridian: (A * (1 - E2)) / w ** 1.5, across: A / Math.sqrt(w) };
  }

  gis.lengthOf = function (points) {
    let metres = 0;
    for (let i = 1; i < points.length; i += 1) {
      const lat = (points[i].lat + points[i - 1].lat) / 2;
      const r = radii(lat);
      const dx = (points[i].lng - points[i - 1].lng) * RADIAN * r.across * Math.cos(lat * RADIAN);
      const dy = (points[i].lat - points[i - 1].lat) * RADIAN * r.meridian;
      metres += Math.hypot(dx, dy);
    }
    return metres;
  };

  // Area in m² on a transverse Mercator plane through the first point: like the sheets' metric system, but with its
  // central meridian here, so that over a community neither scale nor bent parallels change the sixth digit.
  gis.areaOf = function (points) {
    const start = points[0];
    const plane = points.map((point) => {
      const across = radii(point.lat).across;
      const sin = Math.sin(point.lat * RADIAN);
      const cos = Math.cos(point.lat * RADIAN);
      const turn = (point.lng - start.lng) * RADIAN;
      return {
        x: across * cos * turn * (1 + (turn * turn * (cos * cos - sin * sin)) / 6),
        y: (point.lat - start.lat) * RADIAN * radii((point.lat + start.lat) / 2).meridian + (across * sin * cos * turn * turn) / 2,
      };
    });
    let sum = 0;
    for (let i = 0, j = plane.length - 1; i < plane.length; j = i, i += 1) {
      sum += plane[j].x * plane[i].y - plane[i].x * plane[j].y;
    }
    return Math.abs(sum) / 2;
  };

  function lengthText(metres) {
    return metres >= 1000 ? (metres / 1000).toFixed(3) + " 千米" : metres.toFixed(1) + " 米";
  }

  function areaText(square) {
    const mu = " (" + (square / 666.667).toFixed(2) + " 亩)";
    return (square >= 1e6 ? (square / 1e6).toFixed(4) + " 平方千米" : square.toFixed(1) + " 平方米") + mu;
  }

  gis.makeMeasure = function (map) {
    const bar = gis.element("div", "gis-measure");
    bar.hidden = true;
    const text = gis.element("span", "gis-measure-text");
    const undo = gis.element("button", "gis-button", "撤销一点");
    const clear = gis.element("button", "gis-button", "清除");
    const stop = gis.element("button", "gis-button", "结束");
    [text, undo, clear, stop].forEach((part) => bar.appendChild(part));
    document.body.appendChild(bar);
    const drawn = L.layerGroup().addTo(map);
    let points = [];
    let active = false;

    function redraw(pointer) {
      drawn.clearLayers();
      const shown = pointer ? points.concat(pointer) : points;
      const common = { interactive: false, rank: 9.5e4, color: "#c2255c", weight: 2.5 };
      if (shown.length > 2) {
        drawn.addLayer(L.polygon(shown, Object.assign({}, common, { fillOpacity: 0.12, dashArray: "5 4", weight: 1.2 })));
      }
      drawn.addLayer(L.polyline(shown, common));
      points.forEach((point) => {
        drawn.addLayer(L.circleMarker(point, Object.assign({}, common, { radius: 4, fillColor: "#fff", fillOpacity: 1 })));
      });
      text.textContent = !points.length
        ? "点击地图量距离;三点以上同时得出面积"
        : "长度 " + lengthText(gis.lengthOf(shown)) + (shown.length > 2 ? " · 面积 " + areaText(gis.areaOf(shown)) : "");
    }

    // Clicks are taken before any feature gets them, so measuring over a house does not open its popup.
    const take = (event) => {
      if (event.target.closest(".leaflet-control, .leaflet-popup")) {
        return;
      }
      event.stopPropagation();
      if (!map.dragging.moved || !map.dragging.moved()) {
        points.push(map.mouseEventToLatLng(event));
        redraw();
      }
    };
    const follow = (event) => points.length && redraw(event.latlng);

    function activate(on) {
      active = on;
      bar.hidden = !on;
      points = [];
      drawn.clearLayers();
      map.closePopup();
      gis.measuring = on;
      L.DomUtil[on ? "addClass" : "removeClass"](map.getContainer(), "gis-crosshair");
      map.getContainer()[on ? "addEventListener" : "removeEventListener"]("click", take, true);
      map[on ? "on" : "off"]("mousemove", follow);
      map.doubleClickZoom[on ? "disable" : "enable"]();
      if (on) {
        redraw();
      }
    }

    undo.addEventListener("click", () => {
      points.pop();
      redraw();
    });
    clear.addEventListener("click", () => {
      points = [];
      redraw();
    });
    stop.addEventListener("click", () => activate(false));
    gis.stopMeasuring = () => active && (activate(false), true);
    return () => activate(!active);
  };
})((window.gis = window.gis || {}));
