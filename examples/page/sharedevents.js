// One event stream for all tabs of a browser, which comes back. Copy this file.
//
//   import { shareEvents } from './sharedevents.js';
//
//   const events = shareEvents('/events?topic=scores/*', {
//     types: ['goal'],     // of the events; without it ['message']
//     load: async () => {  // called first, and after each gap; may be left out
//       const table = await (await fetch('/scores')).json();
//       draw(table);
//       return table.id;   // the id of the last event that is in it
//     },
//   });
//   events.onevent = ({ type, data, lastEventId }) => change(JSON.parse(data));
//   events.onstate = ({ state, since, status }) => say(state);
//
// An EventSource for each tab uses up the six connections that a browser has for a server
// (HTTP/1.1), and gives up for ever on any answer but 200, such as a proxy's 502 during a
// deploy. Here the stream is in a SharedWorker. Where there is none, one tab holds it and
// tells the others through a BroadcastChannel; when it closes, another takes over.
//
// A tab misses nothing: its events are those after load's id, each once and in order.
// While load runs, events wait. If it fails it is called again, later and later. If some
// events cannot be had any more (the server has said so by an event of type `gap`, or the
// position is not known), ongap({ reason }) is called, and then load.
//
//   state   connecting, open, reconnecting or closed
//   since   when the page was last up to date (milliseconds since 1970), 0 if it is now
//   status  why it is closed: what the server answered, 204, 401, 403 or 410. After other
//           answers, and when nobody answers, it comes back
//
// A handler that throws is reported as any error is, and what it was told counts as told.
//
// close() ends it for this tab. Other options: lastEventId, to begin at an id that the
// page has already; withCredentials; gapType, if it is not `gap`; silence, after how many
// milliseconds without an event a stream is opened anew when somebody looks at the page
// again (60000: the connection may be dead and not know); script, the URL of this file,
// if it was bundled with others; tabs, for tests: worker, channel, election or alone.
//
// Tabs share a stream if they ask for the same URL. So the URL must name the user if the
// answer depends on one: /events?topic=inbox&user=ada, and not only by a cookie. Events
// that a server sends as a stream opens come to the tabs that are open at that moment: what
// every tab needs is for load. Ids are those of a fastsse hub (<epoch>-<number>); with
// others an event may come twice.

const VERSION = 1;        // of the messages between tabs: two versions share nothing
const KEPT = 256;         // events that a tab which joins can still be told
const PROVEN = 150;       // milliseconds: a server that is about to end answers, and hangs up at once
const HERE = 10000;       // milliseconds: how often a tab says that it is here
const FINAL = [204, 401, 403, 410];
const WORKER = 'sharedevents ';

export function shareEvents(url, options = {}) { return new SharedEvents(url, options); }

// backoff is how long to wait after so many attempts in vain: ever longer, and never all
// browsers at once.
function backoff(attempts) { return Math.min(15000, 500 * 2 ** attempts) * (0.5 + Math.random()); }

// follows tells whether an event with id a is news to somebody who is at b. With another
// epoch, another server began to count.
function follows(a, b) {
  const [x, y] = [place(a), place(b)];
  return x && y && x.epoch === y.epoch ? x.number > y.number : a !== b;
}

// comparable tells whether a and b are of one server.
function comparable(a, b) {
  const [x, y] = [place(a), place(b)];
  return x && y && x.epoch === y.epoch;
}

function place(id) {
  const [, epoch, number] = /^(.+)-(\d+)$/.exec(id) || [];
  return epoch && { epoch, number: +number };
}

// ---------------------------------------------------------------- in each tab

class SharedEvents {
  onevent = null;
  onstate = null;
  ongap = null;
  state = 'connecting';
  since = 0;
  status = 0;
  #options;
  #stream = { state: 'connecting', since: 0, status: 0 }; // as its holder says
  #holder = null;     // what says things to it
  #begun = false;     // the first load is done
  #joined = false;    // the holder has heard of us once
  #queue = null;      // events that wait for load
  #turn = 0;          // numbers calls of load: an older one's answer is dropped
  #failing = 0;       // since when load fails, or 0
  #ended = new AbortController();

  constructor(url, { types = ['message'], load, lastEventId = '', withCredentials = false, gapType = 'gap', silence = 60000, script = import.meta.url, tabs = '' }) {
    this.lastEventId = lastEventId;
    this.#options = { url: new URL(url, document.baseURI).href, types, withCredentials, gapType, silence, script, tabs };
    this.load = load;
    const { signal } = this.#ended;
    addEventListener('pagehide', () => this.#leave(), { signal });
    addEventListener('pageshow', e => { if (e.persisted && this.#begun) this.#enter(); }, { signal });
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#holder?.wake(); }, { signal });
    const timer = setInterval(() => this.#holder?.here(), HERE);
    signal.onabort = () => clearInterval(timer);
    queueMicrotask(() => this.#begin()); // when the page has set its handlers
  }

  close() {
    this.#ended.abort();
    this.#turn++;
    this.#leave();
    this.#hear({ state: 'closed', since: 0, status: 0 });
  }

  async #begin() {
    if (this.load) await this.#reload();
    this.#begun = true;
    if (!this.#ended.signal.aborted) this.#enter();
  }

  #enter() {
    if (!this.#holder) this.#holder = connect(this.#options, () => this.lastEventId, message => this.#receive(message));
  }

  #leave() {
    this.#holder?.bye();
    this.#holder = null;
  }

  #receive(message) {
    if (this.#ended.signal.aborted) return;
    if (message.state) this.#hear(message);
    if ('position' in message) this.#join(message.position);
    if (message.gap) this.#gap(message.gap);
    if (message.event) this.#take(message.event);
  }

  // join is the answer to here: what comes from now on is complete, from where we are.
  #join(position) {
    if (!this.lastEventId) {
      if (this.#joined) this.#gap({ reason: 'unknown' }); // what came meanwhile has no position to begin at
      this.lastEventId = position;
    }
    this.#joined = true;
  }

  #take(event) {
    if (this.#queue) return this.#queue.push(event);
    if (event.id && this.lastEventId && !follows(event.id, this.lastEventId)) return; // it is known
    this.lastEventId = event.id || this.lastEventId;
    this.#call('onevent', { type: event.type, data: event.data, lastEventId: this.lastEventId });
  }

  #gap(gap) {
    this.lastEventId = gap.id || this.lastEventId;
    this.#call('ongap', gap);
    if (this.load) this.#reload();
  }

  // reload has the page fetch its state. Events that come meanwhile wait, and those that
  // are in the state are dropped.
  async #reload() {
    const turn = ++this.#turn;
    this.#queue = [];
    for (let attempts = 0; ; attempts++) {
      try {
        const id = await this.load();
        if (turn !== this.#turn) return;
        this.lastEventId = id || this.lastEventId;
        break;
      } catch (error) {
        if (turn !== this.#turn) return;
        console.warn('shareEvents: load failed, and is called again:', error);
        this.#failing ||= Date.now();
        this.#show();
        await new Promise(done => setTimeout(done, backoff(attempts)));
        if (turn !== this.#turn) return;
      }
    }
    this.#failing = 0;
    const waiting = this.#queue;
    this.#queue = null;
    for (const event of waiting) if (!this.#ended.signal.aborted) this.#take(event); // a handler may close it
    this.#show();
  }

  #hear({ state, since, status }) {
    this.#stream = { state, since, status };
    this.#show();
  }

  // show tells the page what state it is in: that of the stream, unless load fails.
  #show() {
    let { state, since, status } = this.#stream;
    if (this.#failing && state !== 'closed') {
      state = this.#joined ? 'reconnecting' : 'connecting';
      since = this.#failing;
    }
    if (state === this.state && since === this.since && status === this.status) return;
    Object.assign(this, { state, since, status });
    this.#call('onstate', { state, since, status });
  }

  // call calls a handler of the page. Its mistakes must not end what we are about.
  #call(handler, news) {
    try { this[handler]?.(news); } catch (error) { reportError(error); }
  }
}

// connect finds the tab's way to the stream. It returns what the tab can say: here (so
// that it is not forgotten), wake and bye. position is where the tab is.
function connect(options, position, receive) {
  const { tabs } = options;
  let holder = null, heard = false, gone = false;
  const next = () => {
    const channel = tabs !== 'alone' && self.BroadcastChannel;
    const locks = tabs === 'election' ? null : navigator.locks;
    if (!gone) holder = channel ? joinChannel(options, position, receive, locks) : joinAlone(options, position, receive);
  };
  if ((!tabs || tabs === 'worker') && self.SharedWorker) {
    holder = joinWorker(options, position, message => { heard = true; receive(message); }, () => { if (!heard) next(); });
  }
  if (!holder) next();
  return { here: () => holder.here(), wake: () => holder.wake(), bye() { gone = true; holder.bye(); } };
}

// joinWorker joins the SharedWorker, which answers each here. If it does not, the browser has
// ended it, as when the process of the tab that began it crashes, and another is begun.
function joinWorker(options, position, receive, failed) {
  let port, heard = false, answered = false;
  const say = word => port.postMessage({ word, position: position() });
  const begin = () => {
    const worker = new SharedWorker(options.script, { type: 'module', name: WORKER + nameOf(options) });
    worker.onerror = failed; // there is no such script
    port = worker.port;
    port.onmessage = ({ data }) => { heard = answered = true; receive(data); };
    say('here');
  };
  try { begin(); } catch { return null; } // forbidden, as in some private windows
  const here = () => {
    const dead = heard && !answered;
    answered = false;
    if (!dead) return say('here');
    say('bye'); // in case that it was but slow
    port.close();
    heard = false;
    begin();
  };
  return { here, wake() { here(); say('wake'); }, bye: () => say('bye') };
}

// nameOf is what tabs that share a stream have in common.
function nameOf({ url, types, withCredentials, gapType, silence }) {
  return JSON.stringify({ version: VERSION, url, types, withCredentials, gapType, silence });
}

function joinAlone(options, position, receive) {
  const stream = new Stream(options, receive);
  stream.join(position(), receive);
  return { here() {}, wake: () => stream.wake(), bye: () => stream.close() };
}

// joinChannel makes one tab the leader, which holds the stream. The others follow one
// leader at a time: from its answer to their here on, what it says is complete.
function joinChannel(options, position, receive, locks) {
  const name = WORKER + nameOf(options);
  const channel = new BroadcastChannel(name);
  const me = Math.random();
  const leaving = new AbortController();
  let stream = null, leader = 0, release = () => {};
  const here = () => { if (!stream && !leader) channel.postMessage({ from: me, word: 'here', position: position() }); };
  const lead = () => {
    leader = me;
    stream = new Stream(options, message => { channel.postMessage({ from: me, message }); receive(message); });
    stream.join(position(), receive);
    channel.postMessage({ from: me, word: 'leads' });
  };
  const resign = () => { stream?.close(); stream = null; leader = 0; };
  const election = locks ? null : elect(channel, me, lead, () => { resign(); setTimeout(here); });
  const asked = {
    here: ({ from, position }) => stream?.join(position, message => channel.postMessage({ from: me, to: from, message })),
    wake: () => stream?.wake(),
    leads: () => { if (!stream) { leader = 0; here(); } },
  };
  channel.onmessage = ({ data }) => {
    if (data.election) return election?.hear(data);
    if (data.word) return asked[data.word](data);
    if (stream) return;
    if (data.to === me) leader = data.from;
    if (data.from === leader && (data.to || me) === me) receive(data.message);
  };
  here();
  locks?.request(name, { signal: leaving.signal }, () => {
    lead();
    return new Promise(done => { release = done; });
  }).catch(() => {}); // left before it was granted
  return {
    here,
    wake: () => stream ? stream.wake() : channel.postMessage({ word: 'wake' }),
    bye() { // a page in the back/forward cache would keep the lock
      leaving.abort();
      resign();
      release();
      election?.bye();
      channel.close();
    },
  };
}

// elect chooses a leader where there are no locks (they need https or localhost): it sends
// a beat a second, and answers at once when it is asked, since the timers of a hidden tab
// hardly run. When two lead, the lower number stays.
function elect(channel, me, lead, resign) {
  let leads = false, heard = -Infinity, asked = 0;
  const beat = kind => channel.postMessage({ election: kind, from: me });
  const step = () => {
    if (leads) return beat('beat');
    const quiet = performance.now() - heard > 3000;
    if (!quiet) asked = 0;
    else if (!asked) { asked = performance.now(); beat('ask'); setTimeout(step, 200 + 300 * me); }
    else if (performance.now() - asked > 190) { leads = true; asked = 0; beat('beat'); lead(); }
  };
  const timers = [setInterval(step, 1000), setTimeout(step)];
  return {
    hear({ election, from }) {
      if (election === 'bye') { heard = -Infinity; timers.push(setTimeout(step, 200 * me)); return; }
      if (election === 'ask') return leads ? beat('beat') : undefined;
      if (!leads) heard = performance.now();
      else if (from > me) beat('beat');
      else { leads = false; heard = performance.now(); resign(); }
    },
    bye() {
      timers.forEach(clearTimeout);
      if (leads) beat('bye');
      leads = false;
    },
  };
}

// ---------------------------------------------------------------- where the stream is

// Stream keeps one EventSource for all that have joined. It tells them
//   {state, since, status}   whenever that changes
//   {position}               to one that has joined: what comes from now on is complete
//   {event: {type, data, id}}
//   {gap: {reason, id}}
class Stream {
  constructor(options, tell) {
    Object.assign(this, options, { tell, position: '', floor: '', log: [], source: null, retry: 0, attempts: 0, turn: 0, heard: 0, opened: false, used: false, offline: false });
    this.now = { state: 'connecting', since: 0, status: 0 };
    this.ended = new AbortController();
    const { signal } = this.ended;
    addEventListener('online', () => { if (this.running()) this.open(); }, { signal });
    addEventListener('offline', () => { if (this.running()) { this.offline = true; this.lost(); } }, { signal });
    const timer = setInterval(() => this.watch(), 1000);
    signal.onabort = () => clearInterval(timer);
  }

  close() {
    this.ended.abort();
    this.drop();
  }

  // running tells whether there is a stream, or will be one.
  running() { return !!this.source || this.retry !== 0; }

  // join begins the stream if there is none, and tells the tab what came after id.
  join(id, tell) {
    tell(this.now);
    if (!this.running() || id && !this.position) this.begin(id);
    const missed = this.after(id);
    if (!missed) tell({ gap: { reason: 'shared' } });
    tell({ position: this.position });
    missed?.forEach(event => tell({ event }));
  }

  // begin begins at id. Tabs that have joined already may miss something by it.
  begin(id) {
    const before = this.used;
    Object.assign(this, { position: id, floor: id, log: [], attempts: 0, opened: false, used: false });
    if (before) this.announce({ reason: 'unknown' });
    this.say('connecting');
    this.open();
  }

  // after is what is kept of the events after id, or null if that is not all of them.
  after(id) {
    if (!id || id === this.position) return [];
    const at = this.log.findLastIndex(event => event.id === id);
    if (at >= 0 || id === this.floor) return this.log.slice(at + 1);
    if (!comparable(id, this.floor) || follows(this.floor, id)) return null;
    const next = this.log.findIndex(event => event.id && follows(event.id, id));
    return next < 0 ? [] : this.log.slice(next);
  }

  // open opens a stream from the last event that came.
  open() {
    this.drop();
    const url = new URL(this.url);
    if (this.position) url.searchParams.set('lastEventId', this.position);
    const source = this.source = new EventSource(url, { withCredentials: this.withCredentials });
    this.heard = Date.now();
    this.offline = false;
    const stream = { proven: false, seen: '' };
    source.onopen = () => this.answered(source, stream);
    source.onerror = e => {
      if (source !== this.source || 'data' in e) return; // an event of type error
      this.lost();
      if (source.readyState === EventSource.CLOSED) this.gaveUp(); // for good, as after any answer but 200
    };
    source.addEventListener(this.gapType, e => this.gap(e, stream));
    for (const type of this.types) source.addEventListener(type, e => { if ('data' in e) this.receive(e, stream); });
  }

  answered(source, stream) {
    this.used = true;
    if (this.opened && !this.position && !stream.proven) this.announce({ reason: 'unknown' });
    setTimeout(() => {
      if (source !== this.source || source.readyState !== EventSource.OPEN) return;
      stream.proven = this.opened = true;
      this.attempts = 0;
      this.say('open');
    }, PROVEN);
  }

  receive(e, stream) {
    this.heard = Date.now();
    if (this.offline) { this.offline = false; this.say('open'); } // it was another network that went
    const id = e.lastEventId === stream.seen ? '' : e.lastEventId; // without one it comes with that of the event before
    stream.seen = e.lastEventId;
    if (id && this.position && !follows(id, this.position)) return;
    const event = { type: e.type, data: e.data, id };
    this.position = id || this.position;
    this.log.push(event);
    if (this.log.length > KEPT) this.floor = this.log.shift().id || this.floor;
    this.tell({ event });
  }

  gap(e, stream) {
    this.heard = Date.now();
    stream.seen = e.lastEventId;
    let reason = '';
    try { ({ reason } = JSON.parse(e.data)); } catch { /* data of another server */ }
    this.position = e.lastEventId || this.position;
    this.announce({ reason });
  }

  announce({ reason }) {
    this.log = [];
    this.floor = this.position;
    this.tell({ gap: { reason, id: this.position } });
  }

  // gaveUp asks why the browser does not come back by itself, and does it in its place
  // unless the server does not want that.
  async gaveUp() {
    this.drop();
    const turn = this.turn;
    this.retry = -1; // it will be
    const answer = await fetch(this.url, {
      method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(10000),
      credentials: this.withCredentials ? 'include' : 'same-origin',
    }).catch(() => null);
    if (turn !== this.turn) return;
    this.retry = 0;
    if (FINAL.includes(answer?.status)) return this.say('closed', answer.status);
    this.retry = setTimeout(() => this.open(), backoff(this.attempts++));
  }

  drop() {
    this.turn++;
    clearTimeout(this.retry);
    this.retry = 0;
    this.source?.close();
    this.source = null;
  }

  // wake is called when somebody looks at a tab again.
  wake() {
    if (this.retry || this.source && Date.now() - this.heard > this.silence) this.open();
  }

  // watch is the watchdog: nothing tells of a source that was closed while the machine slept.
  watch() {
    if (this.source?.readyState !== EventSource.CLOSED) return;
    this.lost();
    this.gaveUp();
  }

  lost() { this.say(this.opened ? 'reconnecting' : 'connecting'); }

  say(state, status = 0) {
    const since = state === 'open' ? 0 : this.now.since || (this.opened ? Date.now() : 0);
    if (state === this.now.state && status === this.now.status) return;
    this.now = { state, since, status };
    this.tell(this.now);
  }
}

// In the SharedWorker. A tab says here now and then, and bye at the end. One that has said
// nothing for long has crashed, or sleeps and will be back.
if (self.SharedWorkerGlobalScope && self instanceof SharedWorkerGlobalScope && self.name.startsWith(WORKER)) {
  const tabs = new Map(); // port: when it was last heard
  const stream = new Stream(JSON.parse(self.name.slice(WORKER.length)), message => { for (const port of tabs.keys()) port.postMessage(message); });
  const forget = port => { if (tabs.delete(port) && tabs.size === 0) stream.drop(); };
  self.onconnect = ({ ports: [port] }) => {
    port.onmessage = ({ data: { word, position } }) => {
      if (word === 'bye') return forget(port);
      if (tabs.has(port)) port.postMessage({}); // the answer to here
      else stream.join(position, message => port.postMessage(message));
      tabs.set(port, Date.now());
      if (word === 'wake') stream.wake();
    };
  };
  setInterval(() => {
    for (const [port, heard] of tabs) if (Date.now() - heard > 180000) forget(port);
  }, 30000);
}
