/**
 * A process that joins a swarm, for tests in network namespaces. Its argument is JSON with the options of JoinedNode.
 * It prints each event as a line of JSON, closes the node on SIGTERM, and leaves its attachments on SIGINT. Lines on
 * standard input attach networks: `NETWORK` or `NETWORK=ADDRESS`.
 */
import { createInterface } from 'node:readline';
import { JoinedNode, type JoinedNodeOptions, type JoinEvent } from '../../src/join/index.js';

function line(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const node = new JoinedNode({
  ...(JSON.parse(process.argv[2] ?? '') as JoinedNodeOptions),
  onEvent: (event: JoinEvent) => {
    const { error } = event as { error?: { code: string; message: string } };
    line(error === undefined ? event : { ...event, error: { code: error.code, message: error.message } });
  },
});
for (const [signal, detach] of [
  ['SIGTERM', true],
  ['SIGINT', false],
] as const) {
  process.once(signal, () => {
    void node.close({ detach }).then((left) => {
      line({ kind: 'closed', left });
      process.exit(0);
    });
  });
}
createInterface({ input: process.stdin }).on('line', (text) => {
  const at = text.indexOf('=');
  node.attach(at < 0 ? { network: text } : { network: text.slice(0, at), address: text.slice(at + 1) });
});
node.start().then(
  () => line({ kind: 'started', nodeId: node.nodeId }),
  (error: unknown) => {
    const { code, message } = error as { code: string; message: string };
    line({ kind: 'failed', code, message });
    process.exit(1);
  },
);
