// The table of matches, kept up to date by one event stream for all tabs of a
// browser. This script runs twice: in the page, and as the SharedWorker that
// holds the stream. Where there is no SharedWorker, one tab holds it and tells
// the others through a BroadcastChannel.
//
// A tab calls join(receive) and gets messages:
//   {full: state, connection, lost}  the whole table
//   {type, data}                     one event, to apply() to it
//   {connection, lost}               connecting, live, reconnecting or offline;
//                                    lost: since when it is not live, or 0 if it is
//
// The server sends whole rows: nothing here works out what an event means.
'use strict';

const TOPICS = ['scores/*', 'fixtures', 'live/viewers'];
const TYPES = ['kickoff', 'goal', 'halftime', 'fulltime', 'fixtures', 'viewers'];

// ---------------------------------------------------------------- the table

// table makes a state of an answer from /scores or the data of "fixtures".
function table(data) {
  return {
    id: data.id || '', viewers: data.viewers, simulation: data.simulation,
    clock: { at: time(data.time), set: Date.now(), pace: data.pace },
    matches: new Map(data.matches.map(m => [m.match, m])),
    goals: data.goals, // newest first
  };
}

// apply enters an event: the server has worked out the row.
function apply(state, type, data) {
  if (type === 'viewers') state.viewers = data.viewers;
  else if (type === 'fixtures') Object.assign(state, table(data), { id: state.id, viewers: state.viewers });
  else {
    state.matches.set(data.row.match, data.row);
    if (type === 'goal') state.goals = [data.update, ...state.goals].slice(0, 20);
    hear(state.clock, time(data.time));
  }
}

// time reads a feed's local time; NaN if it is none.
function time(at) { return Date.parse((at || '') + 'Z'); }

// hear sets the match day's clock by an event. It never goes back.
function hear(clock, at) {
  if (at < now(clock)) return;
  if (!isNaN(at)) Object.assign(clock, { at, set: Date.now() });
}

// now is what the match day's clock shows at a moment of ours, in milliseconds;
// NaN if unknown.
function now(clock, moment = Date.now()) { return clock.at + Math.max(0, moment - clock.set) * clock.pace; }

// ---------------------------------------------------------------- the stream

// Live keeps one EventSource, and a table that is true at its last event.
class Live {
  constructor(tell) {
    this.tell = tell;
    this.state = null;
    this.connection = 'connecting';
    this.source = null;
    this.queue = null;   // events that wait for the table to be fetched again
    this.turn = 0;       // numbers what is under way: an answer to an older turn is dropped
    this.attempts = 0;   // in vain, since it last worked
    this.retry = 0;      // the timer of the next one
    this.heard = Date.now();
    this.lost = 0;       // since when there is no stream, or 0
    this.ended = new AbortController();
    const { signal } = this.ended;
    addEventListener('online', () => this.begin(), { signal });
    addEventListener('offline', () => this.watch(), { signal });
    this.timer = setInterval(() => this.watch(), 1000);
    this.begin();
  }

  close() {
    this.ended.abort();
    clearInterval(this.timer);
    this.drop();
  }

  full() { return { full: this.state, connection: this.connection, lost: this.lost }; }

  // begin fetches the table, and opens a stream from the id it is true at.
  async begin() {
    this.drop();
    const turn = this.turn;
    const state = await this.fetchTable().catch(() => null);
    if (turn !== this.turn) return;
    if (!state) return this.later();
    this.become(state);
    this.open();
  }

  open() {
    const query = TOPICS.map(t => 'topic=' + t).join('&');
    const source = this.source = new EventSource(`events?${query}&lastEventId=${encodeURIComponent(this.state.id)}`);
    source.onopen = () => setTimeout(() => {
      // A server that is about to end answers, and hangs up at once.
      if (source === this.source && source.readyState === EventSource.OPEN) this.works();
    }, 150);
    source.onerror = () => {
      if (source !== this.source) return;
      this.fails();
      if (source.readyState === EventSource.CLOSED) this.later(); // for good, as after any status but 200
    };
    source.addEventListener('gap', () => this.refetch());
    for (const type of TYPES) source.addEventListener(type, e => this.receive(e));
  }

  receive(e) {
    this.heard = Date.now();
    if (this.queue) return this.queue.push(e);
    if (!isAfter(e.lastEventId, this.state.id)) return; // the table had it
    const data = JSON.parse(e.data);
    this.state.id = e.lastEventId;
    apply(this.state, e.type, data);
    this.tell({ type: e.type, data });
  }

  // refetch is for a gap: what was missed is in the table; the stream goes on.
  async refetch() {
    this.queue = [];
    const turn = ++this.turn;
    const state = await this.fetchTable().catch(() => null);
    if (turn !== this.turn) return;
    if (!state) return this.later();
    const queue = this.queue;
    this.queue = null;
    this.become(state);
    queue.forEach(e => this.receive(e));
  }

  async fetchTable() {
    const answer = await fetch('scores', { cache: 'no-store', signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(`/scores answers ${answer.status}`);
    return table(await answer.json());
  }

  become(state) {
    this.heard = Date.now();
    this.state = state;
    this.tell(this.full());
  }

  // later tries again from the beginning: soon at first, then ever more seldom,
  // and never all browsers at once.
  later() {
    this.drop();
    this.fails();
    const wait = Math.min(15000, 500 * 2 ** this.attempts++) * (0.5 + Math.random());
    this.retry = setTimeout(() => this.begin(), wait);
  }

  drop() {
    this.turn++;
    this.queue = null;
    clearTimeout(this.retry);
    this.retry = 0;
    this.source?.close();
    this.source = null;
  }

  works() {
    this.attempts = 0;
    this.lost = 0;
    this.say('live');
  }

  fails() {
    this.lost = this.lost || Date.now();
    this.watch();
  }

  // watch is the watchdog: nothing tells of a source that has been closed while
  // the machine slept. That it is silent is no fault.
  watch() {
    if (this.source?.readyState === EventSource.CLOSED) this.later();
    if (!navigator.onLine) {
      this.lost = this.lost || Date.now();
      this.say('offline');
    } else if (this.lost) this.say(Date.now() - this.lost > 15000 ? 'offline' : this.state ? 'reconnecting' : 'connecting');
    else if (this.source?.readyState === EventSource.OPEN && this.connection !== 'live') this.works();
  }

  // wake is called when somebody looks again. After a long silence the
  // connection may be dead and not know: if the server is ahead of what came,
  // it is.
  async wake() {
    if (this.retry) return this.begin();
    if (!this.source || this.queue || Date.now() - this.heard < 60000) return;
    this.heard = Date.now();
    const turn = this.turn;
    const there = await this.fetchTable().catch(() => null);
    await new Promise(done => setTimeout(done, 2000)); // what is under way may arrive
    if (turn === this.turn && (!there || isAfter(there.id, this.state.id))) this.begin();
  }

  say(connection) {
    if (connection === this.connection) return;
    this.connection = connection;
    this.tell({ connection, lost: this.lost });
  }
}

// isAfter tells whether an event follows the one with id b. Ids are
// <epoch>-<number>; with another epoch, another server began to count.
function isAfter(a, b) {
  const [i, j] = [a.lastIndexOf('-'), b.lastIndexOf('-')];
  return a.slice(0, i) !== b.slice(0, j) || +a.slice(i + 1) > +b.slice(j + 1);
}

// ---------------------------------------------------------------- many tabs

// In the SharedWorker: a tab says "here" now and then, and "bye" at the end.
// One that has said nothing for long has crashed, or sleeps and will be back.
if (typeof SharedWorkerGlobalScope !== 'undefined' && self instanceof SharedWorkerGlobalScope) {
  const tabs = new Map(); // port: when it was last heard
  const live = new Live(message => { for (const port of tabs.keys()) port.postMessage(message); });
  self.onconnect = ({ ports: [port] }) => {
    port.onmessage = ({ data }) => {
      if (data === 'bye') return tabs.delete(port);
      if (!tabs.has(port)) port.postMessage(live.full());
      tabs.set(port, Date.now());
      if (data === 'wake') live.wake();
    };
  };
  setInterval(() => {
    for (const [port, heard] of tabs) if (Date.now() - heard > 180000) tabs.delete(port);
  }, 30000);
}

// join makes a tab part of it. In the page's URL ?tabs=channel, ?tabs=election
// and ?tabs=alone do without what comes before them, for tests.
function join(receive) {
  const way = new URLSearchParams(location.search).get('tabs');
  const say = (!way && self.SharedWorker && joinWorker(receive))
    || (way !== 'alone' && self.BroadcastChannel && joinChannel(receive, way === 'election' ? null : navigator.locks))
    || joinAlone(receive);
  setInterval(() => say('here'), 20000);
  addEventListener('pagehide', () => say('bye'));
  addEventListener('pageshow', e => e.persisted && location.reload());
  document.addEventListener('visibilitychange', () => document.hidden || say('wake'));
}

function joinWorker(receive) {
  try {
    const { port } = new SharedWorker('live.js', 'livescores');
    port.onmessage = ({ data }) => receive(data);
    port.postMessage('here');
    return word => port.postMessage(word);
  } catch { // forbidden, as in some private windows
    return null;
  }
}

function joinAlone(receive) {
  const live = new Live(receive);
  return word => { if (word === 'wake') live.wake(); };
}

// joinChannel makes one tab the leader, which holds the stream.
function joinChannel(receive, locks) {
  const channel = new BroadcastChannel('livescores');
  let live = null, release = () => {};
  const lead = () => {
    live = new Live(message => { channel.postMessage(message); receive(message); });
  };
  const resign = () => { live?.close(); live = null; };
  const election = locks ? null : elect(channel, lead, resign);
  channel.onmessage = ({ data }) => {
    if (data.election) return election?.hear(data);
    if (data === 'new' && live?.state) return channel.postMessage(live.full());
    if (data === 'wake') return live?.wake();
    if (!live && typeof data === 'object') receive(data);
  };
  channel.postMessage('new');
  const leaving = new AbortController();
  locks?.request('livescores', { signal: leaving.signal }, () => {
    lead();
    return new Promise(done => { release = done; });
  }).catch(() => {}); // left before it was granted
  return word => {
    if (word === 'bye') { // or a page in the back/forward cache would keep the lock
      leaving.abort();
      resign();
      release();
      election?.bye();
    }
    if (word === 'wake') live ? live.wake() : channel.postMessage(word);
  };
}

// elect chooses a leader where there are no locks (they need https or
// localhost): it sends a beat a second, and answers at once when it is asked,
// since the timers of a hidden tab hardly run. When two lead, the lower number
// stays.
function elect(channel, lead, resign) {
  const me = Math.random();
  let leads = false, heard = -Infinity, asked = 0;
  const beat = kind => channel.postMessage({ election: kind, from: me });
  const step = () => {
    if (leads) return beat('beat');
    const quiet = performance.now() - heard > 3000;
    if (!quiet) asked = 0;
    else if (!asked) { asked = performance.now(); beat('ask'); setTimeout(step, 200 + 300 * me); }
    else if (performance.now() - asked > 190) { leads = true; asked = 0; beat('beat'); lead(); }
  };
  setInterval(step, 1000);
  setTimeout(step);
  return {
    hear({ election, from }) {
      if (election === 'bye') { heard = -Infinity; return setTimeout(step, 200 * me); }
      if (election === 'ask') return leads ? beat('beat') : undefined;
      if (!leads) heard = performance.now();
      else if (from > me) beat('beat');
      else { leads = false; heard = performance.now(); resign(); }
    },
    bye() { if (leads) beat('bye'); },
  };
}
