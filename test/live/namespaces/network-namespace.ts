/** A network namespace: what stands in it and what runs in it. */
import { isIPv6 } from 'node:net';
import { command } from './command.js';
import { NamespaceProcess } from './namespace-process.js';

/** One end of a link. */
export interface LinkEnd {
  readonly device: string;
  /** With their prefix lengths: `10.0.9.3/24`. */
  readonly addresses?: readonly string[];
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
}

/** A network namespace, made by a `NamespaceBench`. IPv6 is silent on every device that has no IPv6 address. */
export class NetworkNamespace {
  /** What `ip netns` knows it by. */
  readonly name: string;
  readonly #processes = new Set<NamespaceProcess>();

  /** Makes a namespace of that name. */
  constructor(name: string) {
    this.name = name;
    command(['ip', 'netns', 'add', name]);
    this.write('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1');
    this.write('/proc/sys/net/ipv6/conf/default/accept_dad', '0');
    this.ip('link set lo up');
  }

  /** Runs `ip` here, and gives its output. Words are parted by spaces. */
  ip(words: string): string {
    return command(['ip', '-n', this.name, ...words.split(' ')]);
  }

  /** Runs `bridge` here, and gives its output. Words are parted by spaces. */
  bridge(words: string): string {
    return command(['bridge', '-n', this.name, ...words.split(' ')]);
  }

  /** Runs a short program here, and gives its output. */
  call(words: readonly string[], input?: string | Uint8Array): string {
    return command(['ip', 'netns', 'exec', this.name, ...words], input);
  }

  /** Writes a setting below /proc/sys/net as this namespace has it. */
  write(path: string, value: string): void {
    this.call(['tee', path], value);
  }

  /** Gives a device that is here already its address and MTU, and sets it up. */
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
   * Kills what runs here, and removes the namespace with all that stands in it.
   *
   * @throws {Error} with the words of `ip`, if it can't be removed
   */
  remove(): void {
    for (const process of this.#processes) process.kill();
    command(['ip', 'netns', 'delete', this.name]);
  }
}
