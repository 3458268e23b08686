// Wires the parts of the page to one WebSocket, and tries again when that is lost.
import { Panes } from "./panes.js";
import { showReport } from "./report.js";
import { Parameters } from "./parameters.js";

const RETRY_MS = 1000;
const status = document.getElementById("status");
let socket = null;

const send = content => {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(content));
};
const panes = new Panes(document.getElementById("panes"), send);
const parameters = new Parameters(document.getElementById("parameters"), send);

function take({ data }) {
  if (data instanceof ArrayBuffer) return panes.show(new Uint8Array(data));
  const content = JSON.parse(data);
  if (content.report) {
    showReport(content.report);
    parameters.show(content.report.parameters, content.report.may_change);
  } else if (content.problem) {
    panes.complain(content.pane, content.problem);
  } else {
    parameters.answered(content.parameter, content.refused);
  }
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/live`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => panes.watch();
  socket.onmessage = take;
  socket.onclose = () => {
    status.className = "level2";
    status.textContent = "no connection to the view; trying again";
    setTimeout(connect, RETRY_MS);
  };
}

connect();
