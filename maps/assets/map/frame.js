// The frame around the map: title, stamp, controls, coordinates.
(function (gis) {
  "use strict";

  function titleBox() {
    const config = gis.config;
    const box = gis.element("header", "gis-title");
    const head = gis.element("div", "gis-title-head");
    head.appendChild(gis.element("h1", "", config.heading));
    if (config.synthetic) {
      const stamp = gis.element("span", "gis-stamp", "合成数据");
      stamp.title = "示意数据,由程序合成,不代表真实情况";
      head.appendChild(stamp);
    }
    box.appendChild(head);
    if ((config.others || []).length) head.appendChild(otherCommunities(config.others));
    if (config.answer) {
      box.appendChild(gis.element("p", "gis-finding", config.answer.finding));
    }
    box.appendChild(gis.element("p", "", config.subtitle));
    gis.makeSearch(box);
    L.DomEvent.disableClickPropagation(box);
    document.body.appendChild(box);
    // Controls and the first view begin below the title, however many lines it has.
    document.documentElement.style.setProperty("--title-bottom", box.offsetTop + box.offsetHeight + "px");
    return box;
  }

  // Where the service holds several communities, the served page leads to the others.
  function otherCommunities(others) {
    const choice = gis.element("select", "gis-others");
    choice.setAttribute("aria-label", "换一个社区");
    choice.appendChild(gis.element("option", "", "换社区…"));
    for (const other of others) {
      const option = gis.element("option", "", other.name);
      option.value = other.code;
      choice.appendChild(option);
    }
    choice.addEventListener("change", () => {
      if (choice.selectedIndex > 0) location.href = "/?f=html&community=" + encodeURIComponent(choice.value);
    });
    return choice;
  }

  function button(container, className, title, action) {
    const link = L.DomUtil.create("a", className, container);
    link.href = "#";
    link.title = title;
    link.setAttribute("role", "button");
    link.setAttribute("aria-label", title);
    L.DomEvent.on(link, "click", L.DomEvent.stop).on(link, "click", action);
    return link;
  }

  const Tools = L.Control.extend({
    options: { position: "topleft" },
    onAdd: function (map) {
      const bar = L.DomUtil.create("div", "leaflet-bar");
      const [west, south, east, north] = gis.config.bbox;
      button(bar, "gis-icon gis-icon-home", "回到全域", () => gis.fitHome(L.latLngBounds([south, west], [north, east])));
      button(bar, "gis-icon gis-icon-locate", "定位到我的位置", () => map.locate({ setView: true, maxZoom: 17, timeout: 15000 }));
      button(bar, "gis-icon gis-icon-measure", "量距离和面积", gis.makeMeasure(map));
      if (gis.isWhole()) {
        button(bar, "gis-icon gis-icon-ask", "查最近、所在、筛选", gis.makeAsking(map));
      }
      L.DomEvent.disableClickPropagation(bar);
      return bar;
    },
  });

  function watchLocation(map) {
    const shown = L.layerGroup().addTo(map);
    map.on("locationfound", (event) => {
      shown.clearLayers();
      const common = { interactive: false, rank: 9.6e4, color: "#1864ab", weight: 1 };
      shown.addLayer(L.circle(event.latlng, Object.assign({}, common, { radius: event.accuracy, fillOpacity: 0.12 })));
      shown.addLayer(L.circleMarker(event.latlng, Object.assign({}, common, {
        radius: 7, weight: 2.5, color: "#fff", fillColor: "#1971c2", fillOpacity: 1,
      })));
      gis.tell("");
    });
    map.on("locationerror", (event) => {
      const reason = event.code === 1 ? "浏览器没有允许定位,请在地址栏左侧打开位置权限" : "当前设备给不出位置";
      gis.tell("无法定位:" + reason + "(只有 https 或本机地址能定位)", "知道了", () => gis.tell(""));
    });
  }

  // The line at the bottom: coordinates under the pointer, reference system, whose data it is.
  function statusLine(map) {
    const line = gis.element("footer", "gis-status");
    const place = gis.element("span", "gis-place", "");
    const credit = gis.element("span", "gis-credit");
    line.appendChild(place);
    line.appendChild(credit);
    document.body.appendChild(line);
    const tell = (at) => (place.textContent = at.lng.toFixed(6) + "°E  " + at.lat.toFixed(6) + "°N");
    map.on("mousemove", (event) => tell(event.latlng));
    map.on("moveend", () => tell(map.getCenter()));
    gis.tellAttribution = (extra) => {
      const parts = [gis.config.crs].concat(gis.config.attributions, extra || []);
      credit.textContent = parts.filter(Boolean).join(" · ");
    };
    gis.tellAttribution("");
  }

  // Fits the community into the part of the window that title and panel leave free.
  gis.fitHome = function (bounds) {
    const phone = window.matchMedia("(max-width: 640px)").matches;
    const panel = document.querySelector(".gis-panel");
    const right = phone ? 12 : !panel || !panel.classList.contains("gis-closed") ? 322 : 24;
    const legend = gis.legend && !gis.legend.hidden ? gis.legend : null;
    const bottom = phone ? 78 + (legend ? legend.offsetHeight : 0) : 40;
    // Beside the title or below it and beside the legend: whichever leaves the community larger.
    const snap = gis.map.options.zoomSnap;
    // The opening view fits exactly; zooming by hand goes in the map's steps again.
    gis.map.options.zoomSnap = 0;
    const title = document.querySelector(".gis-title");
    const below = title.offsetTop + title.offsetHeight + 16;
    const beside = legend ? legend.offsetLeft + legend.offsetWidth + 12 : 70;
    const corners = phone ? [[12, below]] : [[Math.max(356, beside), 24], [beside, below]];
    const zoomFor = (corner) => gis.map.getBoundsZoom(bounds, false, L.point(corner[0] + right, corner[1] + bottom));
    const best = corners.reduce((a, b) => (zoomFor(b) > zoomFor(a) ? b : a));
    gis.map.fitBounds(bounds, { paddingTopLeft: best, paddingBottomRight: [right, bottom], animate: false });
    gis.map.options.zoomSnap = snap;
  };

  gis.makeFrame = function (map) {
    gis.message = gis.element("div", "gis-message");
    gis.message.setAttribute("role", "status");
    gis.message.hidden = true;
    document.body.appendChild(gis.message);
    titleBox();
    L.control.zoom({ position: "topleft", zoomInTitle: "放大", zoomOutTitle: "缩小" }).addTo(map);
    new L.Control.FullScreen({
      position: "topleft", title: "全屏", titleCancel: "退出全屏", forceSeparateButton: true,
      // The whole document, not the map alone: title and legend lie beside the map's element.
      fullscreenElement: document.documentElement,
    }).addTo(map);
    new Tools().addTo(map);
    L.control.scale({ imperial: false, maxWidth: 140 }).addTo(map);
    watchLocation(map);
    statusLine(map);
  };
})((window.gis = window.gis || {}));
