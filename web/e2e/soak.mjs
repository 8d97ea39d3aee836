// A page that is looked at for a long time while much happens: what it keeps must not grow with that. DASHBOARD is the address of the
// server, UPDATES how often something happens, RATE how often in a minute; without it as fast as it goes.
import { apart, base, end, journey, need, open, rpc } from './harness.mjs';

const updates = Number(process.env.UPDATES);
const rate = Number(process.env.RATE);
const mostHeap = 50 << 20;
const mostNodes = 1000;

/** kept is what a page holds when all is collected that can be. */
async function kept(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  await cdp.send('HeapProfiler.collectGarbage');
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  await cdp.detach();
  const of = (name) => metrics.find((m) => m.name === name).value;
  return { heap: of('JSHeapUsedSize'), nodes: of('Nodes'), listeners: of('JSEventListeners') };
}

await journey(`pages see ${updates} changes and keep no more than before`, apart, async () => {
  const [run, list, overview] = [await open(), await open(), await open()];
  const pages = { run, list, overview };
  await run.goto(`${base}/default/runs/pulse-1`);
  await run.locator('[data-why]').getByText(/Waits for the event beat/).waitFor();
  await list.goto(`${base}/default/runs`);
  await overview.goto(`${base}/default/overview`);
  await overview.locator('.card').first().waitFor();
  const began = Date.now();
  const due = async (i) => {
    const left = rate > 0 ? began + (i * 60_000) / rate - Date.now() : 0;
    if (left > 0) await new Promise((go) => setTimeout(go, left));
  };
  const beat = async (from, until) => {
    for (let i = from; i < until; i++) {
      await due(i);
      await rpc('PutExternalEvent', { wfRunId: { id: 'pulse-1' }, externalEventDefId: { name: 'beat' }, content: { int: '1' } });
      await rpc('RunWf', { wfSpecName: 'once', id: `once-${i}` });
      if (i % 10 === 0) await run.locator('[data-variable="beats"]').getByText(String(i + 1), { exact: true }).first().waitFor();
    }
    await run.locator('[data-variable="beats"]').getByText(String(until), { exact: true }).first().waitFor();
    await list.locator('tr', { has: list.getByRole('link', { name: `once-${until - 1}`, exact: true }) }).getByText('completed').waitFor();
  };
  const early = Math.min(updates, 150); // by then lists are as long as they get
  await beat(0, early);
  const before = {};
  for (const [name, page] of Object.entries(pages)) before[name] = await kept(page);
  await beat(early, updates);
  const took = (Date.now() - began) / 1000;
  console.log(`    ${updates} runs in ${took.toFixed(0)} s: ${((updates / took) * 60).toFixed(0)} in a minute`);
  for (const [name, page] of Object.entries(pages)) {
    const after = await kept(page);
    const grown = { heap: after.heap - before[name].heap, nodes: after.nodes - before[name].nodes, listeners: after.listeners - before[name].listeners };
    console.log(`    ${name}: heap ${(after.heap / 2 ** 20).toFixed(1)} MB (${(grown.heap / 2 ** 20).toFixed(1)} more), ${after.nodes} nodes (${grown.nodes} more), ${after.listeners} listeners (${grown.listeners} more)`);
    need(`${name}: the heap has grown by ${grown.heap} bytes`, grown.heap < mostHeap);
    need(`${name}: there are ${grown.nodes} more nodes`, grown.nodes < mostNodes);
    need(`${name}: there are ${grown.listeners} more listeners`, grown.listeners < mostNodes);
  }
  await run.reload();
  await run.locator('[data-variable="beats"]').getByText(String(updates), { exact: true }).first().waitFor();
});

await end();
