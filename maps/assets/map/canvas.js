// Drawing: one canvas for all layers, in the order the layers declare, with symbols and widths that follow the zoom.
(function (gis) {
  "use strict";

  // Symbols shrink when zoomed out, so that a dense estate does not become one blot; 1 at zoom 16.5.
  gis.scaleAt = function (zoom) {
    return Math.min(1.3, Math.max(0.36, 1 + (zoom - 16.5) * 0.2));
  };

  gis.metresPerPixel = function (map) {
    const latitude = (map.getCenter().lat * Math.PI) / 180;
    return (156543.03392 * Math.cos(latitude)) / Math.pow(2, map.getZoom());
  };

  // Traces a point symbol of radius r; the shapes are given about the same area, not the same width.
  gis.traceShape = function (context, shape, x, y, r) {
    const turn = { diamond: [4, 0, 1.2], triangle: [3, -Math.PI / 2, 1.25], hexagon: [6, 0, 1.05] }[shape];
    context.beginPath();
    if (shape === "square") {
      context.rect(x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r);
    } else if (shape === "cross") {
      const arm = 1.1 * r;
      const half = 0.36 * r;
      context.moveTo(x - half, y - arm);
      for (const [dx, dy] of [
        [half, -arm], [half, -half], [arm, -half], [arm, half], [half, half], [half, arm],
        [-half, arm], [-half, half], [-arm, half], [-arm, -half], [-half, -half],
      ]) {
        context.lineTo(x + dx, y + dy);
      }
      context.closePath();
    } else if (turn) {
      const [corners, start, reach] = turn;
      for (let i = 0; i < corners; i += 1) {
        const angle = start + (2 * Math.PI * i) / corners;
        context[i ? "lineTo" : "moveTo"](x + reach * r * Math.cos(angle), y + reach * r * Math.sin(angle));
      }
      context.closePath();
    } else {
      context.arc(x, y, r, 0, 2 * Math.PI);
    }
  };

  const OrderedCanvas = L.Canvas.extend({
    // Below 1 while tiles are on: areas let the tiles show through.
    fade: 1,

    // Leaflet draws in the order of adding. Layers come when they are loaded or switched on, so the place in its
    // list is found from the declared order instead; runs of one layer go behind each other without a search.
    _initPath: function (path) {
      this._updateDashArray(path);
      this._layers[L.Util.stamp(path)] = path;
      const rank = rankOf(path);
      let before = this._drawLast;
      const recent = this._recent;
      if (recent && recent.layer._order === recent && rankOf(recent.layer) === rank) {
        before = recent;
      }
      while (before && rankOf(before.layer) > rank) {
        before = before.prev;
      }
      while (before && before.next && rankOf(before.next.layer) <= rank) {
        before = before.next;
      }
      const next = before ? before.next : this._drawFirst;
      const order = { layer: path, prev: before || null, next: next || null };
      path._order = order;
      this._recent = order;
      if (before) {
        before.next = order;
      } else {
        this._drawFirst = order;
      }
      if (next) {
        next.prev = order;
      } else {
        this._drawLast = order;
      }
    },

    _fillStroke: function (context, path) {
      const opacity = path.options.fillOpacity;
      path.options.fillOpacity = opacity * this.fade;
      L.Canvas.prototype._fillStroke.call(this, context, path);
      path.options.fillOpacity = opacity;
    },

    _updateSymbol: function (path) {
      if (!this._drawing || path._empty()) {
        return;
      }
      const context = this._ctx;
      const options = path.options;
      const point = path._point;
      const radius = path._radius;
      // A thin white rim keeps symbols apart from each other and from what lies under them.
      if (radius > 2.2) {
        gis.traceShape(context, options.shape, point.x, point.y, radius + Math.min(1.5, radius * 0.28));
        context.fillStyle = "rgba(255,255,255,.92)";
        context.fill();
      }
      gis.traceShape(context, options.shape, point.x, point.y, radius);
      context.globalAlpha = options.fillOpacity;
      context.fillStyle = options.fillColor;
      context.fill();
      context.globalAlpha = 1;
      if (radius > 3) {
        context.setLineDash([]);
        context.lineWidth = Math.min(options.outline, radius / 3);
        context.strokeStyle = options.color;
        context.stroke();
      }
    },
  });

  // The outline of what is overdue.
  gis.OUTLINED = "#111111";

  function rankOf(path) {
    return path.options.rank === undefined ? 1e5 : path.options.rank;
  }

  gis.canvas = function () {
    const coarse = window.matchMedia("(pointer: coarse)").matches;
    return new OrderedCanvas({ padding: 0.3, tolerance: coarse ? 9 : 3 });
  };

  // Whether a path is drawn at the map's zoom; below its layer's smallest zoom it is neither drawn nor hit.
  function visible(path) {
    return path._map && path._map.getZoom() >= (path.options.minZoom || 0);
  }

  function zoomWidth(path) {
    const options = path.options;
    if (options.metres) {
      const pixels = options.metres / gis.metresPerPixel(path._map);
      return Math.min(60, Math.max(options.base * 0.5, pixels)) + (options.extra || 0);
    }
    const scale = Math.min(1.15, gis.scaleAt(path._map.getZoom()));
    return Math.max(0.4, options.base * scale) + (options.extra || 0);
  }

  gis.Line = L.Polyline.extend({
    _project: function () {
      this.options.weight = zoomWidth(this);
      L.Polyline.prototype._project.call(this);
    },
    _updatePath: function () {
      if (visible(this)) {
        L.Polyline.prototype._updatePath.call(this);
      }
    },
    _containsPoint: function (point, closed) {
      return visible(this) && L.Polyline.prototype._containsPoint.call(this, point, closed);
    },
  });

  gis.Area = L.Polygon.extend({
    _project: function () {
      this.options.weight = zoomWidth(this);
      L.Polygon.prototype._project.call(this);
    },
    _updatePath: function () {
      if (visible(this)) {
        L.Polygon.prototype._updatePath.call(this);
      }
    },
    // An open outline is hit on its line only; else a boundary would swallow every click inside it.
    _containsPoint: function (point) {
      if (!visible(this)) {
        return false;
      }
      return this.options.fill
        ? L.Polygon.prototype._containsPoint.call(this, point)
        : L.Polyline.prototype._containsPoint.call(this, point, true);
    },
  });

  gis.Symbol = L.CircleMarker.extend({
    _project: function () {
      this._radius = Math.max(1.4, (this.options.size / 2) * gis.scaleAt(this._map.getZoom()));
      L.CircleMarker.prototype._project.call(this);
    },
    _updatePath: function () {
      if (visible(this)) {
        this._renderer._updateSymbol(this);
      }
    },
    _containsPoint: function (point) {
      return visible(this) && L.CircleMarker.prototype._containsPoint.call(this, point);
    },
  });

  // The symbol of a layer, or of one of its codes, for the legend.
  gis.swatch = function (layer, fill, entry) {
    const style = layer.style;
    const canvas = document.createElement("canvas");
    const ratio = 2;
    canvas.width = 22 * ratio;
    canvas.height = 16 * ratio;
    canvas.className = "gis-swatch";
    canvas.setAttribute("aria-hidden", "true");
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const dash = style.dash ? style.dash.split(/[ ,]+/).map(Number) : [];
    if (layer.geometry === "POINT" || layer.geometry === "GEOMETRY") {
      gis.traceShape(context, (entry && entry.marker) || style.marker, 11, 8, Math.min(6, Math.max(4, style.size / 2)));
      context.fillStyle = fill || style.fill || style.color;
      context.fill();
      const outlined = entry && entry.outlined;
      context.lineWidth = outlined ? 2 : 1;
      context.strokeStyle = outlined ? gis.OUTLINED : style.color;
      context.stroke();
    } else if (layer.geometry === "MULTILINESTRING") {
      const stroke = function (color, width, pattern) {
        context.beginPath();
        context.moveTo(1, 8);
        context.lineTo(21, 8);
        context.strokeStyle = color;
        context.lineWidth = width;
        context.setLineDash(pattern);
        context.stroke();
      };
      const width = Math.min(5, Math.max(1.5, style.width));
      if (style.fill) {
        stroke(style.color, width + 2, []);
        stroke(fill || style.fill, width, dash);
      } else {
        stroke(fill || style.color, width, dash);
      }
    } else {
      context.beginPath();
      context.rect(2, 2.5, 18, 11);
      if (fill || style.fill) {
        context.globalAlpha = Math.max(0.35, style.opacity);
        context.fillStyle = fill || style.fill;
        context.fill();
        context.globalAlpha = 1;
      }
      context.setLineDash(dash);
      context.lineWidth = Math.min(2, Math.max(1, style.width));
      context.strokeStyle = style.color;
      context.stroke();
    }
    return canvas;
  };
})((window.gis = window.gis || {}));
