/** IP protocols as conversations tell them apart. */
import { IpProtocol } from '../../wire/index.js';
import type { ConversationProtocol } from './conversation.js';

/** Whether packets of an IP protocol begin with two ports. */
export function hasPorts(protocol: number): boolean {
  return protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp || protocol === IpProtocol.Sctp;
}

/** What conversations of an IP protocol are called. */
export function conversationProtocol(protocol: number): ConversationProtocol {
  switch (protocol) {
    case IpProtocol.Tcp:
      return 'TCP';
    case IpProtocol.Udp:
      return 'UDP';
    case IpProtocol.Icmp:
    case IpProtocol.Icmpv6:
      return 'ICMP';
    case IpProtocol.Sctp:
      return 'SCTP';
    default:
      return 'other';
  }
}
