import type { Request, Rpc } from './api';
import { session } from './api';

/** quoted writes a word as a shell takes it. */
export const quoted = (word: string): string => (/^[A-Za-z0-9_./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

export const command = (...words: string[]): string => ['lhctl', ...words.map(quoted)].join(' ');

/** answering is a command that asks, with its answers: a line each. */
export const answering = (answers: string[], ...words: string[]): string => `printf '%s\\n' ${answers.map(quoted).join(' ')} | ${command(...words)}`;

/** curl is a call without lhctl, where no command says the same. */
export function curl<K extends Rpc>(rpc: K, request: Request<K>): string {
  const headers = ['-H', 'Content-Type: application/json', '-H', 'X-LH-UI: 1', '-H', `tenantId: ${session.tenant}`];
  return ['curl', ...headers.map(quoted), '-d', quoted(JSON.stringify(request)), quoted(`${location.origin}/api/${rpc}`)].join(' ');
}
