// Whether what was just built is what is committed. Compressed files are compared by what is in them: another zlib packs the same
// text in other bytes.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const git = (...args) => execFileSync('git', args, { maxBuffer: 1 << 26 });
const text = (name, bytes) => (name.endsWith('.gz') ? gunzipSync(bytes) : bytes);
const committed = git('ls-tree', '-r', '--name-only', 'HEAD', 'dist').toString().split('\n').filter(Boolean);
const built = readdirSync('dist', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`);
const differ = [...new Set([...committed, ...built])].filter(
  (name) =>
    !committed.includes(name) ||
    !built.includes(name) ||
    !text(name, git('show', `HEAD:./${name}`)).equals(text(name, readFileSync(name))),
);
if (differ.length > 0) {
  console.error(`dist is not what the sources make of it; run "make web" and commit it:\n${differ.join('\n')}`);
  process.exit(1);
}
