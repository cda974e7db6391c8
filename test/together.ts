/**
 * Prints the test files that `npm test` runs besides those of joining. Files of rooms that are only computation share
 * processes, six to each: starting one and loading its modules takes longer than most of their tests.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

const TESTS = import.meta.dirname;
const TOGETHER = join(TESTS, 'together');
const FILES_EACH = 6;
/** Rooms whose tests start no servers, and measure nothing of the process. */
const SHARED: ReadonlySet<string> = new Set([
  ...['aead', 'capture', 'dataplane', 'fragment', 'frames', 'gossip', 'inspect', 'ipsec', 'memory', 'overlay'],
  ...['picture', 'protobuf', 'replay', 'report', 'service', 'simulate', 'text', 'wire'],
]);
/** Run beforehand, by `test:swarm`. */
const BEFORE = /^(?:swarm|join|deploy|cli\/join)\//;

rmSync(TOGETHER, { recursive: true, force: true });
mkdirSync(TOGETHER);
const rooms = new Map<string, string[]>();
for (const name of readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).sort()) {
  if (!name.endsWith('.test.js') || BEFORE.test(name)) continue;
  const [room] = name.split('/');
  rooms.set(room, [...(rooms.get(room) ?? []), join(TESTS, name)]);
}
const paths = [...rooms].flatMap(([room, files]) => (SHARED.has(room) ? shared(room, files) : files));
process.stdout.write(`${paths.map((path) => relative(process.cwd(), path)).join('\n')}\n`);

/** Files that each import some of a room's. Every so-many-th goes to the same one, as neighbours are alike in what they take. */
function shared(room: string, files: readonly string[]): string[] {
  const count = Math.ceil(files.length / FILES_EACH);
  return Array.from({ length: count }, (_, i) => {
    const path = join(TOGETHER, `${room}-${i + 1}.test.js`);
    const own = files.filter((__, k) => k % count === i);
    writeFileSync(path, own.map((file) => `import '${pathToFileURL(file).href}';\n`).join(''));
    return path;
  });
}
