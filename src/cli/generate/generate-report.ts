/** What `vtep generate` says when it is done. */
import type { GenerateReport } from '../../generate/index.js';
import type { StatusLine } from '../progress.js';
import { grouped, numbers, remarks, table, words } from '../table.js';
import { say } from '../text-output.js';

/** Packet numbers that are shown of a fault. */
const SHOWN = 5;
const WIDTH = 120;

/** Prints the report to standard error: standard output may be the capture. */
export function sayReport(report: GenerateReport, output: string, files: readonly string[]): void {
  const { packets, bytes, seconds, nodes, networks, flows, sas, seed, faults } = report;
  const size = bytes < 1e6 ? `${grouped(bytes)} bytes` : `${(bytes / 1e6).toFixed(1)} MB`;
  say(`${grouped(packets)} packets, ${size}, ${seconds.toFixed(3)} s -> ${output}`);
  const vnis = networks.map(({ vni }) => vni);
  const range = vnis.length === 1 ? `VNI ${vnis[0]}` : `VNIs ${Math.min(...vnis)} to ${Math.max(...vnis)}`;
  const encrypted = sas === 0 ? '' : `, ${grouped(sas)} SAs`;
  say(`${grouped(nodes.length)} nodes, ${range}, ${grouped(flows)} flows${encrypted}, seed ${seed}`);
  if (files.length > 0) say(`${sas === 0 ? '' : 'keys, '}config and networks -> ${files.join(', ')}`);
  if (faults.length === 0) return;
  const columns = [words('Fault'), numbers('Packets'), words('Nodes'), remarks('First packets')];
  const rows = faults.map(({ fault, count, packets: shown, nodes: between }) => [
    fault,
    count,
    between.length > SHOWN ? `${between.length} nodes` : between.join(', '),
    shown.slice(0, SHOWN).join(', ') + (count > SHOWN ? '...' : ''),
  ]);
  for (const line of table(columns, rows, WIDTH)) say(line);
}

/** Shows how far it is. */
export function showProgress(line: StatusLine, name: string, progress: number): void {
  line.show(`${name}: ${Math.floor(100 * progress)} %`);
}
