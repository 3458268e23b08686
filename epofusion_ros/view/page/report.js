// Shows what the node says of itself: status, figures, fates, warnings.
const SILENT_S = 3;
const GOOD = new Set(["fused"]);
const MEANINGS = {
  fused: "fused and published",
  passed_through: "one camera's image, without the other",
  superseded: "a newer pair took its turn",
  unwatched: "nobody listened",
  stale: "older than max_input_age",
  convert_errors: "message could not be read",
  size_errors: "sizes do not fit together",
  inference_errors: "the engine failed",
  stopped: "the node was stopped",
  unmatched_rgb: "RGB images without a partner",
  unmatched_thermal: "thermal images without a partner",
};
const element = id => document.getElementById(id);
const made = (tag, properties) => Object.assign(document.createElement(tag), properties);

export function showReport(report) {
  element("node").textContent = report.node;
  showStatus(report);
  for (const output of document.querySelectorAll("[data-figure]")) {
    const value = report.figures[output.dataset.figure];
    output.textContent = value === undefined ? "–" : value.toFixed(output.dataset.digits ?? 0);
  }
  showFates(report);
  showWarnings(report.warnings);
  element("texts").textContent = ["model", "engine", "device"].map(key => report.texts[key]).filter(Boolean).join(", ");
}

function showStatus({ node, silent_s: silent, status, health }) {
  let level, sentence;
  if (silent === null) [level, sentence] = [1, `waiting for ${node}: it is not there yet`];
  else if (silent > SILENT_S) [level, sentence] = [2, `no word from ${node} for ${Math.round(silent)} s`];
  else {
    const said = [status, health].filter(Boolean);
    level = Math.max(...said.map(each => each.level));
    sentence = [...new Set(said.map(each => each.sentence))].join("; ");
  }
  const shown = element("status");
  shown.className = `level${level}`;
  if (shown.textContent !== sentence) shown.textContent = sentence;
}

function showFates({ fates, figures }) {
  const rows = [...fates, "unmatched_rgb", "unmatched_thermal"].map(name => {
    const count = figures[name];
    const row = made("tr", { className: !count ? "none" : GOOD.has(name) ? "" : "lost" });
    const label = made("th", {});
    label.append(made("b", { textContent: name.replaceAll("_", " ") }), " ", made("small", { textContent: MEANINGS[name] ?? "" }));
    row.append(label, made("td", { textContent: count ?? "–" }));
    return row;
  });
  element("fates").tBodies[0].replaceChildren(...rows);
}

function showWarnings(warnings) {
  const lines = warnings.toReversed().map(({ stamp_s: stamp, level, sentence }) => {
    const line = made("li", { className: level });
    line.append(made("time", { textContent: new Date(stamp * 1000).toLocaleTimeString() }), sentence);
    return line;
  });
  const none = made("li", { className: "empty", textContent: "none" });
  element("warnings").querySelector("ol").replaceChildren(...(lines.length ? lines : [none]));
}
