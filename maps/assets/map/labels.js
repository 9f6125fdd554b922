// Labels: written on a canvas of their own above the map, the important first, none over another.
(function (gis) {
  "use strict";

  const CELL = 40;
  const FAMILY = '"Noto Sans CJK SC","Noto Sans SC","PingFang SC","Microsoft YaHei","WenQuanYi Micro Hei",sans-serif';

  // The earlier a layer's labels begin, the more its names order the map: grids before estates before streets.
  function fontOf(layer) {
    if (layer.geometry === "MULTILINESTRING") {
      return { size: 11.5, weight: 500 };
    }
    if (layer.style.labelledFrom <= 13) {
      return { size: 16, weight: 700 };
    }
    return layer.style.labelledFrom <= 15 ? { size: 13, weight: 600 } : { size: 11, weight: 400 };
  }

  // The layer's own outline colour, darkened until it reads on a light ground.
  function inkOf(layer) {
    const color = layer.style.fill !== null && layer.geometry === "MULTILINESTRING" ? "#5c6066" : layer.style.color;
    const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    const mixed = parts.map((part, i) => Math.round(part * 0.45 + [32, 40, 50][i] * 0.55));
    return "rgb(" + mixed.join(",") + ")";
  }

  // Remembers where letters stand, as circles on a lattice.
  class Occupied {
    constructor() {
      this.cells = new Map();
    }

    free(circles) {
      return circles.every((circle) => {
        for (let cx = -1; cx <= 1; cx += 1) {
          for (let cy = -1; cy <= 1; cy += 1) {
            const key = Math.floor(circle.x / CELL) + cx + ":" + (Math.floor(circle.y / CELL) + cy);
            for (const other of this.cells.get(key) || []) {
              if (Math.hypot(other.x - circle.x, other.y - circle.y) < other.r + circle.r) {
                return false;
              }
            }
          }
        }
        return true;
      });
    }

    take(circles) {
      for (const circle of circles) {
        const key = Math.floor(circle.x / CELL) + ":" + Math.floor(circle.y / CELL);
        this.cells.set(key, (this.cells.get(key) || []).concat(circle));
      }
    }
  }

  function circlesAlong(x, y, angle, width, size) {
    const count = Math.max(1, Math.round(width / size));
    const circles = [];
    for (let i = 0; i < count; i += 1) {
      const offset = ((i + 0.5) / count - 0.5) * width;
      circles.push({ x: x + offset * Math.cos(angle), y: y + offset * Math.sin(angle), r: size * 0.62 });
    }
    return circles;
  }

  gis.Labels = L.Layer.extend({
    onAdd: function (map) {
      const pane = map.getPane("gis-labels") || map.createPane("gis-labels");
      pane.style.zIndex = 450;
      pane.style.pointerEvents = "none";
      this._canvas = L.DomUtil.create("canvas", "gis-labels", pane);
      this._context = this._canvas.getContext("2d");
      map.on("moveend zoomend resize viewreset", this.redraw, this);
      map.on("zoomstart", this._hide, this);
      this.redraw();
    },

    _hide: function () {
      this._canvas.style.opacity = 0;
    },

    redraw: function () {
      this._request = this._request || L.Util.requestAnimFrame(this._draw, this);
    },

    _draw: function () {
      this._request = null;
      const map = this._map;
      const size = map.getSize();
      const ratio = window.devicePixelRatio || 1;
      this._origin = map.containerPointToLayerPoint([0, 0]);
      L.DomUtil.setPosition(this._canvas, this._origin);
      this._canvas.width = size.x * ratio;
      this._canvas.height = size.y * ratio;
      this._canvas.style.width = size.x + "px";
      this._canvas.style.height = size.y + "px";
      this._canvas.style.opacity = 1;
      const context = this._context;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.lineJoin = "round";
      this._size = size;
      this._occupied = new Occupied();
      this._named = new Map();
      const zoom = map.getZoom();
      const layers = gis.layers
        .filter((layer) => layer.loaded && layer.on && layer.style.labelledFrom !== null)
        .filter((layer) => zoom >= Math.max(layer.style.labelledFrom, layer.style.minZoom))
        .sort((a, b) => a.style.labelledFrom - b.style.labelledFrom || b.style.order - a.style.order);
      let left = 350;
      let reserved = false;
      for (const layer of layers) {
        // Names of single things keep clear of symbols; the names that order the map are written over them.
        if (!reserved && fontOf(layer).size < 13) {
          this._reserveSymbols(zoom);
          reserved = true;
        }
        left -= this._drawLayer(layer, left);
      }
    },

    _reserveSymbols: function (zoom) {
      const view = this._map.getBounds();
      for (const layer of gis.layers) {
        if (!layer.loaded || !layer.on || zoom < layer.style.minZoom) {
          continue;
        }
        for (const feature of gis.filtered(layer)) {
          const path = feature.paths[0];
          if (path instanceof gis.Symbol && view.contains(path.getLatLng())) {
            const at = this._map.latLngToContainerPoint(path.getLatLng());
            this._occupied.take([{ x: at.x, y: at.y, r: path._radius * 0.8 }]);
          }
        }
      }
    },

    _drawLayer: function (layer, limit) {
      const font = fontOf(layer);
      const context = this._context;
      context.font = font.weight + " " + font.size + "px " + FAMILY;
      this._ink = inkOf(layer);
      const view = this._map.getBounds();
      const found = gis.filtered(layer)
        .filter((feature) => view.intersects(gis.boundsOf(feature)))
        .map((feature) => ({ feature: feature, text: gis.labelOf(feature).slice(0, 24) }))
        .filter((item) => item.text);
      let written = 0;
      for (const item of found.slice(0, 4000)) {
        if (written >= limit) {
          break;
        }
        const width = context.measureText(item.text).width;
        const path = item.feature.paths[0];
        if (path instanceof gis.Line) {
          written += this._writeAlong(path, item.text, width, font.size);
        } else if (path instanceof gis.Area) {
          written += this._writeInside(item.feature, path, item.text, width, font);
        } else {
          written += this._writeBeside(path, item.text, width, font.size);
        }
      }
      return written;
    },

    _writeInside: function (feature, path, text, width, font) {
      const at = this._map.latLngToContainerPoint(gis.anchorOf(feature));
      const box = path._pxBounds ? path._pxBounds.getSize() : { x: 0 };
      // Names that order the map may reach over their area; a building's number must fit in.
      if (font.size < 13 && box.x < width * 0.85) {
        return 0;
      }
      const shifts = font.size < 13 ? [0, font.size * 1.1, -font.size * 1.1] : [0];
      return shifts.some((dy) => this._write(text, at.x, at.y + dy, 0, width, font.size)) ? 1 : 0;
    },

    _writeBeside: function (path, text, width, size) {
      const at = this._map.latLngToContainerPoint(path.getLatLng());
      const gap = path._radius + 3;
      for (const [dx, dy] of [[gap + width / 2, 0], [0, gap + size / 2], [-gap - width / 2, 0], [0, -gap - size / 2]]) {
        if (this._write(text, at.x + dx, at.y + dy, 0, width, size)) {
          return 1;
        }
      }
      return 0;
    },

    // Writes a street's name along a straight enough stretch, again every 480 px; the same name keeps its distance.
    _writeAlong: function (path, text, width, size) {
      const need = width + 8;
      let written = 0;
      for (const ring of path._rings || []) {
        const line = ring.map((point) => point.subtract(this._origin));
        const along = [0];
        for (let i = 1; i < line.length; i += 1) {
          along.push(along[i - 1] + line[i].distanceTo(line[i - 1]));
        }
        const length = along[along.length - 1];
        if (length < need) {
          continue;
        }
        const starts = [];
        for (let start = 0; start + need <= length && starts.length < 400; start += 30) {
          starts.push(start);
        }
        const middle = (length - need) / 2;
        starts.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
        for (const start of starts) {
          const from = pointAt(line, along, start);
          const to = pointAt(line, along, start + need);
          if (from.distanceTo(to) < need * 0.97) {
            continue;
          }
          const x = (from.x + to.x) / 2;
          const y = (from.y + to.y) / 2;
          const inside = x > need / 2 && y > 12 && x < this._size.x - need / 2 && y < this._size.y - 12;
          const near = (this._named.get(text) || []).some((other) => Math.hypot(other.x - x, other.y - y) < 480);
          if (inside && !near && this._write(text, x, y, Math.atan2(to.y - from.y, to.x - from.x), width, size)) {
            this._named.set(text, (this._named.get(text) || []).concat({ x: x, y: y }));
            written += 1;
          }
        }
      }
      return written;
    },

    _write: function (text, x, y, angle, width, size) {
      if (x < -width || y < -20 || x > this._size.x + width || y > this._size.y + 20) {
        return 0;
      }
      const circles = circlesAlong(x, y, angle, width, size);
      if (!this._occupied.free(circles)) {
        return 0;
      }
      this._occupied.take(circles);
      const context = this._context;
      context.strokeStyle = "rgba(255,255,255,.9)";
      context.lineWidth = size > 14 ? 4 : 3;
      context.fillStyle = this._ink;
      let upright = angle;
      if (upright > Math.PI / 2) {
        upright -= Math.PI;
      } else if (upright <= -Math.PI / 2) {
        upright += Math.PI;
      }
      // Chinese names of steep streets are written downward with upright characters.
      if (Math.abs(upright) > 0.95 && /^[\u2e80-\u9fff\uf900-\ufaff]+$/.test(text)) {
        const down = upright > 0 ? upright : upright + Math.PI;
        const step = width / text.length;
        for (const paint of ["strokeText", "fillText"]) {
          Array.from(text).forEach((character, i) => {
            const offset = (i - (text.length - 1) / 2) * step;
            context[paint](character, x + offset * Math.cos(down), y + offset * Math.sin(down));
          });
        }
        return 1;
      }
      context.save();
      context.translate(x, y);
      context.rotate(upright);
      context.strokeText(text, 0, 0);
      context.fillText(text, 0, 0);
      context.restore();
      return 1;
    },
  });

  function pointAt(line, along, distance) {
    let i = 1;
    while (i < along.length - 1 && along[i] < distance) {
      i += 1;
    }
    const part = along[i] === along[i - 1] ? 0 : (distance - along[i - 1]) / (along[i] - along[i - 1]);
    return L.point(
      line[i - 1].x + (line[i].x - line[i - 1].x) * part,
      line[i - 1].y + (line[i].y - line[i - 1].y) * part,
    );
  }
})((window.gis = window.gis || {}));
