/** Who a connection is from: the peer of the socket, or whom a trusted peer speaks for. */

/** A client. */
export interface Client {
  /** IPv4 or IPv6 address as text, without a zone; IPv4 ones in IPv6 are IPv4. */
  readonly address: string;
  readonly port: number;
  /** The address and port that it connected to. */
  readonly localAddress: string;
  readonly localPort: number;
  /**
   * Whether `address` is one of a trusted peer: what it says in X-Forwarded-* and Forwarded is kept and continued. A client
   * that a PROXY header names isn't trusted because the sender of the header is: it wrote the requests itself.
   */
  readonly isTrusted: boolean;
}
