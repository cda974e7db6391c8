/** The node of `up --store`: its records, and those of the others, are in a store. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isVtepError } from '../../error.js';
import { FleetVtep, Kek, KEK_VARIABLE, parseStoreAddress, type Store } from '../../fleet/index.js';
import { storeMetrics, storeSections } from '../../fleet/internal.js';
import type { EndpointReport, LiveVtep, LiveVtepOptions, StatusSections } from '../../live/index.js';
import { type Node, parseIp, type RingOutcome } from '../../overlay/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { openStore, storeAddress, type StoreValues } from '../options/store-option.js';
import { say } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import type { UpNode } from './up-node.js';
import { startLines } from './up-start.js';

/** What the command line says about a node in a store. */
export interface StoreNodeValues extends StoreValues {
  readonly node: string;
  readonly vtep: readonly (readonly [node: string, address: string])[];
  readonly mtu?: number | undefined;
  readonly kek: readonly string[];
  /** In seconds. */
  readonly lease?: number | undefined;
}

/** Milliseconds between attempts to reach a store. */
const RETRY = 1000;
const MILLISECONDS = 1000;
/** MTU of a node's interface, unless it is given. */
const ETHERNET = 1500;

/**
 * This node, as the command line has it.
 * @throws UsageError
 */
export function nodeInStore({ node, vtep, mtu = ETHERNET }: StoreNodeValues): Node {
  const others = vtep.find(([name]) => name !== '' && name !== node);
  if (others !== undefined) {
    throw new UsageError(`--vtep ${others[0]}=... is another node's; with --store, the store has the others`);
  }
  if (vtep.length !== 1) throw new UsageError("--store needs --vtep ADDRESS, this node's VTEP address, once");
  const [[, address]] = vtep;
  try {
    return { name: node, vtep: parseIp(address), mac: undefined, mtu };
  } catch {
    throw new UsageError(`--vtep takes an IP address, not ${inQuotes(address)}`);
  }
}

/**
 * The keys that open the store's key ring: files, or else the environment's. The caller wipes them.
 * @throws StoreError `BAD_KEK`
 */
export function readKeks({ kek: paths }: Pick<StoreNodeValues, 'kek'>, env: NodeJS.ProcessEnv = process.env): Kek[] {
  const text = env[KEK_VARIABLE];
  if (paths.length === 0) return text === undefined || text === '' ? [] : [Kek.fromText(text, KEK_VARIABLE)];
  const keks: Kek[] = [];
  try {
    for (const path of paths) keks.push(Kek.fromFile(path));
    return keks;
  } catch (error) {
    for (const kek of keks) kek.wipe();
    throw error;
  }
}

/** The node. */
export class StoreNode implements UpNode {
  readonly sections: StatusSections;
  readonly #node: FleetVtep;
  readonly #where: string;

  private constructor(node: FleetVtep, where: string) {
    this.#node = node;
    this.#where = where;
    this.sections = storeSections(() => node.report);
  }

  /**
   * Opens it. While the store is out of reach, it waits.
   * @param keks the caller wipes them after the node is closed
   * @param signal ends the opening
   * @returns undefined if it was ended
   * @throws UsageError; StoreError if the address or the credentials are wrong; FleetNodeError; LiveError
   */
  static async open(
    values: StoreNodeValues,
    keks: readonly Kek[],
    options: Omit<LiveVtepOptions, 'topology' | 'node'>,
    signal: AbortSignal,
  ): Promise<StoreNode | undefined> {
    const where = storeAddress(values);
    if (where === undefined) throw new UsageError('up needs --store ADDRESS');
    const here = nodeInStore(values);
    const store = await reach(values, signal);
    if (store === undefined) return undefined;
    const { overlay } = parseStoreAddress(where);
    const lease = values.lease === undefined ? {} : { lease: Math.round(values.lease * MILLISECONDS) };
    try {
      return new StoreNode(await FleetVtep.open({ ...options, ...lease, store, overlay, here, keks, signal }), where);
    } catch (error) {
      if (signal.aborted && isVtepError(error) && error.code === 'ENDED') return undefined;
      throw error;
    }
  }

  get vtep(): LiveVtep {
    return this.#node.vtep;
  }

  get lines(): readonly string[] {
    const { revision, counts, hasKeys } = this.#node.report;
    const { node, network, endpoint, service } = counts.records;
    const records = `${node} nodes, ${network} networks, ${endpoint} endpoints, ${service} services`;
    const keys = hasKeys ? '' : '; without --kek: encrypted networks are not carried';
    return [`store ${this.#where} at revision ${revision}: ${records}${keys}`, ...startLines(this.vtep)];
  }

  get endpointReports(): ReadonlyMap<string, EndpointReport> {
    return this.vtep.endpointReports;
  }

  metrics(): string {
    return storeMetrics(this.#node.report);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#node.run(signal);
  }

  /** There is no config to follow. */
  update(): Promise<RingOutcome | undefined> {
    return Promise.resolve(undefined);
  }

  devicesSettled(): Promise<void> {
    return this.#node.devicesSettled();
  }

  close(): Promise<void> {
    return this.#node.close();
  }
}

/** Connects, and tries again while the servers are out of reach: a node may start before them. */
async function reach(values: StoreValues, signal: AbortSignal): Promise<Store | undefined> {
  for (let told = false; !signal.aborted; told = true) {
    try {
      return await openStore(values);
    } catch (error) {
      if (!isVtepError(error) || error.code !== 'UNAVAILABLE') throw error;
      if (!told) say(`vtep: store: out of reach, trying again: ${error.message}`);
      await sleep(RETRY, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}
