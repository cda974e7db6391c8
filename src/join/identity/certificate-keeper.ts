/** Keeps the node's certificate valid: renews it in time and when the swarm asks for it, and follows its root CA. */
import { JoinError } from '../error.js';
import { IssuanceState, NodeRole, type SessionMessage } from '../messages.js';
import type { ManagerSession } from '../session/manager-session.js';
import type { JoinTimes } from '../times.js';
import { checkClock, requestCertificate } from './enrolment.js';
import { type NodeIdentity, promoted } from './node-identity.js';
import { RenewalTimer } from './renewal-timer.js';

/** What a keeper reports. */
export interface CertificateListener {
  /** The identity changed, and is to be stored. */
  changed(renewed: 'certificate' | 'root', identity: NodeIdentity): void;
  /** The session is to be opened again with the current identity, which is then reported to the swarm. */
  reopen(): void;
  warning(error: JoinError): void;
}

/** Keeps a certificate. */
export class CertificateKeeper {
  readonly #times: JoinTimes;
  readonly #signal: AbortSignal;
  readonly #listener: CertificateListener;
  readonly #timer: RenewalTimer;
  #identity: NodeIdentity;
  #session: ManagerSession | undefined;
  #renewing = false;
  /** Whether the swarm asks for a renewal, for a new root CA. */
  #rotate = false;
  #promoted = false;
  /** By the monotonic clock, in milliseconds. */
  #renewedAt = -Infinity;

  /**
   * @param random a number in [0, 1), for the time of renewals
   * @param signal cancels a renewal
   */
  constructor(
    identity: NodeIdentity,
    times: JoinTimes,
    random: () => number,
    signal: AbortSignal,
    listener: CertificateListener,
  ) {
    this.#identity = identity;
    this.#times = times;
    this.#signal = signal;
    this.#listener = listener;
    this.#timer = new RenewalTimer(() => void this.#renew(), random);
    this.#timer.schedule(identity);
  }

  /** The current identity. */
  get identity(): NodeIdentity {
    return this.#identity;
  }

  /** Continues with a session; undefined while there is none. */
  use(session: ManagerSession | undefined): void {
    this.#session = session;
    if (session !== undefined && this.#rotate) this.#renewSoon();
  }

  /**
   * Takes over what a message of a session says about the certificate and the root CA.
   * @param address the manager's
   */
  message({ node, rootCa }: SessionMessage, address: string): void {
    this.#promoted = node?.spec?.desiredRole === NodeRole.Manager;
    if (this.#promoted) this.#listener.warning(promoted());
    this.#rotate = node?.certificate?.status?.state === IssuanceState.Rotate;
    if (!this.#rotate) this.#followRoot(rootCa, address);
    else if (this.#session !== undefined) this.#renewSoon();
  }

  /** Ends renewals. */
  stop(): void {
    this.#timer.stop();
  }

  /** Renews at once, but not again and again for a swarm that keeps asking. */
  #renewSoon(): void {
    const recently = performance.now() - this.#renewedAt < this.#times.renewRetryMs;
    this.#timer.retryIn(recently ? this.#times.renewRetryMs : 0);
  }

  /** Trusts a new root CA once this node's certificate is issued by it. */
  #followRoot(rootCa: Uint8Array, address: string): void {
    const rootPem = Buffer.from(rootCa).toString('latin1');
    if (rootPem === '' || rootPem === this.#identity.rootPem || this.#renewing) return;
    let next: NodeIdentity;
    try {
      next = this.#identity.withRoot(rootPem);
    } catch (error) {
      this.#listener.warning(
        new JoinError('BAD_ANSWER', `${address}: the new root CA is ignored: ${(error as Error).message}`),
      );
      return;
    }
    this.#identity = next;
    this.#listener.changed('root', next);
    this.#listener.reopen();
  }

  /** Renews the certificate over the session's connection. */
  async #renew(): Promise<void> {
    const [{ rootPem, nodeId, clusterId }, session] = [this.#identity, this.#session];
    if (this.#renewing || this.#signal.aborted) return;
    if (session === undefined || this.#promoted) {
      this.#timer.retryIn(this.#times.renewRetryMs);
      return;
    }
    this.#renewing = true;
    try {
      const renewed = await requestCertificate(session.connection, {
        rootPem,
        times: this.#times,
        signal: this.#signal,
      });
      if (renewed.nodeId !== nodeId || renewed.clusterId !== clusterId) {
        throw new JoinError('BAD_ANSWER', 'the renewed certificate is of another node or swarm');
      }
      checkClock(renewed);
      this.#identity = renewed;
      this.#listener.changed('certificate', renewed);
      this.#timer.schedule(renewed);
      this.#renewedAt = performance.now();
      this.#rotate = false;
      this.#renewing = false;
      this.#listener.reopen();
    } catch (error) {
      if (!(error instanceof JoinError)) throw error;
      if (error.code !== 'CLOSED') this.#listener.warning(error);
      this.#timer.retryIn(this.#times.renewRetryMs);
    } finally {
      this.#renewing = false;
    }
  }
}
