/** The rules of a running node on its host: applied, replaced and removed. */
import type { GatewaySettings } from '../../overlay/index.js';
import { plain } from '../../text/plain-text.js';
import { LiveError } from '../error.js';
import { type HostPorts, hostRulesText, removalText } from './host-rules-text.js';
import { Nft } from './nft.js';
import { tableName } from './table-name.js';

/** Options of a node's rules. */
export interface HostRulesOptions {
  /** The node's name; its table is named after it. */
  readonly node: string;
  readonly gateway: GatewaySettings;
  /** Receives a description of what an earlier run left, and of rules that can't be removed. */
  readonly tell: (text: string) => void;
  /**
   * Runs nft.
   * @default nft on the path, or in /usr/sbin
   */
  readonly nft?: Nft;
}

/**
 * A separate nftables table: masquerade for the containers, and published ports. It disappears with `close`. A killed
 * process leaves it; the next run of the node replaces it, and says so.
 * @example
 * import { HostRules } from 'vtep/live';
 * import { parsePrefix } from 'vtep/overlay';
 * import { parseIpv4 } from 'vtep/wire';
 *
 * const gateway = parseIpv4('172.18.0.1');
 * const subnet = parsePrefix('172.18.0.0/16');
 * const settings = { name: 'gateway0', subnet, gateway, mtu: 1500, icc: false, masquerade: true };
 * const rules = await HostRules.open({ node: 'node1', gateway: settings, tell: console.error });
 * const sandbox = parseIpv4('172.18.0.2');
 * if (rules.available) await rules.apply({ sandbox, ingress: [{ protocol: 'tcp', published: 8080 }], host: [] });
 * else console.error(rules.failure?.message); // Use a proxy in user space.
 * rules.close();
 */
export class HostRules {
  /** Name of the table, of family `ip`. */
  readonly table: string;
  /** Why there are no rules: nft is missing, or this process may not use it. */
  readonly failure: LiveError | undefined;
  readonly #options: HostRulesOptions;
  readonly #nft: Nft;
  /** Whether the table may exist. */
  #present: boolean;
  #wanted: string | undefined;
  #applied: string | undefined;
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: HostRulesOptions, nft: Nft, present: boolean, failure: LiveError | undefined) {
    this.table = tableName(options.node);
    this.failure = failure;
    this.#options = options;
    this.#nft = nft;
    this.#present = present;
  }

  /** Finds out whether rules can be applied (`available`), and whether an earlier run left some. Changes nothing. */
  static async open(options: HostRulesOptions): Promise<HostRules> {
    const nft = options.nft ?? new Nft();
    const table = tableName(options.node);
    try {
      const tables = await nft.run(['list', 'tables', 'ip']);
      const left = tables.split('\n').includes(`table ip ${table}`);
      if (left)
        options.tell(`an earlier run left its rules on this host (nft list table ip ${table}); they are replaced`);
      return new HostRules(options, nft, left, undefined);
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      return new HostRules(options, nft, false, error);
    }
  }

  /** Whether rules can be applied. */
  get available(): boolean {
    return this.failure === undefined;
  }

  /**
   * Replaces the rules in one transaction; established connections survive. Of several calls while nft runs, the last one
   * counts.
   * @throws LiveError `BAD_NODE` for ports that can't be (`hostRulesText`); `FIREWALL_UNAVAILABLE`, `NOT_PERMITTED`,
   * `FIREWALL_REFUSED`: the previous rules stay then
   */
  async apply(ports: HostPorts): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    const { node, gateway } = this.#options;
    const text = hostRulesText(node, gateway, ports);
    this.#wanted = text;
    const done = this.#queue.then(() => this.#replace(text));
    this.#queue = done.catch(() => undefined);
    await done;
  }

  /**
   * Applies the rules again if another program removed them, as `nft flush ruleset` does, or if nft failed the last time.
   * @throws LiveError as `apply`
   */
  async check(): Promise<void> {
    if (this.failure !== undefined || this.#wanted === undefined) return;
    const done = this.#queue.then(() => this.#restore());
    this.#queue = done.catch(() => undefined);
    await done;
  }

  /** Removes the rules. Blocks this thread for some milliseconds. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#present) return;
    try {
      this.#nft.runNow(['-f', '-'], removalText(this.#options.node));
      this.#present = false;
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      const how = `nft delete table ip ${this.table}`;
      this.#options.tell(plain(`can't remove the rules from this host; remove them with ${how}: ${error.message}`));
    }
  }

  async #replace(text: string): Promise<void> {
    if (this.#closed || text !== this.#wanted || text === this.#applied) return;
    this.#present = true;
    try {
      await this.#nft.run(['-f', '-'], text);
      this.#applied = text;
    } catch (error) {
      // `close` kills it.
      if (!this.#isClosed()) throw error;
    }
  }

  async #restore(): Promise<void> {
    const text = this.#wanted;
    if (this.#closed || text === undefined) return;
    if (text === this.#applied && !(await this.#isThere()) && !this.#isClosed()) {
      this.#options.tell(
        `another program removed the rules in the host (nft list table ip ${this.table}); they are back`,
      );
      this.#applied = undefined;
    }
    await this.#replace(text);
  }

  /** Whether the table is in the host; also true if nft can't tell. */
  async #isThere(): Promise<boolean> {
    try {
      await this.#nft.run(['list', 'chain', 'ip', this.table, 'forward']);
      return true;
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      return !error.message.includes('No such file or directory');
    }
  }

  #isClosed(): boolean {
    return this.#closed;
  }
}
