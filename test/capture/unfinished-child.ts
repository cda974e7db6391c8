/**
 * Begins outputs, and ends without finishing them: `unfinished-child.js exit|kill|wait|finish FILE...`. A FILE that begins with
 * `rotating:` is begun by RotatingFiles. With `wait`, it says when they are begun and runs on until a signal. With `finish`,
 * it finishes them.
 */
import { writeSync } from 'node:fs';
import { LinkType, OutputFile, RotatingFiles } from '../../src/capture/index.js';

const ROTATING = 'rotating:';

const [how, ...paths] = process.argv.slice(2);
for (const path of paths) {
  if (path.startsWith(ROTATING)) {
    const options = { format: 'pcap', linkType: LinkType.Ethernet, name: 'eth0', size: 1000 } as const;
    new RotatingFiles(path.slice(ROTATING.length), 1_795_225_541, options);
  } else {
    const file = new OutputFile(path, undefined, { ownerOnly: true });
    file.write(new TextEncoder().encode('half a key'));
    if (how === 'finish') file.commit();
  }
}
if (how === 'kill') process.kill(process.pid, 'SIGKILL');
if (how !== 'exit' && how !== 'finish') setTimeout(() => process.exit(1), 60_000);
if (how === 'wait') writeSync(1, 'begun\n');
