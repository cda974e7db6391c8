/** A network namespace, with its devices and processes. */
import { isIPv6 } from 'node:net';
import { command } from './command.js';
import { NamespaceProcess } from './namespace-process.js';

/** One end of a link. */
export interface LinkEnd {
  readonly device: string;
  /** Addresses with prefix lengths: `10.0.9.3/24`. */
  readonly addresses?: readonly string[];
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
}

/** A network namespace, created by a `NamespaceBench`. IPv6 is silent on devices without an IPv6 address. */
export class NetworkNamespace {
  /** Its name in `ip netns`. */
  readonly name: string;
  readonly #processes = new Set<NamespaceProcess>();

  /** Creates a namespace with that name. */
  constructor(name: string) {
    this.name = name;
    command(['ip', 'netns', 'add', name]);
    this.write('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1');
    this.write('/proc/sys/net/ipv6/conf/default/accept_dad', '0');
    this.ip('link set lo up');
  }

  /** Runs `ip` here, and returns its output. Arguments are separated by spaces. */
  ip(words: string): string {
    return command(['ip', '-n', this.name, ...words.split(' ')]);
  }

  /** Runs `bridge` here, and returns its output. Arguments are separated by spaces. */
  bridge(words: string): string {
    return command(['bridge', '-n', this.name, ...words.split(' ')]);
  }

  /** Runs a short program here, and returns its output. */
  call(words: readonly string[], input?: string | Uint8Array): string {
    return command(['ip', 'netns', 'exec', this.name, ...words], input);
  }

  /** Writes a setting of this namespace under /proc/sys/net. */
  write(path: string, value: string): void {
    this.call(['tee', path], value);
  }

  /** Configures an existing device with its addresses and MTU, and brings it up. */
  configure({ device, addresses = [], mac, mtu }: LinkEnd): void {
    if (mac !== undefined) this.ip(`link set ${device} address ${mac}`);
    if (mtu !== undefined) this.ip(`link set ${device} mtu ${mtu}`);
    for (const address of addresses) {
      if (isIPv6(address.split('/')[0] ?? '')) {
        this.write(`/proc/sys/net/ipv6/conf/${device}/disable_ipv6`, '0');
        this.ip(`address add ${address} dev ${device} nodad`);
      } else {
        this.ip(`address add ${address} dev ${device}`);
      }
    }
    this.ip(`link set ${device} up`);
  }

  /** Starts a program here. */
  start(words: readonly string[]): NamespaceProcess {
    const process = new NamespaceProcess(this.name, words);
    this.#processes.add(process);
    void process.ended.then(() => this.#processes.delete(process));
    return process;
  }

  /**
   * Kills the processes here, and removes the namespace with its devices.
   *
   * @throws {Error} with the message of `ip`, if it can't be removed
   */
  remove(): void {
    for (const process of this.#processes) process.kill();
    command(['ip', 'netns', 'delete', this.name]);
  }
}
