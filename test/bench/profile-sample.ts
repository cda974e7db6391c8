/** CPU profiles for tests, from stacks as text. */
import { type CpuProfile } from '../../bench/cpu-profile.js';

const URLS: Readonly<Record<string, string>> = {
  own: 'file:///home/somebody/vtep/dist/src/dataplane/seal.js',
  free: 'file:///home/somebody/vtep/dist/native-free/forge-aead.js',
  package: 'file:///home/somebody/vtep/node_modules/vtep/dist/src/index.js',
  bench: 'file:///C:/Users/some%20body/vtep/dist/bench/run.js',
  node: 'node:internal/crypto/cipher',
  wasm: 'wasm://wasm/00ab12cd',
};

/**
 * A profile of stacks with their number of samples. A function is `name` for one of V8's, or `name@kind` with a key of
 * `URLS`; it is in line 11 of its file.
 */
export function profileOf(stacks: readonly (readonly [stack: string, samples: number])[]): CpuProfile {
  const nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
    children: number[];
  }[] = [];
  const add = (word: string): number => {
    const [functionName, kind] = word.split('@') as [string, string | undefined];
    const callFrame = { functionName, url: URLS[kind ?? ''] ?? '', lineNumber: kind === undefined ? -1 : 10 };
    return nodes.push({ id: nodes.length + 1, callFrame, children: [] });
  };
  add('(root)');
  const samples = stacks.flatMap(([stack, count]) => {
    let at = 1;
    for (const word of stack.split(' ')) {
      // As V8 may: a function with the same call path in two stacks has a node in each.
      const next = add(word);
      nodes[at - 1].children.push(next);
      at = next;
    }
    return Array.from({ length: count }, () => at);
  });
  return { nodes, samples, timeDeltas: samples.map(() => 1000) };
}
