/** Messages in the form that the vectors' independent decoder gives them. */
import {
  decodeEndpointRecord,
  decodeGossip,
  decodePeerRecord,
  EntryEvent,
  type GossipMessage,
  GossipType,
  isFault,
  type MemberMessage,
  MembershipEvent,
  MessageType,
  type TableEvent,
  TableName,
} from '../../../src/gossip/index.js';
import { encodeHex } from '../../../src/memory/internal.js';

function hex(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : `hex:${encodeHex(bytes)}`;
}

function decoded(body: Uint8Array): unknown {
  const message = decodeGossip(body);
  if (isFault(message)) throw new Error(message);
  return plainGossip(message);
}

function nameOf(values: Readonly<Record<string, number>>, value: number): string {
  const found = Object.entries(values).find(([, other]) => other === value);
  if (found === undefined) throw new Error(`no such value: ${value}`);
  return found[0].toUpperCase();
}

function sourceOf(message: { sourceAddr?: Uint8Array; sourceNode?: string; sourcePort?: number }): object {
  return {
    SourceAddr: hex(message.sourceAddr),
    SourceNode: message.sourceNode,
    SourcePort: message.sourcePort,
  };
}

/** A memberlist message. */
export function plainMember(message: MemberMessage): unknown {
  switch (message.type) {
    case MessageType.Ping:
      return { ping: { Node: message.node, SeqNo: message.seqNo, ...sourceOf(message as never) } };
    case MessageType.IndirectPing: {
      const { nack, node, port, seqNo, target } = message;
      const own = { Nack: nack, Node: node, Port: port, SeqNo: seqNo, Target: hex(target) };
      return { indirectPing: { ...own, ...sourceOf(message as never) } };
    }
    case MessageType.Ack:
      return { ack: { Payload: hex(message.payload), SeqNo: message.seqNo } };
    case MessageType.Nack:
      return { nack: { SeqNo: message.seqNo } };
    case MessageType.Suspect:
    case MessageType.Dead: {
      const fields = { From: message.from, Incarnation: message.incarnation, Node: message.node };
      return message.type === MessageType.Dead ? { dead: fields } : { suspect: fields };
    }
    case MessageType.Alive: {
      const { addr, incarnation, meta, node, port, vsn } = message;
      const fields = { Incarnation: incarnation, Node: node, Port: port, Vsn: hex(vsn) };
      return { alive: { Addr: hex(addr), Meta: hex(meta), ...fields } };
    }
    case MessageType.PushPull: {
      const { join, nodes, userState } = message;
      return {
        pushPull: {
          header: { Join: join, Nodes: nodes.length, UserStateLen: userState.length },
          nodes: nodes.map(({ addr, incarnation, meta, name, port, state, vsn }) => ({
            Addr: hex(addr),
            Incarnation: incarnation,
            Meta: hex(meta),
            Name: name,
            Port: port,
            State: state,
            Vsn: hex(vsn),
          })),
          user_state_len: userState.length,
          user_state_hex: encodeHex(userState),
          user_state: decoded(userState),
        },
      };
    }
    case MessageType.User:
      return { user: decoded(message.body) };
    case MessageType.Error:
      return { error: message.error };
  }
}

/** A NetworkDB message. */
export function plainGossip(message: GossipMessage): unknown {
  switch (message.type) {
    case GossipType.NodeEvent: {
      const { event, lTime, nodeName } = message;
      return { NODE_EVENT: { type: nameOf(MembershipEvent, event), l_time: lTime, node: nodeName } };
    }
    case GossipType.NetworkEvent: {
      const { event, lTime, nodeName, networkId } = message;
      const type = nameOf(MembershipEvent, event);
      return { NETWORK_EVENT: { type, l_time: lTime, node: nodeName, network_id: networkId } };
    }
    case GossipType.PushPull:
      return {
        PUSH_PULL: {
          l_time: message.lTime,
          networks: message.networks.map(({ networkId, lTime, nodeName, leaving }) => ({
            network_id: networkId,
            l_time: lTime,
            node: nodeName,
            leaving,
          })),
          node: message.nodeName,
        },
      };
    case GossipType.TableEvent:
      return { TABLE_EVENT: plainTableEvent(message) };
    case GossipType.BulkSync: {
      const { lTime, unsolicited, nodeName, networks, payload } = message;
      // An independent decoder that keeps what is absent apart.
      return {
        BULK_SYNC: {
          l_time: lTime === 0 ? null : lTime,
          unsolicited,
          node: nodeName,
          networks,
          payload: decoded(payload),
        },
      };
    }
    case GossipType.Compound:
      return { COMPOUND: message.messages.map(decoded) };
  }
}

function plainTableEvent({ event, lTime, nodeName, networkId, tableName, key, ...rest }: TableEvent): unknown {
  return {
    type: nameOf(EntryEvent, event),
    l_time: lTime,
    node: nodeName,
    network_id: networkId,
    table: tableName,
    key,
    value: plainRecord(tableName, rest.value),
    residual_reap_time: rest.residualReapTime === 0 ? null : rest.residualReapTime,
  };
}

/** A record: what is empty is left out. */
export function plainRecord(table: string, value: Uint8Array): unknown {
  const record = table === TableName.Peers ? decodePeerRecord(value) : decodeEndpointRecord(value);
  if (isFault(record)) throw new Error(record);
  const fields = 'endpointMac' in record ? peerFields(record) : endpointFields(record);
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => !isEmpty(field)));
}

function isEmpty(field: unknown): boolean {
  return field === '' || field === false || (Array.isArray(field) && field.length === 0);
}

function peerFields(record: Exclude<ReturnType<typeof decodePeerRecord>, string>): object {
  const { endpointIp, endpointMac, tunnelEndpointIp } = record;
  return { endpoint_ip: endpointIp, endpoint_mac: endpointMac, tunnel_endpoint_ip: tunnelEndpointIp };
}

function endpointFields(record: Exclude<ReturnType<typeof decodeEndpointRecord>, string>): object {
  return {
    name: record.name,
    service_name: record.serviceName,
    service_id: record.serviceId,
    virtual_ip: record.virtualIp,
    endpoint_ip: record.endpointIp,
    ingress_ports: record.ingressPorts.map(({ name, protocol, targetPort, publishedPort }) => ({
      name,
      protocol,
      target_port: targetPort,
      published_port: publishedPort,
    })),
    aliases: record.aliases,
    task_aliases: record.taskAliases,
    service_disabled: record.serviceDisabled,
  };
}
