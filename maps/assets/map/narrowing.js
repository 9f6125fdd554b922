// Narrowing a layer to the features with a value of one field, or between two: as /collections/<layer>/items answers.
(function (gis) {
  "use strict";

  const MOST_VALUES = 500;
  const RANGES = new Set(["integer", "number", "date"]);
  const isGiven = (value) => value !== undefined && value !== null;

  // The fields of a layer, and the grid that its features lie in, named where the page holds the grids.
  function fieldsOf(layer) {
    if (layer.fieldsByName.has("grid") || !layer.features.some((feature) => isGiven(feature.properties.grid))) {
      return layer.fields;
    }
    const grids = gis.listed.find((one) => one.name === "grid" && one.loaded);
    const names = grids ? grids.features.map((grid) => [grid.properties.code, gis.titleOf(grid)]) : [];
    return layer.fields.concat({ name: "grid", title: "所属网格", kind: "text", unit: null, codes: new Map(names) });
  }

  const within = (value, low, high) => isGiven(value) && (low === null || value >= low) && (high === null || value <= high);

  // Shows those features of a layer whose field has the value, or lies between low and high (both included, either null
  // for open); without a question all of them. Returns what is left.
  gis.narrow = function (layer, asked) {
    layer.narrowed = !asked
      ? null
      : asked.value !== undefined
        ? (feature) => isGiven(feature.properties[asked.name]) && gis.valuesOf(feature, asked.name).includes(asked.value)
        : (feature) => within(feature.properties[asked.name], asked.low, asked.high);
    gis.redrawLayer(layer);
    gis.map.closePopup();
    gis.tellPanel();
    gis.labels.redraw();
    return gis.filtered(layer);
  };

  // The values that occur, by the words a person reads, with how many features have them.
  function valuesIn(layer, field) {
    const counts = new Map();
    for (const feature of layer.features.filter((one) => isGiven(one.properties[field.name]))) {
      gis.valuesOf(feature, field.name).forEach((value) => counts.set(value, (counts.get(value) || 0) + 1));
    }
    const words = (value) => (field.kind === "boolean" ? gis.show(field, value === "true") : gis.show(field, value));
    return [...counts]
      .map(([value, count]) => [value, words(value) + "(" + count + ")"])
      .sort((a, b) => a[1].localeCompare(b[1], "zh-CN", { numeric: true }));
  }

  function inputOf(type, title, change) {
    const input = gis.element("input");
    Object.assign(input, { type: type, step: "any", autocomplete: "off" });
    input.setAttribute("aria-label", title);
    input.addEventListener("change", change);
    return input;
  }

  // From … to …, of numbers and days.
  function rangeOf(field, ask) {
    const row = gis.element("div", "gis-choice");
    const read = (input) => (input.value === "" ? null : field.kind === "date" ? input.value : Number(input.value));
    const change = () => {
      const [low, high] = [read(from), read(to)];
      ask(low === null && high === null ? null : { name: field.name, low: low, high: high });
    };
    const type = field.kind === "date" ? "date" : "number";
    const [from, to] = ["从", "到"].map((word) => inputOf(type, field.title + word, change));
    row.append(gis.element("span", "", "从…到…" + (field.unit ? "(" + field.unit + ")" : "")), from, to);
    return row;
  }

  // The part of the card that narrows a layer.
  gis.narrowingPart = function (say) {
    const part = gis.element("div");
    const fieldBox = gis.element("div");
    const valueBox = gis.element("div");
    let layer = null;
    let asked = null;

    function answer() {
      if (!layer) {
        say("请选择图层。", []);
        return;
      }
      const left = gis.narrow(layer, asked);
      clear.hidden = !asked;
      const words = (asked ? "筛出 " : "全部 ") + left.length + " 个(" + layer.title + ")";
      const none = "没有找到:“" + layer.title + "”里没有符合的要素。";
      say(left.length ? words : none, left.map((one) => [one, ""]));
    }

    const ask = (question) => {
      asked = question;
      answer();
    };

    function chooseField(name) {
      const field = fieldsOf(layer).find((one) => one.name === name);
      valueBox.replaceChildren();
      ask(null);
      if (!field) {
        return;
      }
      const values = valuesIn(layer, field);
      if (RANGES.has(field.kind)) {
        valueBox.appendChild(rangeOf(field, ask));
      } else if (values.length > MOST_VALUES) {
        const input = inputOf("text", field.title, () => ask(input.value ? { name: name, value: input.value } : null));
        valueBox.appendChild(gis.element("label", "gis-choice")).append(gis.element("span", "", "值"), input);
      } else {
        valueBox.appendChild(gis.choiceOf("值", values, (value) =>
          ask(value === null ? null : { name: name, value: value })));
      }
      if (!values.length) {
        valueBox.appendChild(gis.element("p", "gis-panel-foot", "这个图层没有填“" + field.title + "”。"));
      }
    }

    async function chooseLayer(name) {
      if (layer) {
        gis.narrow(layer, null);
      }
      layer = gis.listed.find((one) => one.name === name) || null;
      asked = null;
      fieldBox.replaceChildren();
      valueBox.replaceChildren();
      if (layer) {
        await gis.loaded([layer].concat(gis.listed.filter((one) => one.name === "grid")));
        await gis.switchLayer(layer, true);
        const fields = fieldsOf(layer).map((field) => [field.name, field.title]);
        fieldBox.appendChild(gis.choiceOf("属性", fields, chooseField, "请选择"));
      }
      answer();
    }

    const clear = gis.pressButton("取消筛选", () => {
      valueBox.querySelectorAll("input").forEach((one) => (one.value = ""));
      valueBox.querySelectorAll("select").forEach((one) => (one.selectedIndex = 0));
      ask(null);
      // The button goes; who uses the keyboard stays in the card.
      valueBox.querySelector("select, input").focus();
    });
    clear.hidden = true;
    const layers = gis.listed.filter((one) => one.count).map((one) => [one.name, one.title]);
    part.append(gis.choiceOf("图层", layers, chooseLayer, "请选择"), fieldBox, valueBox, clear);
    part.again = answer;
    return part;
  };
})((window.gis = window.gis || {}));
