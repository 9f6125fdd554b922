// Finding what stands in the page by what it is called: the ranks and the order of the service's answers to /search
// (gis_service/features/search.py).
(function (gis) {
  "use strict";

  const PART = 5;
  const LAST = 10;
  const collator = new Intl.Collator("zh-u-kn-true");
  let index = null;

  const filled = (value) => (value === undefined || value === null ? null : String(value));

  // The address, or the street with the number of the house.
  function addressOf(layer, properties) {
    if (!layer.fieldsByName.has("address")) {
      return null;
    }
    const street = layer.fieldsByName.has("house_number") ? filled(properties.street) : null;
    return filled(properties.address) || (street && street + (filled(properties.house_number) || ""));
  }

  function entryOf(layer, feature) {
    const properties = feature.properties;
    const code = filled(properties.code) || "";
    const name = layer.theme ? gis.labelOf(feature) || null : filled(properties.name);
    const address = addressOf(layer, properties);
    const other = address === name ? null : address;
    const called = [name, other].concat(layer.called.map((field) => filled(properties[field])));
    return {
      layer: layer,
      feature: feature,
      code: code,
      lower: code.toLowerCase(),
      name: name,
      address: address,
      other: other,
      called: called.filter((text) => text !== null).join("\n"),
    };
  }

  // What every feature that stands in the page is called.
  gis.indexNames = async function () {
    if (!index) {
      const own = gis.listed.filter((layer) => layer.url === null);
      await Promise.all(own.map((layer) => layer.loaded || gis.loadLayer(layer)));
      index = own.flatMap((layer) => (layer.features || []).map((feature) => entryOf(layer, feature)));
    }
  };

  // An upload may have changed a layer that was loaded again; a failed one may have come later.
  gis.forgetSearch = () => (index = null);

  // The rank by name and other address: whole, or their beginning.
  function byBeginning(entry, manner, before) {
    if (entry.name !== null && manner.first.test(entry.name)) {
      return before + (manner.whole.test(entry.name) ? 1 : 3);
    }
    if (entry.other !== null && manner.first.test(entry.other)) {
      return before + (manner.whole.test(entry.other) ? 2 : 4);
    }
    return null;
  }

  // How well an entry answers, 0 the best; null where it doesn't.
  function rankOf(entry, spelled, inCode) {
    const sounds = (manner) => manner.words.every((pattern) => pattern.test(entry.called));
    const hasCode = inCode ? entry.lower.includes(spelled.text) : entry.lower === spelled.text;
    if (!hasCode && !sounds(spelled.bySound ? spelled.heard : spelled.written)) {
      return null;
    }
    if (entry.lower === spelled.text) {
      return 0;
    }
    const ofCode = entry.lower.startsWith(spelled.text) ? 3 : PART;
    if (!spelled.bySound || sounds(spelled.written)) {
      return byBeginning(entry, spelled.written, 0) || ofCode;
    }
    return hasCode ? ofCode : byBeginning(entry, spelled.heard, PART) || LAST;
  }

  const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

  function inOrder(a, b) {
    return (
      a.rank - b.rank ||
      b.layer.broad - a.layer.broad ||
      collator.compare(a.label, b.label) ||
      byText(a.label, b.label) ||
      a.position - b.position ||
      byText(a.code, b.code)
    );
  }

  // The segments of a road that bear one name are one hit: the best rank, the first code.
  function joined(roads) {
    const streets = new Map();
    for (const hit of roads) {
      const key = hit.name === null ? hit.code : hit.name;
      const street = streets.get(key);
      if (!street) {
        streets.set(key, Object.assign(hit, { label: key }));
        continue;
      }
      street.segments += 1;
      street.rank = Math.min(street.rank, hit.rank);
      if (hit.code < street.code) {
        Object.assign(street, { code: hit.code, feature: hit.feature });
      }
    }
    return [...streets.values()];
  }

  // The best hits first, of what gis.indexNames has read.
  gis.findNamed = function (spelled) {
    const inCode = /^[\x00-\x7f]*$/.test(spelled.text);
    // The ground's layers in their order, then the themes.
    const order = gis.listed.filter((layer) => !layer.theme).concat(gis.listed.filter((layer) => layer.theme));
    const positions = new Map(order.map((layer, i) => [layer, i]));
    const hits = [];
    for (const entry of index) {
      const rank = rankOf(entry, spelled, inCode);
      if (rank !== null) {
        hits.push({
          layer: entry.layer, feature: entry.feature, code: entry.code, name: entry.name, rank: rank, segments: 1,
          label: entry.name || entry.address || entry.code, position: positions.get(entry.layer),
        });
      }
    }
    const roads = joined(hits.filter((hit) => hit.layer.name === "road"));
    return hits.filter((hit) => hit.layer.name !== "road").concat(roads).sort(inOrder);
  };
})((window.gis = window.gis || {}));
