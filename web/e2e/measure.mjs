// How long the page of a large run takes, in the browser that the machine has: printed, and judged by people. DASHBOARD is the
// address of the server, RUN the run and SPEC its workflow; HUGE a workflow of very many nodes with a run of that name and -1.
import { chromium } from 'playwright-core';

const root = process.getuid?.() === 0;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: root ? ['--no-sandbox'] : [] });

const middle = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** paint opens a page anew and says when the first of its graph was painted, counted from the navigation, and from the answer. */
async function paint(path) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    new MutationObserver(() => {
      if (globalThis.painted || !document.querySelector('.react-flow__node')) return;
      globalThis.painted = -1;
      requestAnimationFrame(() => setTimeout(() => { globalThis.painted = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });
  });
  const problems = [];
  page.on('pageerror', (e) => problems.push(e.message));
  page.on('console', (m) => m.type() === 'error' && problems.push(m.text()));
  await page.goto(`${process.env.DASHBOARD}/default/${path}`);
  const painted = await page
    .waitForFunction(() => globalThis.painted > 0 && globalThis.painted)
    .then((h) => h.jsonValue())
    .catch(async (e) => {
      await page.screenshot({ path: new URL('out/measure.png', import.meta.url).pathname });
      throw new Error(`${e.message} ${problems.join(' ')}`);
    });
  const { answered, batch } = await page.evaluate(() => {
    const e = performance.getEntriesByType('resource').find((x) => x.name.includes('/ui/v1/batch'));
    return { answered: e.responseEnd, batch: e.responseEnd - e.requestStart };
  });
  return { page, painted, behind: painted - answered, batch };
}

/** scroll turns a list, or the page if there is none, and gives how long its frames took. A frame that is long is one in which what is typed or turned is not seen. */
async function scroll(list) {
  const out = [];
  for (let i = 0, before = performance.now(); i < 120; i++) {
    (list ?? document.scrollingElement).scrollTop += 997;
    await new Promise((done) => requestAnimationFrame(done));
    out.push(performance.now() - before);
    before = performance.now();
  }
  return out.sort((a, b) => a - b);
}

const many = 10_000;

/** list is a visit of a list of many runs: what the server says of one is said of as many. */
async function list() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.route('**/ui/v1/batch', async (route) => {
    const answer = await route.fetch();
    const said = await answer.json();
    const reply = said.answers[0].reply;
    reply.results = Array.from({ length: many }, (_, i) => ({ ...reply.results[0], id: { id: `run-${i}` } }));
    await route.fulfill({ response: answer, json: said });
  });
  await page.goto(`${process.env.DASHBOARD}/default/runs`);
  await page.locator('table.runs tbody tr').nth(9).waitFor();
  const frames = await page.evaluate(scroll, null);
  const drawn = await page.locator('table.runs tbody tr:not(.space)').count();
  const of = (await page.locator('table.runs').getAttribute('aria-rowcount')) - 1;
  const top = await page.evaluate(() => document.scrollingElement.scrollTop);
  await context.close();
  return { frame: frames[Math.floor(frames.length / 2)], longest: frames.at(-1), drawn, of, top };
}

/** visit is that of the run, which is then scrolled. */
async function visit() {
  const { page, ...times } = await paint(`runs/${process.env.RUN}?tab=timeline`);
  const rows = page.getByRole('list', { name: 'Steps on the axis of time' });
  await rows.waitFor();
  const frames = await rows.evaluate(scroll);
  const drawn = await rows.locator('[role=listitem]').count();
  const of = await rows.locator('[role=listitem]').first().getAttribute('aria-setsize');
  await page.context().close();
  return { ...times, frame: frames[Math.floor(frames.length / 2)], longest: frames.at(-1), drawn, of };
}

/** visited is how long it takes until the graph of a page is seen, the middle of several visits. */
async function visited(path) {
  const all = [];
  for (let i = 0; i < 5; i++) {
    const { page, ...times } = await paint(path);
    await page.context().close();
    all.push(times);
  }
  const of = (name) => Math.round(middle(all.map((v) => v[name])));
  console.log(`the graph of ${path} is seen ${of('painted')} ms after the navigation, ${of('behind')} ms after the answer, which takes ${of('batch')} ms`);
}

const visits = [];
for (let i = 0; i < 5; i++) visits.push(await visit());
const of = (name) => Math.round(middle(visits.map((v) => v[name])));
console.log(`the graph of ${process.env.RUN} is seen ${of('painted')} ms after the navigation, ${of('behind')} ms after the answer, which takes ${of('batch')} ms`);
console.log(`scrolling the timeline: ${of('frame')} ms for a frame, the longest ${of('longest')} ms; ${visits[0].drawn} of ${visits[0].of} rows are drawn`);
for (const path of [`specs/${process.env.SPEC}`, `specs/${process.env.HUGE}`, `runs/${process.env.HUGE}-1`]) await visited(path);
const lists = [];
for (let i = 0; i < 5; i++) lists.push(await list());
const ofList = (name) => Math.round(middle(lists.map((v) => v[name])));
console.log(`scrolling a list of runs by ${ofList('top')} px: ${ofList('frame')} ms for a frame, the longest ${ofList('longest')} ms; ${ofList('drawn')} of ${ofList('of')} rows are drawn`);
await browser.close();
