/** The benchmark that `vtep bench` runs. */
import { AEAD_BACKENDS, type Aead, AeadError, chooseAead } from '../src/aead/index.js';
import { isVtepError, VtepError } from '../src/error.js';
import { forgeBackend } from '../native-free/forge-aead.js';
import { cellsOf } from './cells.js';
import { meanBytes } from './imix.js';
import { machineFacts, machineName, median, spread } from './machine.js';
import { measureCells, type Times } from './measure.js';
import { type Setting, settingsOf } from './plan.js';
import type * as LiveBench from './live/index.js';
import type { measurePeers } from './peers/index.js';
import type { BenchReport, BenchResult, MissingPeer } from './result.js';
import { measureTunnels } from './tunnels.js';

export { plotReport } from './plot.js';
export type { BenchReport } from './result.js';
export { printReport } from './table.js';
export { isVtepError };
export { targetsOf } from './targets.js';

/** Options of a run. */
export interface BenchOptions {
  /** Fewer sizes, batches, flows and rounds: under a minute instead of under ten. */
  readonly quick: boolean;
  /** Whether to measure other programs too: needs a checkout. */
  readonly peers: boolean;
  /** Called with what is measured next. */
  readonly onProgress?: (what: string) => void;
}

const WHOLE: Times = { rounds: 5, round: 50 };
const QUICK: Times = { rounds: 3, round: 15 };

/**
 * Runs the benchmark. Every cell's output is checked before it is timed, and again afterwards.
 * @throws Error if an output is wrong, which makes all figures meaningless
 */
export async function runBench({ quick, peers, onProgress }: BenchOptions): Promise<BenchReport> {
  const { aeads, missing } = workingCiphers();
  const results: BenchResult[] = [];
  // Loaded first: outside a checkout, this fails now rather than after ten minutes.
  const measureOthers = peers ? await loadPeers() : undefined;
  const settings = settingsOf(quick);
  for (const [i, setting] of settings.entries()) {
    const { size, batch, flows } = setting;
    onProgress?.(`${i + 1} of ${settings.length}: ${size} bytes, batches of ${batch}, ${flows} flows`);
    // A quick run varies batches and flows only with the fastest cipher.
    const usual = batch === settings[0].batch && flows === settings[0].flows;
    const ciphers = quick && !usual ? aeads.slice(0, 1) : aeads;
    results.push(...(await measureSetting(setting, ciphers, quick ? QUICK : WHOLE)));
  }
  onProgress?.('many tunnels');
  const tunnels = aeads.slice(0, 1).flatMap((aead) => measureTunnels(aead, quick));
  const others = (await measureOthers?.({ quick, ...(onProgress === undefined ? {} : { onProgress }) })) ?? {
    peers: [],
    notMeasured: [],
  };
  const machine = machineFacts();
  return {
    machine: machineName(machine),
    ...(machine.aes === undefined ? {} : { aes: machine.aes }),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    results,
    tunnels,
    peers: others.peers,
    notMeasured: [...missing, ...others.notMeasured],
  };
}

/** Loads the code that measures other programs, which is in a checkout but not in the package. */
async function loadPeers(): Promise<typeof measurePeers> {
  try {
    return (await import('./peers/index.js')).measurePeers;
  } catch (error) {
    throw new VtepError('NO_PEERS', '--peers needs a checkout of the repository', { cause: error });
  }
}

/**
 * Loads the benchmark of the live path, which is in a checkout but not in the package.
 * @throws VtepError outside a checkout
 */
export async function loadLiveBench(): Promise<typeof LiveBench> {
  try {
    return await import('./live/index.js');
  } catch (error) {
    throw new VtepError('NO_CHECKOUT', '--live needs a checkout of the repository', { cause: error });
  }
}

/** Measures the cells of a setting. */
export async function measureSetting(setting: Setting, aeads: readonly Aead[], times: Times): Promise<BenchResult[]> {
  const set = cellsOf(setting, aeads);
  const { cells } = set;
  try {
    for (const { cell } of cells) cell.check();
    const measured = await measureCells(cells, times);
    for (const { cell } of cells) cell.check();
    const { size, batch, flows } = setting;
    return cells.map(({ stage, encrypted, backend }, i): BenchResult => {
      const nsPerPacket = median(measured[i]);
      const pps = 1e9 / nsPerPacket;
      const bitsPerSecond = pps * meanBytes(size) * 8;
      return {
        stage,
        encrypted,
        bytes: size,
        backend,
        batch,
        flows,
        pps,
        nsPerPacket,
        bitsPerSecond,
        spread: spread(measured[i]),
        best: Math.min(...measured[i]),
      };
    });
  } finally {
    set.close();
  }
}

/** The available ciphers, fastest first, and why the others are unavailable. */
export function workingCiphers(): { aeads: Aead[]; missing: MissingPeer[] } {
  const backends = [...AEAD_BACKENDS, forgeBackend];
  const aeads: Aead[] = [];
  const missing: MissingPeer[] = [];
  for (const { name } of backends) {
    try {
      aeads.push(chooseAead(name, backends).aead);
    } catch (error) {
      if (!(error instanceof AeadError)) throw error;
      missing.push({ peer: 'vtep', what: `the cipher ${name}`, missing: error.message });
    }
  }
  return { aeads, missing };
}
