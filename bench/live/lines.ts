/** The lines that are compared: kernel and vtep in every combination, another build of vtep, and other programs. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { VTEP_MAIN } from './build.js';
import { kernelEnd } from './kernel.js';
import { PEERS } from './peers/index.js';
import { LiveBenchError } from './requirements.js';
import { betweenEnds, type End, type NodeIndex, type Overlay, type Place, type Setup } from './setup.js';
import { vtepEnd } from './vtep.js';

/** A row of the tables. Lines of the same overlay share it. */
export interface Line {
  readonly name: string;
  readonly what: string;
  readonly overlay: Overlay;
  /** Whether data goes from the server's node to the client's. */
  readonly reverse: boolean;
}

/** The line that the others are compared with. */
export const REFERENCE = 'kernel->kernel';
/** What lines call this build of vtep, and the one of `--against`. */
export const VTEP = 'vtep';
export const OTHER_VTEP = 'vtep2';

type Build = (place: Place, node: NodeIndex) => End | Promise<End>;

/** An overlay of two ends that need nothing besides what the benchmark itself needs. */
function overlayOf(client: Build, server: Build): Overlay {
  return {
    missing: () => undefined,
    open: async (place): Promise<Setup> => betweenEnds(await client(place, 1), await server(place, 2)),
  };
}

/** The lines with a build of vtep, which they call `product`. */
function vtepLines(product: string, main: string): Line[] {
  const end =
    (encrypted: boolean): Build =>
    async (place, node) =>
      vtepEnd(place, node, { main, encrypted });
  const [clear, esp] = [end(false), end(true)];
  const mixed = overlayOf(kernelEnd, clear);
  const both = `${product}->${product}`;
  return [
    { name: `kernel->${product}`, what: `from kernel vxlan to ${product}`, overlay: mixed, reverse: false },
    { name: `${product}->kernel`, what: `from ${product} to kernel vxlan`, overlay: mixed, reverse: true },
    { name: both, what: `${product} on both nodes`, overlay: overlayOf(clear, clear), reverse: false },
    { name: `${both}-esp`, what: `${product}, AES-128-GCM as in Swarm`, overlay: overlayOf(esp, esp), reverse: false },
  ];
}

/**
 * Finds the entry point of another build.
 * @param folder its `dist`, or the checkout with it
 * @throws LiveBenchError if there is none
 */
export function mainOf(folder: string): string {
  // Older builds have no bundle of the command line.
  const mains = ['cli/main.js', 'dist/cli/main.js', 'src/cli/main.js', 'dist/src/cli/main.js'];
  const tried = mains.map((path) => resolve(join(folder, path)));
  const main = tried.find((path) => existsSync(path));
  if (main === undefined) {
    throw new LiveBenchError('NO_BUILD', `--against ${folder}: no build of vtep is there (${tried.join(', ')})`);
  }
  return main;
}

/**
 * All lines, in the order of the tables.
 * @param against `dist` of another build
 */
export function allLines(against?: string): Line[] {
  return [
    {
      name: REFERENCE,
      what: 'kernel vxlan on both nodes',
      overlay: overlayOf(kernelEnd, kernelEnd),
      reverse: false,
    },
    ...vtepLines(VTEP, VTEP_MAIN),
    ...(against === undefined ? [] : vtepLines(OTHER_VTEP, mainOf(against))),
    ...PEERS.map(({ name, what, ...overlay }): Line => ({ name, what, overlay, reverse: false })),
  ];
}
