/** The managers to connect to, and the pauses between attempts. */
import { isIP } from 'node:net';
import { quoted } from '../text/plain-text.js';
import { JoinError } from './error.js';

/** Managers' TCP port. */
export const MANAGER_PORT = 2377;
const MAX_KNOWN = 64;
const HOST_NAME = /^[0-9a-z]([0-9a-z._-]{0,251}[0-9a-z])?$/i;

/** Whether a value is a host and a port, such as `10.0.0.1:2377` or `[fd00::1]:2377`. */
export function isManagerAddress(value: unknown): value is string {
  return typeof value === 'string' && partsOf(value)?.port !== undefined;
}

/**
 * Adds the default port to an address.
 * @param text `HOST`, `HOST:PORT`, `[IPV6]:PORT` or `IPV6`
 * @throws JoinError `BAD_OPTION`
 */
export function managerAddress(text: string): string {
  const parts = isIP(text) === 6 ? { host: `[${text}]`, port: MANAGER_PORT } : partsOf(text);
  if (parts === undefined) {
    throw new JoinError('BAD_OPTION', `${quoted(text)} is not a manager's address: give HOST or HOST:PORT`);
  }
  return `${parts.host}:${parts.port ?? MANAGER_PORT}`;
}

function partsOf(text: string): { readonly host: string; readonly port: number | undefined } | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(text);
  if (match === null) return undefined;
  const [, host, port] = match as unknown as [string, string, string | undefined];
  const valid = host.startsWith('[') ? isIP(host.slice(1, -1)) === 6 : HOST_NAME.test(host);
  if (!valid || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))) return undefined;
  return { host, port: port === undefined ? undefined : Number(port) };
}

/**
 * Chooses managers: at random among those that the swarm last named, then among those that were given at the start. One
 * that failed is avoided until all have.
 */
export class ManagerList {
  readonly #given: readonly string[];
  readonly #random: () => number;
  readonly #failed = new Set<string>();
  #known: readonly string[] = [];

  /**
   * @param given addresses with ports
   * @param random a number in [0, 1)
   */
  constructor(given: readonly string[], random: () => number) {
    this.#given = given;
    this.#random = random;
  }

  /** The managers that the swarm last named. */
  get known(): readonly string[] {
    return this.#known;
  }

  /** All of them, those that were given at the start included. */
  get all(): readonly string[] {
    return [...new Set([...this.#known, ...this.#given])];
  }

  /**
   * Replaces the managers that the swarm named. Invalid ones are ignored, and so is everything beyond 64.
   * @returns whether they changed
   */
  update(addresses: readonly string[]): boolean {
    const valid = [...new Set(addresses.filter(isManagerAddress))].slice(0, MAX_KNOWN).sort();
    if (valid.length === 0 || valid.join() === this.#known.join()) return false;
    this.#known = valid;
    for (const address of this.#failed) if (!valid.includes(address)) this.#failed.delete(address);
    return true;
  }

  /** Chooses one. */
  choose(): string {
    for (const among of [this.#known, this.#given]) {
      const rest = among.filter((address) => !this.#failed.has(address));
      if (rest.length > 0) return rest[Math.floor(this.#random() * rest.length)];
    }
    this.#failed.clear();
    return this.choose();
  }

  /** Records that a manager failed. */
  failed(address: string): void {
    this.#failed.add(address);
  }

  /** Records that a manager works. */
  works(): void {
    this.#failed.clear();
  }
}

/** Parameters of the engine's backoff (swarmkit agent/session.go), in milliseconds. */
const FIRST_MS = 100;
const FACTOR = 2;

/** The pauses between attempts: random parts of a range that grows to a maximum. */
export class Backoff {
  readonly #maxMs: number;
  readonly #random: () => number;
  #range = 0;

  /** @param random a number in [0, 1) */
  constructor(maxMs: number, random: () => number) {
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    this.#range = Math.min(FIRST_MS + FACTOR * this.#range, this.#maxMs);
    return this.#range * this.#random();
  }

  /** Starts over, after a success. */
  reset(): void {
    this.#range = 0;
  }
}
