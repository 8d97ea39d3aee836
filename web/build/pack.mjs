// What vite has built is packed as it is embedded: compressed, and with a note of what it was made from.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

// As in dist_test.go.
const sources = ['src', 'build', 'index.html', 'package.json', 'package-lock.json', 'tsconfig.json', 'vite.config.ts'];

const filesOf = (name) =>
  statSync(name).isDirectory() ? readdirSync(name).flatMap((inner) => filesOf(`${name}/${inner}`)) : [name];
const sha = (text) => createHash('sha256').update(text).digest('hex');

const files = sources.flatMap(filesOf).filter((name) => !name.includes('.test.'));
files.sort((a, b) => (a < b ? -1 : 1));
const lines = files.map((name) => `${name} ${sha(readFileSync(name, 'utf8').replaceAll('\r\n', '\n'))}\n`);

for (const name of filesOf('dist/assets')) {
  writeFileSync(`${name}.gz`, gzipSync(readFileSync(name), { level: 9 }));
  rmSync(name);
}
writeFileSync('dist/build-info.json', `${JSON.stringify({ sources: sha(lines.join('')) })}\n`);
