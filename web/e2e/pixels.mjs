// Pictures that are compared with those that are kept in pixels/: of graphs and pages without their texts, whose looks are the machine's.
// PIXELS=write keeps what is seen now.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { browser, need, out } from './harness.mjs';

const kept = new URL('pixels/', import.meta.url).pathname;
/** tolerance is how many of a picture's pixels may differ, and near how much a colour may. */
const tolerance = 0.005;
const near = 40;

const bare = `
  .canvas *, .canvas *::before { color: transparent !important; text-shadow: none !important; }
  .edge-label, .react-flow__attribution, .react-flow__controls, .canvas-tools, .node .mark, .node svg { visibility: hidden !important; }
`;

/** plain leaves of a page what does not hang on fonts, on what time it is, and on whether it has been counted: columns are as wide as each other. */
const plain = `
  *, *::before, *::after, *::placeholder { color: transparent !important; text-shadow: none !important; caret-color: transparent !important; }
  svg, progress, .canvas, .bars, .bar, .sign { visibility: hidden !important; }
  table { table-layout: fixed !important; width: 100% !important; }
  .toasts { display: none !important; }
  time { display: inline-block !important; width: 8em !important; height: 1.2em !important; overflow: hidden !important; white-space: nowrap !important; vertical-align: bottom !important; }
  .card .bars, [data-sparkline] { display: none !important; }
`;
/** wider is how many pixels of a page may differ: buttons are as wide as their words. */
const wider = 0.015;

/** samePage compares a whole page with how it looked. */
export async function samePage(page, name) {
  await page.addStyleTag({ content: plain });
  await page.mouse.move(0, 0);
  return compared(name, await page.screenshot(), wider);
}

/** same compares the graph that a page shows with how it looked. */
export async function same(page, name) {
  await page.addStyleTag({ content: bare });
  await page.mouse.move(0, 0);
  return compared(name, await page.locator('.canvas').screenshot(), tolerance);
}

async function compared(name, now, most) {
  const path = `${kept}${name}.png`;
  if (process.env.PIXELS === 'write') {
    mkdirSync(kept, { recursive: true });
    writeFileSync(path, now);
    return now;
  }
  if (!existsSync(path)) {
    need(`${path} is not there`, false);
    return now;
  }
  const told = await differ(readFileSync(path), now);
  if (told <= most) return now;
  writeFileSync(`${out}pixels-${name}.png`, now);
  need(`${name}: ${(told * 100).toFixed(2)} % of it look otherwise than in ${path}`, false);
  return now;
}

let table;

/** differ is the share of pixels that are not alike; all of them if the pictures are not of one size. */
export async function differ(a, b) {
  if (!table || table.isClosed()) table = await (await browser.newContext()).newPage();
  return await table.evaluate(
    async ([one, other, most]) => {
      const read = async (base64) => {
        const image = new Image();
        image.src = `data:image/png;base64,${base64}`;
        await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height);
        const on = canvas.getContext('2d');
        on.drawImage(image, 0, 0);
        return on.getImageData(0, 0, image.width, image.height);
      };
      const [x, y] = [await read(one), await read(other)];
      if (x.width !== y.width || x.height !== y.height) return 1;
      let n = 0;
      for (let i = 0; i < x.data.length; i += 4) {
        if (Math.abs(x.data[i] - y.data[i]) + Math.abs(x.data[i + 1] - y.data[i + 1]) + Math.abs(x.data[i + 2] - y.data[i + 2]) > most) n++;
      }
      return n / (x.data.length / 4);
    },
    [a.toString('base64'), b.toString('base64'), near],
  );
}
