/** When V8 compiles the packet path. */
import { setFlagsFromString } from 'node:v8';

/**
 * Flags by V8's major version, as their names have changed; V8 11 is that of Node 20, V8 14 that of Node 26. Other
 * versions keep their defaults, since V8 prints an error for a flag that it doesn't know.
 */
const FLAGS: ReadonlyMap<string, readonly string[]> = new Map([
  ['11', ['--interrupt-budget=5000']],
  ['12', ['--invocation-count-for-maglev=20', '--invocation-count-for-turbofan=100']],
  ['13', ['--invocation-count-for-maglev=20', '--invocation-count-for-turbofan=100']],
  ['14', ['--invocation-count-for-maglev=20', '--invocation-count-for-turbofan=100']],
]);

/**
 * Lets V8 optimize functions after tens of calls, not thousands. Where packets are rare, a node would interpret its
 * packet path for minutes, at several times the latency. Affects all threads of this process.
 */
export function optimizeEarly(): void {
  const [major = ''] = process.versions.v8.split('.');
  for (const flag of FLAGS.get(major) ?? []) setFlagsFromString(flag);
}
