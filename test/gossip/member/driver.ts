/** A member whose packets, streams and events are recorded, and whose time is set by the test. */
import {
  DEFAULT_MEMBER_PARAMETERS,
  type GossipEndpoint,
  Member,
  type MemberEvent,
  type MemberParameters,
  MessageType,
  NodeState,
  type PacketPart,
  type PushNodeState,
  SWARM_VERSIONS,
  type StreamMessage,
  type UserState,
} from '../../../src/gossip/index.js';
import { seededRandom } from '../../../src/gossip/random.js';

/** Where a test's node listens. */
export function endpointOf(index: number): GossipEndpoint {
  return { addr: Uint8Array.of(192, 168, 50, index), port: 7946 };
}

/** What a push/pull says about a test's node. */
export function recordOf(index: number, state: NodeState = NodeState.Alive, incarnation = 1): PushNodeState {
  const { addr, port } = endpointOf(index);
  return { name: `node-${index}`, addr, port, meta: undefined, incarnation, state, vsn: SWARM_VERSIONS };
}

/** An `alive` message about a test's node. */
export function aliveOf(index: number, incarnation: number, at = index): PacketPart {
  const { addr, port } = endpointOf(at);
  const node = `node-${index}`;
  return { type: MessageType.Alive, incarnation, node, addr, port, meta: undefined, vsn: SWARM_VERSIONS };
}

interface Sent {
  readonly to: number;
  readonly parts: readonly PacketPart[];
  readonly crc: boolean;
}

interface Opened {
  readonly id: number;
  readonly to: number;
  readonly message: StreamMessage;
  readonly deadline: number;
}

/** Drives one member, `node-1`, in a cluster of test nodes that only exist as what it is told. */
export class MemberDriver {
  now = 0;
  readonly member: Member;
  sent: Sent[] = [];
  streams: Opened[] = [];
  events: MemberEvent[] = [];
  userState: UserState | undefined;

  constructor(members: number, parameters: Partial<MemberParameters> = {}) {
    this.member = new Member(
      { name: 'node-1', endpoint: endpointOf(1) },
      { ...DEFAULT_MEMBER_PARAMETERS, ...parameters },
      {
        random: seededRandom(1),
        output: {
          sendPacket: (to, parts, crc) => this.sent.push({ to: to.addr[3], parts, crc }),
          openStream: (id, to, message, deadline) => this.streams.push({ id, to: to.addr[3], message, deadline }),
          memberEvent: (event) => this.events.push(event),
        },
        user: {
          takeBroadcasts: () => undefined,
          receive: () => undefined,
          state: () => this.userState,
          merge: () => undefined,
          joined: () => undefined,
          gone: () => undefined,
        },
      },
    );
    this.member.start(0);
    const records = Array.from({ length: members - 1 }, (_, index) => recordOf(index + 2));
    this.member.learn(records, 0);
  }

  /** Lets time pass, deadline by deadline. */
  run(until: number, isDone?: () => boolean): void {
    while (this.member.nextDeadline <= until) {
      this.now = Math.max(this.now, this.member.nextDeadline);
      this.member.advance(this.now);
      if (isDone?.() === true) return;
    }
    this.now = until;
  }

  /** Lets all pings be answered until a time. */
  runHealthy(until: number): void {
    while (this.now < until) {
      this.sent = [];
      const step = Math.min(until, this.now + 10);
      this.run(step);
      for (const { to, parts } of this.sent) {
        for (const part of parts) {
          if (part.type === MessageType.Ping)
            this.receive(to, { type: MessageType.Ack, seqNo: part.seqNo, payload: undefined });
        }
      }
    }
  }

  receive(from: number, ...parts: PacketPart[]): void {
    this.member.receive(parts, endpointOf(from), this.now);
  }

  /** Parts of a type that were sent. */
  parts<Type extends PacketPart['type']>(type: Type): Extract<PacketPart, { type: Type }>[] {
    const isWanted = (part: PacketPart): part is Extract<PacketPart, { type: Type }> => part.type === type;
    return this.sent.flatMap(({ parts }) => parts.filter(isWanted));
  }

  state(index: number): NodeState | undefined {
    return this.member.peer(`node-${index}`)?.state;
  }
}
