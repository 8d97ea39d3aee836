// How long the page of a large run takes, in the browser that the machine has: printed, and judged by people. DASHBOARD is the
// address of the server and RUN the run.
import { chromium } from 'playwright-core';

const root = process.getuid?.() === 0;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: root ? ['--no-sandbox'] : [] });

const middle = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** visit opens the page anew and says when the first of the graph was painted, counted from the navigation, and from the answer. */
async function visit() {
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
  await page.goto(`${process.env.DASHBOARD}/default/runs/${process.env.RUN}?tab=timeline`);
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
  const rows = page.getByRole('list', { name: 'Steps on the axis of time' });
  await rows.waitFor();
  // A frame that is long is one in which what is typed or turned is not seen.
  const frames = await rows.evaluate(async (list) => {
    const out = [];
    for (let i = 0, before = performance.now(); i < 120; i++) {
      list.scrollTop += 997;
      await new Promise((done) => requestAnimationFrame(done));
      out.push(performance.now() - before);
      before = performance.now();
    }
    return out.sort((a, b) => a - b);
  });
  const drawn = await rows.locator('[role=listitem]').count();
  const of = await rows.locator('[role=listitem]').first().getAttribute('aria-setsize');
  await context.close();
  return { painted, behind: painted - answered, batch, frame: frames[Math.floor(frames.length / 2)], longest: frames.at(-1), drawn, of };
}

const visits = [];
for (let i = 0; i < 5; i++) visits.push(await visit());
const of = (name) => Math.round(middle(visits.map((v) => v[name])));
console.log(`the graph of ${process.env.RUN} is seen ${of('painted')} ms after the navigation, ${of('behind')} ms after the answer, which takes ${of('batch')} ms`);
console.log(`scrolling the timeline: ${of('frame')} ms for a frame, the longest ${of('longest')} ms; ${visits[0].drawn} of ${visits[0].of} rows are drawn`);
await browser.close();
