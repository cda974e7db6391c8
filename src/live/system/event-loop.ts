/** Node's own event loop as something to wait for: its epoll descriptor is readable while the loop has events. */
import { readdirSync, readlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { LiveError } from '../error.js';
import type { LivePart } from '../port/live-part.js';
import { Poller } from './poller.js';

const DESCRIPTORS = '/proc/self/fd';
/** Turns after an event in which the node doesn't wait. */
const TURNS = 4;
/** A loop that has something already can't be told by what wakes it: it is tried again after its turn. */
const ATTEMPTS = 100;
const EPOLL = 'anon_inode:[eventpoll]';

/**
 * The descriptor of this thread's event loop (libuv's `uv_backend_fd`). It doesn't tell timers. Readable while sockets of
 * Node, or other threads, have something for this one.
 * @returns undefined without calls to the system, or if it can't be told which one it is
 */
export async function eventLoopDescriptor(): Promise<number | undefined> {
  const candidates = epollDescriptors();
  const poller = candidates.length === 0 ? undefined : pollerOf(candidates);
  if (poller === undefined) return undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const woken = wokenOf(candidates, poller);
    if (woken !== undefined) return woken;
    await setImmediate();
  }
  return undefined;
}

/** The one of the descriptors that a message to this thread makes readable. */
function wokenOf(descriptors: readonly number[], poller: Poller): number | undefined {
  const ready = (): boolean[] => {
    poller.wait(0);
    return descriptors.map((_, i) => poller.isReady(i));
  };
  const before = ready();
  // A message wakes the loop of its receiver, which is this one and no other thread's.
  const { port1, port2 } = new MessageChannel();
  port2.on('message', () => undefined);
  port1.postMessage(undefined);
  const after = ready();
  port2.close();
  const woken = descriptors.filter((_, i) => !before[i] && after[i]);
  return woken.length === 1 ? woken[0] : undefined;
}

/** A part of a node without packets: it ends the node's waiting when the event loop has something to do. */
export class EventLoopPart implements LivePart {
  readonly descriptors: readonly number[];
  #turns = 0;

  /** @param descriptor of `eventLoopDescriptor` */
  constructor(descriptor: number) {
    this.descriptors = [descriptor];
  }

  /** What the loop does leads to more that it does right afterwards, which its descriptor doesn't tell. */
  get pending(): boolean {
    return this.#turns > 0;
  }

  /** Says that the loop has done something that leads to more: it may have, before its descriptor was looked at. */
  stir(): void {
    this.#turns = TURNS;
  }

  turn(isReady: (index: number) => boolean): number {
    if (isReady(0)) this.stir();
    else if (this.#turns > 0) this.#turns--;
    return 0;
  }
}

function pollerOf(descriptors: readonly number[]): Poller | undefined {
  try {
    return new Poller(descriptors);
  } catch (error) {
    if (error instanceof LiveError) return undefined;
    throw error;
  }
}

function epollDescriptors(): number[] {
  try {
    return readdirSync(DESCRIPTORS).filter(isEpoll).map(Number);
  } catch {
    return [];
  }
}

function isEpoll(name: string): boolean {
  try {
    return readlinkSync(`${DESCRIPTORS}/${name}`) === EPOLL;
  } catch {
    // Closed meanwhile.
    return false;
  }
}
