/** `vtep explore`: captures in a browser. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { Operand, option } from '../options/declared.js';
import { UNDERLAY_DECODER_OPTIONS } from '../options/underlay-decoder-options.js';
import { integer } from '../options/value-kinds.js';
import { withSignals } from '../signals.js';
import { say, TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { exploredFiles } from './explored-files.js';
import { ExploreServer } from './explore-server.js';

const PAGE = fileURLToPath(new URL('../../../native-free/explorer/explorer.html', import.meta.url));

/** `vtep explore [FILE...]`. */
export const exploreCommand = declare({
  usage: ['[FILE...] [--keys FILE]... [--port N]'],
  description: [
    'Shows captures in a browser: findings, a map, throughput over time, flows, packets with what ESP holds, keys and gossip. ' +
      'It serves the page and the files on loopback, and prints a link that works once. Nothing leaves the machine. Without ' +
      'FILE, files are opened in the page.',
    'It runs until Ctrl-C.',
  ],
  operand: new Operand(
    '[FILE...]',
    'a capture, or a text',
    'captures in pcap or pcapng format, and other inputs of vtep doctor: keys, inspect dumps, outputs of commands',
  ),
  options: {
    keys: UNDERLAY_DECODER_OPTIONS.keys,
    port: option('--port N', 'TCP port to listen on, on 127.0.0.1', integer(0, 0xffff)).otherwise('any free one'),
  },
  notes: [
    'On another machine: ssh -L 8000:127.0.0.1:8000 HOST vtep explore wire.pcap --port 8000, and open the link here. The page is ' +
      'one file that also works alone: native-free/explorer/explorer.html in the package.',
  ],
  examples: [
    ['vtep explore wire.pcap', 'a capture, read in ranges: it may be of any size'],
    ['vtep explore wire.pcap --keys keys.txt', 'of an encrypted network; ip xfrm state > keys.txt'],
    [
      'vtep explore node1.pcap node2.pcap networks.json',
      'both ends, with the names that docker network inspect -v gives',
    ],
  ],
  fails: 'The port is in use.',
  async run({ keys, port }, operands) {
    if (!existsSync(PAGE)) throw new UsageError('the page of the explorer is missing; build it: npm run build');
    const files = await exploredFiles(operands, keys);
    const server = await listen(readFileSync(PAGE, 'utf8'), files, port);
    const output = new TextOutput();
    // Its token looks like a key, which lines hide.
    output.verbatim(server.url);
    output.flush();
    say('open this link; it works once. Ctrl-C ends vtep explore');
    let stop = (): void => undefined;
    const stopped = new Promise<void>((done) => (stop = done));
    await withSignals({ SIGINT: () => stop(), SIGTERM: () => stop() }, () => stopped);
    server.close();
    return ExitCode.Done;
  },
});

async function listen(
  page: string,
  files: Awaited<ReturnType<typeof exploredFiles>>,
  port: number | undefined,
): Promise<ExploreServer> {
  try {
    return await ExploreServer.listen(page, files, port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new UsageError(`--port ${port ?? 0}: another program listens there`);
    if (code === 'EACCES') throw new UsageError(`--port ${port ?? 0}: ports below 1024 need root`);
    throw error;
  }
}
