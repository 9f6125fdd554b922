// Layers too large to fetch whole: what stands in view comes square by square, and squares long out of view go again.
(function (gis) {
  "use strict";

  const ZOOM = 16;
  const MOST = 80;

  gis.SQUARE_ZOOM = ZOOM;

  // The squares in view are the tiles of one zoom, so that browsers and servers keep the same ones.
  function squaresIn(bounds) {
    const at = (point) => gis.map.project(point, ZOOM).divideBy(256).floor();
    const [first, last] = [at(bounds.getNorthWest()), at(bounds.getSouthEast())];
    const found = [];
    for (let x = first.x; x <= last.x; x += 1) {
      for (let y = first.y; y <= last.y; y += 1) {
        found.push(x + "/" + y);
      }
    }
    return found;
  }

  function boxOf(key) {
    const [x, y] = key.split("/").map(Number);
    const southWest = gis.map.unproject([x * 256, (y + 1) * 256], ZOOM);
    const northEast = gis.map.unproject([(x + 1) * 256, y * 256], ZOOM);
    return [southWest.lng, southWest.lat, northEast.lng, northEast.lat].map((value) => value.toFixed(7)).join(",");
  }

  // A feature on the edge comes with two squares; it stays while one of them does.
  function drop(layer, key) {
    for (const id of layer.squares.get(key)) {
      const held = layer.held.get(id);
      held.squares -= 1;
      if (!held.squares) {
        held.feature.paths.forEach((path) => layer.group_.removeLayer(path));
        layer.held.delete(id);
      }
    }
    layer.squares.delete(key);
  }

  function add(layer, key, collection) {
    const ids = [];
    for (const item of collection.features) {
      const held = layer.held.get(item.id);
      if (held) {
        held.squares += 1;
      } else {
        const feature = gis.addFeature(layer, item);
        if (!feature) {
          continue;
        }
        layer.held.set(item.id, { feature: feature, squares: 1 });
      }
      ids.push(item.id);
    }
    layer.squares.set(key, ids);
  }

  async function fetchSquares(layer, keys) {
    const queue = keys.slice();
    const work = async () => {
      for (let key = queue.shift(); key && !layer.failed; key = queue.shift()) {
        layer.squares.set(key, []);
        try {
          add(layer, key, await gis.fetchFeatures(layer.url + "&bbox=" + boxOf(key)));
        } catch (error) {
          layer.squares.delete(key);
          layer.failed = error.message;
        }
      }
    };
    await Promise.all([work(), work(), work(), work()]);
  }

  let running = Promise.resolve();

  // Brings the layers in line with the view; called whenever the map rests or one of them is switched on. One run
  // follows another, each for the view there is by then.
  gis.loadSquares = function () {
    running = running.then(run);
    return running;
  };

  async function run() {
    const large = gis.layers.filter((layer) => layer.squared && layer.on && layer.loaded);
    if (!large.length || gis.map.getZoom() < ZOOM) {
      return;
    }
    const wanted = squaresIn(gis.map.getBounds());
    for (const layer of large) {
      layer.failed = null;
      if (layer.squares.size > MOST) {
        [...layer.squares.keys()].filter((key) => !wanted.includes(key)).forEach((key) => drop(layer, key));
      }
      const missing = wanted.filter((key) => !layer.squares.has(key));
      if (missing.length) {
        gis.tell("正在载入视野内的" + layer.title);
        await fetchSquares(layer, missing);
        gis.tell("");
      }
      layer.features = [...layer.held.values()].map((held) => held.feature);
      gis.drawn[layer.name] = layer.features.length;
      gis.forgetSearch();
      if (layer.failed) {
        gis.tell("图层载入失败:" + layer.title + "(" + layer.failed + ")", "重试", gis.loadSquares);
      }
    }
    gis.labels.redraw();
    gis.tellPanel();
  }
})((window.gis = window.gis || {}));
