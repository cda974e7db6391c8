/** Captures for Wireshark, until it has had enough. */
import { closeSync, constants, openSync, statSync } from 'node:fs';
import { PcapngWriter } from '../../capture/index.js';
import type { UnderlayDecoderOptions } from '../../dataplane/index.js';
import type { InboundEsp } from '../../ipsec/index.js';
import { overlayFilter } from '../../live/index.js';
import { openOutput } from '../output.js';
import { withSignals } from '../signals.js';
import { grouped } from '../table.js';
import { say } from '../text-output.js';
import { CommentedFrames } from './commented-frames.js';
import type { ExtcapTarget } from './extcap-interfaces.js';
import { openLiveSource } from './live-source.js';

/** What to capture, and where to. */
export interface ExtcapOrder {
  readonly target: ExtcapTarget;
  /** Wireshark's pipe; a file, or `-`, without Wireshark. */
  readonly output: string;
  readonly decoder: UnderlayDecoderOptions;
  /** UDP ports of VXLAN; undefined for the default. */
  readonly ports: readonly number[] | undefined;
  /** The user's filter; undefined for all packets of the overlay. */
  readonly filter: string | undefined;
  readonly undecoded: boolean;
  /** New keys, if there are any since the last call. */
  readonly renewKeys: () => Promise<InboundEsp | undefined>;
}

/**
 * Captures until Wireshark or a user stops it. Standard error stays empty if all is well: Wireshark shows it as an error.
 * @returns whether the capture ended as requested
 * @throws LiveError if the device can't be opened; CaptureError if the pipe is closed
 */
export async function runExtcap(order: ExtcapOrder): Promise<boolean> {
  const { target, output, decoder, ports, filter, undecoded, renewKeys } = order;
  const source = await openLiveSource(target.device, filtersOf(target, ports, filter)).catch((error: unknown) => {
    releaseReader(output);
    throw error;
  });
  try {
    // Opened after the device: until then, Wireshark shows what is wrong with it.
    const file = openOutput(output, undefined, { ownerOnly: true });
    try {
      const writer = new PcapngWriter(file.write);
      const { device, names } = target;
      const frames = new CommentedFrames(writer, { decoder, names, undecoded, device });
      // Wireshark waits for the header.
      writer.flush();
      const stop = (): void => source.stop();
      await withSignals({ SIGINT: stop, SIGTERM: stop, SIGHUP: stop }, async () => {
        for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
          const renewed = await renewKeys();
          if (renewed !== undefined) frames.useKeys(renewed);
          frames.take(batch);
          writer.flush();
        }
      });
      file.commit();
    } finally {
      file.abandon();
    }
    const { damage, kernelDrops = 0 } = source;
    if (kernelDrops > 0) say(`vtep: ${grouped(kernelDrops)} packets dropped by the kernel`);
    if (damage !== undefined) say(`vtep: ${damage.message}`);
    return damage === undefined;
  } finally {
    await source.close();
  }
}

/** Ends the wait of a pipe's reader, which would last for ever if nobody opened its other end. */
function releaseReader(path: string): void {
  try {
    if (!statSync(path).isFIFO()) return;
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch {
    // Nobody reads it.
  }
}

/** libpcap filters, in order of preference. */
function filtersOf(
  { vtep }: ExtcapTarget,
  ports: readonly number[] | undefined,
  filter: string | undefined,
): readonly string[] {
  if (filter !== undefined) return [filter];
  const ready = ports === undefined ? {} : { port: ports };
  // `vlan` shifts what follows it, so a node's address comes first, and without VLANs.
  if (vtep !== undefined) return [`host ${vtep} and (${overlayFilter({ ...ready, vlan: false })})`];
  return [overlayFilter(ready), overlayFilter({ ...ready, vlan: false })];
}
