/** What an endpoint's DNS server has done: every query is answered, dropped for a reason, or waits for an upstream server. */

/** Why a query got no answer. */
export const DnsDrop = {
  /** Docker's server doesn't answer it: a response, a header without a question, an invalid PTR name. */
  Unanswerable: 'unanswerable',
  /** No upstream server has answered, which profile 20.10 meets with silence. */
  NoUpstreamAnswer: 'no-upstream-answer',
  /** Too many queries of all endpoints wait for upstream servers. */
  TooManyForwarded: 'too-many-forwarded',
  /** The system refused to send the answer. */
  SendRefused: 'send-refused',
  /** The endpoint, or its connection, was gone before the answer was there. */
  ClientGone: 'client-gone',
} as const;
export type DnsDrop = (typeof DnsDrop)[keyof typeof DnsDrop];

/** Counters of an endpoint's DNS server. `queries` is the sum of `answers`, `dropped` and `pending`. */
export interface DnsCounters {
  /** Queries over UDP and TCP. */
  readonly queries: number;
  /** Answers sent, relayed ones included. */
  readonly answers: number;
  /** Queries that went to an upstream server. */
  readonly forwarded: number;
  /** Queries that wait for an upstream server now. */
  readonly pending: number;
  /** Queries without an answer, by reason. */
  readonly dropped: Readonly<Record<DnsDrop, number>>;
  /** TCP connections accepted. */
  readonly connections: number;
  /** TCP connections closed by the server: idle too long, not reading, or the oldest of too many. */
  readonly closedConnections: number;
  /** Datagrams that the system dropped before the server read them, since its queue was full. */
  readonly overrun: number;
}

/** Counters while they count. */
export type EndpointCounters = { -readonly [Name in keyof DnsCounters]: DnsCounters[Name] } & {
  readonly dropped: Record<DnsDrop, number>;
};

/** Counters at 0. */
export function newCounters(): EndpointCounters {
  return {
    queries: 0,
    answers: 0,
    forwarded: 0,
    pending: 0,
    dropped: {
      [DnsDrop.Unanswerable]: 0,
      [DnsDrop.NoUpstreamAnswer]: 0,
      [DnsDrop.TooManyForwarded]: 0,
      [DnsDrop.SendRefused]: 0,
      [DnsDrop.ClientGone]: 0,
    },
    connections: 0,
    closedConnections: 0,
    overrun: 0,
  };
}
