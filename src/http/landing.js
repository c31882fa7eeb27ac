// The table of jobs, live. The server sends a snapshot, then every job that changed; `rev` tells what is newer.
"use strict";

const SHOWN = 50; // rows; the list in full is GET /api/jobs
const KEPT = 500; // jobs in memory
const ACTIVE = ["running", "cancelling"];

const jobs = new Map();
const types = new Map();
let rev = null;
let drawing = false;
let pause = 500;

const byId = (id) => document.getElementById(id);

function connection(state, text) {
  const line = byId("connection");
  line.className = state;
  line.textContent = text;
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const since = rev === null ? "" : `?since=${rev}`;
  const socket = new WebSocket(`${scheme}://${location.host}/api/jobs/ws${since}`);
  socket.onopen = () => {
    pause = 500;
    connection("live", "live");
  };
  socket.onmessage = (event) => receive(JSON.parse(event.data));
  socket.onclose = () => {
    connection("lost", "not connected, trying again");
    setTimeout(connect, pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, 10000);
  };
}

function receive(message) {
  if (message.type === "snapshot") jobs.clear();
  if (message.type === "snapshot" || message.type === "job_update") {
    for (const job of message.jobs) {
      const held = jobs.get(job.id);
      if (!held || held.rev <= job.rev) jobs.set(job.id, job);
    }
    rev = Math.max(rev ?? 0, message.rev);
  } else if (message.type === "job_removed") {
    for (const id of message.jobs) jobs.delete(id);
  } else {
    return;
  }
  // At most one drawing per frame, however many messages come.
  if (!drawing) {
    drawing = true;
    requestAnimationFrame(() => { drawing = false; draw(); });
  }
}

// What runs comes first, then the newest. Ids sort by creation.
function sorted() {
  const active = (job) => (ACTIVE.includes(job.status) ? 0 : 1);
  return [...jobs.values()].sort((a, b) => active(a) - active(b) || (a.id < b.id ? 1 : -1));
}

function draw() {
  const all = sorted();
  for (const job of all.slice(KEPT)) jobs.delete(job.id);
  byId("empty").hidden = rev === null || all.length > 0;
  byId("jobs").hidden = all.length === 0;
  byId("more").hidden = all.length <= SHOWN;
  byId("more").textContent = `The first ${SHOWN} of them. stashhog jobs list shows all.`;
  const body = byId("jobs").tBodies[0];
  all.slice(0, SHOWN).forEach((job, at) => {
    const row = body.rows[at] ?? newRow(body);
    if (row.dataset.job !== `${job.id} ${job.rev} ${types.size}`) {
      row.dataset.job = `${job.id} ${job.rev} ${types.size}`;
      fill(row, job);
    }
  });
  while (body.rows.length > Math.min(all.length, SHOWN)) body.deleteRow(-1);
}

function newRow(body) {
  const row = body.insertRow();
  for (let cell = 0; cell < 5; cell++) row.insertCell();
  return row;
}

function fill(row, job) {
  const [name, status, progress, message, created] = row.cells;
  name.replaceChildren(types.get(job.type)?.label ?? job.type, small(job.id));
  const word = job.outcome === "completed_with_errors" && job.status === "completed" ? job.outcome : job.status;
  status.className = word;
  status.textContent = word.replaceAll("_", " ");
  progress.replaceChildren(...progressOf(job));
  message.textContent = job.error ?? job.message ?? "";
  const at = new Date(job.created_at);
  created.replaceChildren(`${at.toLocaleTimeString()} `, small(at.toLocaleDateString()));
}

function progressOf(job) {
  if (job.status === "pending") return [];
  const bar = document.createElement("progress");
  bar.max = 100;
  bar.value = job.progress;
  const text = amount(job);
  bar.setAttribute("aria-label", text);
  return ACTIVE.includes(job.status) ? [text, bar] : [text];
}

function amount(job) {
  if (job.processed_items === null || job.total_items === null) return `${Math.floor(job.progress)}%`;
  const unit = types.get(job.type)?.unit ?? { singular: "item", plural: "items" };
  const [done, total] = [job.processed_items, job.total_items].map((n) => n.toLocaleString());
  return `${done} / ${total} ${job.total_items === 1 ? unit.singular : unit.plural}`;
}

function small(text) {
  const element = document.createElement("small");
  element.textContent = text;
  return element;
}

async function loadTypes() {
  const answer = await fetch("/api/job-types");
  if (!answer.ok) throw new Error(`GET /api/job-types: ${answer.status}`);
  for (const type of (await answer.json()).job_types) types.set(type.type, type);
  draw();
}

// Without them the table shows names and "items": good enough to go on.
loadTypes().catch((error) => console.warn(error));
connect();
