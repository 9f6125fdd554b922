// The pale ground under a desk's map: the community as the service itself draws it.
/* global L */

const LOOKS = {
  community: { stroke: true, color: "#8d867c", weight: 1.5, dashArray: "8 5", fill: false },
  water: { fillColor: "#d3e3ec" }, green: { fillColor: "#dfe8d6" }, building: { fillColor: "#dedad4" },
  grid: { stroke: true, color: "#a39c92", weight: 1, dashArray: "2 4", fill: false },
  road: { stroke: true, fill: false, color: "#ffffff", weight: 2.5 },
};

// Never fails: without its ground a map still shows what it is for. `first` is given the bounds of the first layer.
export async function drawGround(map, names, community, first) {
  map.createPane("ground").style.zIndex = 250;
  const renderer = L.canvas({ pane: "ground" });
  for (const name of names) {
    const found = await fetch(`/maps/overview/layers/${name}?community=${community}`, {
      credentials: "same-origin", headers: { Accept: "application/geo+json" },
    }).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
    if (found !== null) {
      const drawn = L.geoJSON(found, {
        renderer, pane: "ground", interactive: false,
        style: { stroke: false, fill: true, fillOpacity: 1, ...LOOKS[name] },
      }).addTo(map);
      if (name === names[0] && drawn.getBounds().isValid()) {
        first(drawn.getBounds());
      }
    }
  }
}
