'use strict';
const $ = id => document.getElementById(id);
const GOAL_SHOWN = 6000; // milliseconds
const WORDS = {
  connecting: () => 'Connecting',
  live: () => 'Live',
  reconnecting: since => `Disconnected since ${since}, reconnecting`,
  offline: since => `Disconnected since ${since}, still trying`,
};

let state = null;
let lost = 0;              // since when the board is out of date, or 0: then nothing on it moves
const cards = new Map();   // match: its card
const changed = new Set(); // matches to draw again
const flashes = new Map(); // match: its goal that flashes, and the timer that ends it
let freshGoals = 0, due = 0, headline = null;

join(message => {
  if (message.connection) showConnection(message.connection, message.lost);
  if (message.full) { state = structuredClone(message.full); for (const name of state.matches.keys()) changed.add(name); }
  if (message.type && state) { apply(state, message.type, message.data); mark(message.type, message.data); }
  due = due || setTimeout(draw, 10); // a burst is drawn once
});
setInterval(tick, 250);
$('curl').textContent = `curl -N '${new URL('events', location)}?topic=scores/*'`;

function mark(type, data) {
  if (type === 'fixtures') for (const name of state.matches.keys()) changed.add(name);
  if (!data.row) return;
  changed.add(data.row.match);
  if (type === 'goal') { freshGoals++; celebrate(data.update); }
}

function showConnection(connection, since) {
  lost = since;
  document.documentElement.dataset.connection = connection;
  document.documentElement.classList.toggle('stale', lost > 0);
  setText($('connection'), WORDS[connection](new Date(lost).toLocaleTimeString('en-GB')));
  setText($('live').querySelector('.label'), lost ? 'Live when last seen' : 'Live');
}

// ------------------------------------------------------------ drawing

function draw() {
  due = 0;
  if (!state) return;
  for (const [name, card] of cards) if (!state.matches.has(name)) { card.remove(); cards.delete(name); }
  for (const name of changed) if (state.matches.has(name)) drawMatch(state.matches.get(name));
  changed.clear();
  drawLabels();
  arrange();
  drawTicker();
  $('viewers').hidden = lost > 0 || !state.viewers;
  $('viewers').firstElementChild.textContent = state.viewers.toLocaleString('en');
  setText($('pace'), pace());
  tick();
}

// pace says why the clock runs as no clock does.
function pace() {
  const { clock, simulation } = state;
  const speed = clock.pace > 0 && clock.pace !== 1 ? `${clock.pace}× real time` : '';
  return [simulation ? 'Simulation' : speed && 'Replay', speed].filter(Boolean).join(', ');
}

function drawMatch(m) {
  const card = cards.get(m.match) || newCard(m.match);
  card.dataset.score = (m.score || []).join('-');
  card.setAttribute('aria-label', sentence(m));
  ['home', 'away'].forEach((side, i) => {
    const row = card.querySelector('.' + side);
    const name = m[side] || m.match;
    row.querySelector('.kit').style.background = state.simulation ? kit(name) : ''; // real teams have colours of their own
    row.querySelector('.name').textContent = row.title = name;
    row.querySelector('.score').textContent = m.state === 'upcoming' || !m.score ? '–' : m.score[i];
    row.querySelector('.pens').textContent = m.penalties ? `(${m.penalties[i]})` : '';
    const mine = [m.score?.[i], m.penalties?.[i]], theirs = [m.score?.[1 - i], m.penalties?.[1 - i]];
    row.classList.toggle('lost', mine[0] < theirs[0] || mine[0] === theirs[0] && mine[1] < theirs[1]);
    card.querySelectorAll('.scorers ul')[i].replaceChildren(...scorers(m.goals.filter(g => g.side === side)));
  });
  drawCourse(card.querySelector('.course'), m);
}

function newCard(name) {
  const card = $('card').content.firstElementChild.cloneNode(true);
  card.dataset.match = name;
  cards.set(name, card);
  return card;
}

// drawLabels says on each card what is not the same on all of them.
function drawLabels() {
  const rows = [...state.matches.values()];
  const differ = what => new Set(rows.map(what)).size > 1;
  const day = m => (m.kickoff || m.at || '').slice(0, 10);
  const [days, rounds] = [differ(day), differ(m => m.round)];
  for (const m of rows) {
    const when = time(m.kickoff || m.at);
    const label = m.group || (rounds ? m.round : '');
    const told = isNaN(when) ? '' : days ? date(when, {}) : new Date(when).toISOString().slice(11, 16);
    setText(cards.get(m.match).querySelector('.group'), [label, told].filter(Boolean).join(' · '));
  }
}

function date(t, more) {
  return new Date(t).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC', ...more });
}

function sentence(m) {
  return m.state === 'upcoming' ? `${m.home} against ${m.away}, to come` : `${m.home} ${m.score[0]}, ${m.away} ${m.score[1]}`;
}

// scorers lists who scored, each once with all minutes.
function scorers(goals) {
  const by = new Map();
  for (const g of goals) {
    const name = (g.scorer || 'Goal') + (g.owngoal ? ' (og)' : '');
    by.set(name, [...by.get(name) || [], (g.clock || '') + (g.penalty ? '\u00a0pen' : '')]);
  }
  return [...by].map(([name, minutes]) => element('li', element('b', name), '\u00a0' + minutes.join(', '))); // a minute never stands alone on a line
}

// drawCourse marks the goals on the match's line of 90 minutes, or 120.
function drawCourse(course, m) {
  course.querySelectorAll('.mark-home, .mark-away').forEach(e => e.remove());
  for (const g of m.goals) {
    const dot = element('i');
    dot.className = 'mark-' + g.side;
    dot.style.left = share(/^45\+/.test(g.clock) ? 45 : base(g.clock), m) + '%'; // or they would stand in the second half
    course.append(dot);
  }
  course.querySelector('.half').style.left = share(45, m) + '%';
}

// arrange puts each card into its section, in order.
function arrange() {
  const rows = [...state.matches.values()];
  const kickoff = (a, b) => (a.kickoff || '') < (b.kickoff || '') ? -1 : a.kickoff > b.kickoff ? 1 : 0;
  fill('live', rows.filter(m => m.state === 'live' || m.state === 'halftime').sort(kickoff));
  fill('upcoming', rows.filter(m => m.state === 'upcoming').sort(kickoff));
  fill('finished', rows.filter(m => m.state === 'finished').reverse().sort((a, b) => kickoff(b, a)));
  $('nothing').hidden = rows.length > 0;
}

function fill(id, rows) {
  const section = $(id), grid = section.querySelector('.grid');
  section.hidden = rows.length === 0;
  section.querySelector('.count').textContent = rows.length;
  rows.forEach((m, i) => {
    const card = cards.get(m.match);
    if (grid.children[i] !== card) grid.insertBefore(card, grid.children[i] || null);
  });
}

function drawTicker() {
  $('ticker').hidden = state.matches.size === 0;
  $('main').classList.toggle('alone', state.matches.size === 0);
  $('ticker').classList.toggle('none', state.goals.length === 0);
  const list = $('ticker').querySelector('ol');
  list.replaceChildren(...state.goals.map((u, i) => {
    const [side, other] = u.side === 'away' ? ['away', 'home'] : ['home', 'away'];
    const score = side === 'away' ? [...u.score].reverse() : u.score; // as that side sees it
    const item = element('li',
      element('div', element('span', u[side] || u.match), element('time', u.clock || '')),
      element('div', element('b', score.join('–')), (u[other] ? ` v ${u[other]}` : '') + (u.scorer ? ` · ${u.scorer}` : '')));
    item.children[0].className = 'who';
    item.children[1].className = 'what';
    item.classList.toggle('new', i < freshGoals);
    item.classList.toggle('goal', flashes.get(u.match)?.line === u);
    return item;
  }));
  if (freshGoals) list.scrollTo({ left: 0, behavior: 'smooth' });
  freshGoals = 0;
  reach();
}

// reach lets the keyboard scroll the ticker where it is a strip.
function reach() {
  const list = $('ticker').querySelector('ol');
  list.tabIndex = getComputedStyle(list).overflowX === 'auto' && list.scrollWidth > list.clientWidth ? 0 : -1;
}
addEventListener('resize', reach);

function element(name, ...children) {
  const e = document.createElement(name);
  e.append(...children);
  return e;
}

// ------------------------------------------------------------ a goal

function celebrate(u) {
  clearTimeout(flashes.get(u.match)?.timer);
  flashes.set(u.match, { line: u, timer: setTimeout(() => calm(u.match), GOAL_SHOWN) });
  setTimeout(() => {
    const card = cards.get(u.match);
    if (!card) return;
    card.classList.remove('goal');
    card.querySelectorAll('.scored').forEach(e => e.classList.remove('scored'));
    void card.offsetWidth; // so that the animation starts again
    card.classList.add('goal');
    card.querySelector(u.side === 'away' ? '.away' : '.home').classList.add('scored');
    headline = inView(card) ? null : u; // then the top of the page says it
    tick();
  }, 20);
  const news = `Goal for ${u[u.side] || u.match}. ${u.home} ${u.score[0]}, ${u.away} ${u.score[1]}.` + (u.scorer ? ` ${u.scorer}.` : '');
  $('news').textContent = news;
  if (document.hidden) document.title = `${u.score.join('–')} ${u.home} v ${u.away}`;
}

function calm(name) {
  flashes.delete(name);
  if (headline?.match === name) headline = null;
  cards.get(name)?.classList.remove('goal');
  drawTicker();
  tick();
}

function inView(e) {
  const { top, bottom } = e.getBoundingClientRect();
  return bottom > 100 && top < innerHeight - 60;
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) document.title = 'Live scores'; });

// ------------------------------------------------------------ the time

// tick shows what time it is in each match.
function tick() {
  if (!state) return;
  const t = now(state.clock, lost || undefined);
  let round = '';
  for (const m of state.matches.values()) {
    const card = cards.get(m.match);
    if (!card) continue;
    if (m.state !== 'upcoming' || !round) round = m.round || round;
    const minute = progress(m, t);
    card.dataset.state = m.state === 'halftime' && minute > 45 ? 'live' : m.state;
    setText(card.querySelector('.badge'), flashes.has(m.match) ? 'GOAL' : badge(m, minute, t));
    card.querySelector('.run').style.width = (m.state === 'finished' ? 100 : share(phase(m) === 1 ? Math.min(minute, 45) : minute, m)) + '%';
  }
  const day = isNaN(t) ? '' : date(t, { weekday: 'short' });
  const hour = state.clock.pace > 0 && !isNaN(t) ? new Date(t).toISOString().slice(11, 16) : '';
  $('day').classList.toggle('goal', !!headline);
  if (headline) return setText($('day'), `${headline.home} ${headline.score.join('–')} ${headline.away}`);
  setText($('day'), [round, [day, hour].filter(Boolean).join(' ')].filter(Boolean).join(' · '));
}

function setText(e, text) { if (e.textContent !== text) e.textContent = text; }

function badge(m, minute, t) {
  if (m.state === 'upcoming') {
    const wait = Math.max(1, Math.ceil((time(m.kickoff) - t) / 60000));
    return isNaN(wait) ? '' : wait <= 90 ? `in ${wait}'` : `in ${Math.round(wait / 60)} h`;
  }
  if (m.state === 'finished') return m.penalties ? 'FT pens' : beyond(m) ? 'FT a.e.t.' : 'FT';
  if (m.state === 'halftime' && minute <= 45) return 'HT';
  if (m.state === 'live' && phase(m) === 1 && minute > 45) return `45+${Math.min(minute - 45, 15)}'`;
  if (phase(m) === 3) return minute > 120 ? "120+'" : `${minute}'`;
  if (minute > 105) return 'ET';
  return minute > 90 ? `90+${minute - 90}'` : `${minute}'`;
}

// base is the minute of a clock such as 16' or 45+2', both added; 0 if there is none.
function base(clock) { return (clock || '').split('+').reduce((sum, n) => sum + (parseInt(n) || 0), 0); }

// phase is 1 or 2 for the halves, 3 for extra time, by the match's last event.
function phase(m) {
  const minute = parseInt(m.clock) || 0; // without what was added
  return minute > 90 ? 3 : m.state === 'halftime' || minute > 45 ? 2 : 1;
}

// progress is the minute of play at time t of the match day. A feed gives no
// kick-off of the second half: it begins an hour after the first, as rules have
// it. What the last event said is never undercut.
function progress(m, t) {
  if (m.state === 'upcoming') return 0;
  const said = m.state === 'halftime' ? 45 : base(m.clock);
  const pause = { 1: 0, 2: 15, 3: 20 }[phase(m)];
  const since = t - time(m.kickoff || m.at);
  if (isNaN(since) || !(state.clock.pace > 0)) return said;
  const gone = m.kickoff ? Math.floor(since / 60000) - pause : said + Math.floor(since / 60000);
  return Math.max(said, gone);
}

function beyond(m) { return m.goals.some(g => parseInt(g.clock) > 90) || !!m.penalties; }

// share is where a minute is on the line of m, in percent.
function share(minute, m) {
  const length = beyond(m) || phase(m) === 3 || minute > 105 ? 120 : 90;
  return Math.min(100, 100 * minute / length);
}

// ------------------------------------------------------------ shirts

// kit makes a shirt of a name: two colours and a cut, the same every time.
const COLOURS = ['#c8102e', '#0b4ea2', '#f2b705', '#0b7a4b', '#1d1d24', '#f4f4f1', '#6cabdd', '#7a1f3d', '#e4572e', '#4b2e83', '#00857c', '#8d99a6'];
const CUTS = [
  (a, b) => `linear-gradient(90deg, ${a} 50%, ${b} 50%)`,
  (a, b) => `repeating-linear-gradient(90deg, ${a} 0 5px, ${b} 5px 10px)`,
  (a, b) => `repeating-linear-gradient(0deg, ${a} 0 5px, ${b} 5px 10px)`,
  (a, b) => `linear-gradient(135deg, ${a} 38%, ${b} 38% 62%, ${a} 62%)`,
  (a, b) => `linear-gradient(90deg, ${a} 34%, ${b} 34% 66%, ${a} 66%)`,
  a => a,
];
function kit(name) {
  let h = 2166136261;
  for (const c of name) h = Math.imul(h ^ c.codePointAt(0), 16777619) >>> 0;
  const a = h % COLOURS.length, b = (a + 1 + (h >>> 8) % (COLOURS.length - 1)) % COLOURS.length;
  return CUTS[(h >>> 16) % CUTS.length](COLOURS[a], COLOURS[b]);
}
