/** Watches a node's outbound SAs and reports those that are about to end or have ended. */
import { formatSpi, LifetimeState, type OutboundSa, SequenceForecast } from '../../ipsec/index.js';
import { type SaEvent, SaEventKind } from './sa-event.js';

/** Seconds of observation after which a rate is trusted. */
const MIN_OBSERVATION = 60;

interface Watched {
  readonly peer: number;
  readonly tag: number;
  /** When the SA was first used, and when its ring was made. */
  since: number;
  rotated: number;
  readonly forecast: SequenceForecast;
  readonly reported: Set<SaEventKind>;
}

/** The watched SAs. */
export class OutboundWatch {
  readonly #sas = new Map<OutboundSa, Watched>();
  readonly #interval: number;
  readonly #onEvent: (event: SaEvent) => void;

  /** @param interval seconds between two rotations, for which an SA must last */
  constructor(interval: number, onEvent: (event: SaEvent) => void) {
    this.#interval = interval;
    this.#onEvent = onEvent;
  }

  /**
   * Starts watching an SA that is used from `now` on.
   * @param rotated time of the last rotation
   */
  add(sa: OutboundSa, peer: number, tag: number, now: number, rotated: number): void {
    const forecast = new SequenceForecast(sa, now);
    this.#sas.set(sa, { peer, tag, since: now, rotated, forecast, reported: new Set() });
  }

  delete(sa: OutboundSa): void {
    this.#sas.delete(sa);
  }

  /** The forecast of a watched SA. */
  forecast(sa: OutboundSa): SequenceForecast | undefined {
    return this.#sas.get(sa)?.forecast;
  }

  /** Samples all SAs and reports new events. */
  poll(now: number): void {
    for (const [sa, watched] of this.#sas) {
      const { forecast } = watched;
      forecast.sample(now);
      const stopped = sa.exhausted || !sa.lifetime.allows(now);
      if (stopped) {
        const why = sa.exhausted ? 'its sequence numbers are used up' : 'it reached a hard limit';
        this.#report(sa, watched, SaEventKind.Stopped, `stopped sending: ${why}`);
        continue;
      }
      if (sa.lifetime.state === LifetimeState.Soft) {
        this.#report(sa, watched, SaEventKind.SoftLimit, 'reached a soft limit');
      }
      // If the clock went back, the SA's age is unknown.
      watched.since = Math.min(watched.since, now);
      watched.rotated = Math.min(watched.rotated, now);
      const age = now - watched.rotated;
      // An overdue rotation may come at any time, or not at all.
      const untilRotation = age < this.#interval ? this.#interval - age : this.#interval;
      const { secondsLeft, packetRate } = forecast;
      if (now - watched.since < MIN_OBSERVATION || secondsLeft >= untilRotation) continue;
      const when = age < this.#interval ? 'before the next rotation' : 'and the next rotation is overdue';
      const text = `ends in ${Math.round(secondsLeft)} s, ${when}, at ${Math.round(packetRate)} packets per second`;
      this.#report(sa, watched, SaEventKind.RunningOut, text);
    }
  }

  #report(sa: OutboundSa, { peer, tag, reported, forecast }: Watched, kind: SaEventKind, text: string): void {
    if (reported.has(kind)) return;
    reported.add(kind);
    const { secondsLeft, packetRate } = forecast;
    const rates = kind === SaEventKind.RunningOut ? { secondsLeft, packetRate } : {};
    this.#onEvent({ kind, peer, tag, spi: sa.spi, text: `SPI ${formatSpi(sa.spi)} (key ${tag}) ${text}`, ...rates });
  }
}
