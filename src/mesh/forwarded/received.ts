/** What is known of a request besides who sent it, as far as the fields about that have it. */

/** Version of the protocol in which a request was received, as Via has it (RFC 9110 section 7.6.3). */
export const ReceivedVersion = { Http10: '1.0', Http11: '1.1', Http2: '2' } as const;
export type ReceivedVersion = (typeof ReceivedVersion)[keyof typeof ReceivedVersion];

/**
 * What a request says itself about who asked. Values are as they were sent; those of a field that is there more than once
 * are joined by commas.
 */
export interface Claims {
  readonly forwardedFor: string | undefined;
  readonly forwardedProto: string | undefined;
  readonly forwardedHost: string | undefined;
  readonly forwardedPort: string | undefined;
  readonly forwarded: string | undefined;
  readonly realIp: string | undefined;
}

/** How a request was received. */
export interface Received {
  readonly version: ReceivedVersion;
  /** The host with its port, in lower case, if it was sent with one; the host alone otherwise. */
  readonly authority?: string | undefined;
  /** Only of trusted peers; undefined if there are none. */
  readonly claims?: Claims | undefined;
}

/** Who asked: what is said of it. */
export interface Requester {
  /** IPv4 or IPv6 address, as text. */
  readonly address: string;
  /** The port that it connected to. */
  readonly localPort: number;
  readonly isTrusted: boolean;
}
