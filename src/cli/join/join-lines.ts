/** What `join` says on standard error as things happen. */
import type { VtepError } from '../../error.js';
import { JoinState } from '../../join/index.js';
import type { JoinedVtepEvent, KeyTags } from '../../swarm/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { isoTime } from '../options/value-kinds.js';
import type { Style } from '../style.js';
import { remedyFor } from './remedies.js';

/** A line, and its style. */
export interface EventLine {
  readonly text: string;
  readonly style?: Style;
}

const MILLISECONDS = 1000;

/** Turns events into lines, without those that say nothing new. */
export class EventLines {
  #node = '';
  #wasConnected = false;

  /** The lines of an event. */
  of(event: JoinedVtepEvent): readonly EventLine[] {
    switch (event.kind) {
      case 'state':
        return this.#state(event);
      case 'node':
        return this.#nodeLines(event.node);
      case 'attached': {
        const { networkName, address, mtu, vni, encrypted } = event.attachment;
        const where = event.netns === undefined ? '' : ` in ${event.netns}`;
        const kind = encrypted ? 'encrypted' : 'not encrypted';
        return [
          { text: `attached ${networkName}: ${event.device}${where}, ${address}, MTU ${mtu}, VNI ${vni}, ${kind}` },
        ];
      }
      case 'detached':
        return [{ text: `detached ${event.attachment.networkName}: ${event.attachment.address}` }];
      case 'attach-failed':
        return [...problem(event.error), { text: '  it is tried again' }];
      case 'network-refused':
        return problem(event.error, `network ${inQuotes(event.attachment.networkName)}: `);
      case 'keys':
        return keyLines(event);
      case 'managers':
        return [{ text: `managers: ${event.managers.join(', ')}` }];
      case 'certificate':
        return [
          {
            text:
              event.renewed === 'root'
                ? 'the swarm has a new root CA, which is trusted now'
                : `certificate renewed: valid until ${isoTime(event.expires / MILLISECONDS)}`,
          },
        ];
      case 'task-rejected':
        return [
          {
            text: `a task of service ${inQuotes(event.service || event.serviceId)} was placed here and rejected: this node runs no containers`,
            style: 'yellow',
          },
          {
            text: `  docker service update --constraint-add node.platform.os==linux ${event.service || event.serviceId}, or docker node update --availability drain this node, keeps them away`,
          },
        ];
      case 'warning':
        return problem(event.error, 'warning: ');
      case 'balancers':
        return [];
      case 'trouble':
        return [{ text: event.text, style: 'yellow' }];
    }
  }

  #state({ state, manager = '', error }: Extract<JoinedVtepEvent, { kind: 'state' }>): readonly EventLine[] {
    if (state === JoinState.Connected) {
      this.#wasConnected = true;
      return [{ text: `registered with ${manager}` }];
    }
    // The command ends with this error, and prints it then.
    if (state === JoinState.Ended) return [];
    if (error === undefined) return [{ text: `connecting to ${manager}` }];
    if (!this.#wasConnected) return [...problem(error), { text: '  managers are tried again' }];
    // What to do is for a first connection: this one worked before.
    return [
      { text: error.message, style: 'yellow' },
      { text: '  packets flow on with what is known; managers are tried again' },
    ];
  }

  #nodeLines(node: Extract<JoinedVtepEvent, { kind: 'node' }>['node']): readonly EventLine[] {
    const { nodeId, clusterId, availability } = node;
    const text = `${clusterId} ${nodeId} ${availability}`;
    if (text === this.#node) return [];
    const isFirst = this.#node === '';
    this.#node = text;
    return [
      isFirst
        ? {
            text: `joined swarm ${clusterId} as node ${nodeId}${availability === 'active' ? '' : `, which is ${availability === 'drain' ? 'drained' : 'paused'}`}`,
          }
        : { text: `the node's availability is ${availability} now` },
    ];
  }
}

/** The lines of an error: its cause, and what to do. */
export function problem(error: VtepError, before = ''): readonly EventLine[] {
  const remedy = remedyFor(error);
  return [
    { text: `${before}${error.message}`, style: 'yellow' },
    ...(remedy === undefined ? [] : [{ text: `  ${remedy}` }]),
  ];
}

function keyLines({ rotated, gossip, ipsec }: Extract<JoinedVtepEvent, { kind: 'keys' }>): readonly EventLine[] {
  const parts = [ringText('gossip', gossip), ringText('ipsec', ipsec)].filter((part) => part !== '');
  if (parts.length === 0) return [{ text: 'the swarm gives no keys: gossip is clear text', style: 'yellow' }];
  return [{ text: `keys ${rotated ? 'rotated' : 'received'}: ${parts.join('; ')}` }];
}

/** `gossip 5, 6 (sends), 7`. */
function ringText(name: string, ring: KeyTags | undefined): string {
  if (ring === undefined) return '';
  return `${name} ${ring.tags.map((tag) => (tag === ring.transmit ? `${tag} (sends)` : String(tag))).join(', ')}`;
}
