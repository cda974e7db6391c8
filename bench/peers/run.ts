/**
 * Measures only the alternatives to vtep: a table, and what was not measured.
 *
 *     node dist/bench/peers/run.js [--quick] [--json FILE]
 */
import { parseArgs } from 'node:util';
import { writeWhole } from '../../src/capture/file/output-file.js';
import { machine, printTable } from '../machine.js';
import { measurePeers } from './index.js';

function options(): { quick?: boolean | undefined; json?: string | undefined } {
  try {
    return parseArgs({ options: { quick: { type: 'boolean' }, json: { type: 'string' } } }).values;
  } catch (error) {
    process.stderr.write(`run: ${(error as Error).message}; usage: run [--quick] [--json FILE]\n`);
    process.exit(2);
  }
}

const values = options();
const terminal = process.stderr.isTTY;
const { peers, notMeasured, versions } = await measurePeers({
  quick: values.quick === true,
  onProgress: (name) => {
    if (terminal) process.stderr.write(`\r\x1b[K${name}`);
  },
});
if (terminal) process.stderr.write('\r\x1b[K');
process.stdout.write(`${machine()}\n${versions}\n\n`);
printTable(
  ['peer', 'bytes', 'ns/packet', 'Mpps', 'Gbit/s', 'spread %'],
  peers.map(({ peer, what, bytes, pps, nsPerPacket, bitsPerSecond, spread }) => [
    `${peer}: ${what}`,
    String(bytes ?? ''),
    nsPerPacket.toFixed(1),
    (pps / 1e6).toPrecision(3),
    (bitsPerSecond / 1e9).toPrecision(3),
    spread.toFixed(0),
  ]),
);
for (const { peer, what, missing } of notMeasured) {
  process.stdout.write(`not measured: ${peer} (${what}): ${missing}\n`);
}
if (values.json !== undefined) {
  const report = { machine: machine(), versions, peers, notMeasured };
  writeWhole(values.json, `${JSON.stringify(report, null, 2)}\n`);
}
