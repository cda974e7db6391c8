/** Parts of faults' scripts. */
import { type Script, TcpConversation } from '../script.js';
import type { FaultSite } from './fault.js';

/** Nanoseconds. */
export const MS = 1e6;
export const SECOND = 1e9;

/** Does something whose packets show the fault. */
export function marked(script: Script, fault: number, alterations: number, write: () => void): void {
  script.fault = fault;
  script.alterations = alterations;
  write();
  script.fault = -1;
  script.alterations = 0;
}

/** Linux's retransmission timeouts of a segment in nanoseconds: 200 ms, then twice as long each time. */
export const TIMEOUTS = [0.2, 0.4, 0.8, 1.6].map((seconds) => seconds * SECOND);
/** Those of a SYN. */
const SYN_TIMEOUTS = [1, 2, 4].map((seconds) => seconds * SECOND);

/** A connection that nobody answers: a SYN and its retransmissions, all of which show the fault. */
export function unansweredConnection(site: FaultSite, script: Script, port: number): void {
  const conversation = new TcpConversation();
  conversation.begin(site.builder.random.word(), 0);
  script.port = port;
  script.fault = site.index;
  conversation.syn(script, 0);
  for (const timeout of SYN_TIMEOUTS) conversation.synAgain(script, timeout);
}
