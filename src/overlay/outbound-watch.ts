/** Watches the SAs that a node sends with: which are about to end, and which have. */
import { formatSpi, LifetimeState, type OutboundSa, SequenceForecast } from '../ipsec/index.js';
import { type SaEvent, SaEventKind } from './sa-event.js';

/** A rate is believed when it was watched for so many seconds. */
const BELIEVED = 60;

interface Watched {
  readonly peer: number;
  readonly tag: number;
  /** When it began to be sent with, and when its key's ring was made. */
  since: number;
  rotated: number;
  readonly forecast: SequenceForecast;
  readonly told: Set<SaEventKind>;
}

/** The SAs that are watched. */
export class OutboundWatch {
  readonly #sas = new Map<OutboundSa, Watched>();
  readonly #interval: number;
  readonly #onEvent: (event: SaEvent) => void;

  /** @param interval seconds that an SA is used for: those between two rotations */
  constructor(interval: number, onEvent: (event: SaEvent) => void) {
    this.#interval = interval;
    this.#onEvent = onEvent;
  }

  /**
   * Begins to watch an SA, which is sent with from `now` on.
   * @param rotated when the last rotation was
   */
  add(sa: OutboundSa, peer: number, tag: number, now: number, rotated: number): void {
    const forecast = new SequenceForecast(sa, now);
    this.#sas.set(sa, { peer, tag, since: now, rotated, forecast, told: new Set() });
  }

  delete(sa: OutboundSa): void {
    this.#sas.delete(sa);
  }

  /** The forecast of an SA that is watched. */
  forecast(sa: OutboundSa): SequenceForecast | undefined {
    return this.#sas.get(sa)?.forecast;
  }

  /** Looks at all of them, and tells what is new. */
  poll(now: number): void {
    for (const [sa, watched] of this.#sas) {
      const { forecast } = watched;
      forecast.sample(now);
      const stopped = sa.exhausted || !sa.lifetime.allows(now);
      if (stopped) {
        const why = sa.exhausted ? 'its sequence numbers are used up' : 'it reached a hard limit';
        this.#tell(sa, watched, SaEventKind.Stopped, `sends no more: ${why}`);
        continue;
      }
      if (sa.lifetime.state === LifetimeState.Soft) {
        this.#tell(sa, watched, SaEventKind.SoftLimit, 'reached a soft limit');
      }
      // A clock that went back says nothing of how long the SA was used.
      watched.since = Math.min(watched.since, now);
      watched.rotated = Math.min(watched.rotated, now);
      const age = now - watched.rotated;
      // One that is overdue comes at any time, or not at all.
      const untilRotation = age < this.#interval ? this.#interval - age : this.#interval;
      const { secondsLeft, packetRate } = forecast;
      if (now - watched.since < BELIEVED || secondsLeft >= untilRotation) continue;
      const when = age < this.#interval ? 'before the next rotation' : 'and the next rotation is overdue';
      const text = `ends in ${Math.round(secondsLeft)} s, ${when}, at ${Math.round(packetRate)} packets a second`;
      this.#tell(sa, watched, SaEventKind.RunningOut, text);
    }
  }

  #tell(sa: OutboundSa, { peer, tag, told, forecast }: Watched, kind: SaEventKind, text: string): void {
    if (told.has(kind)) return;
    told.add(kind);
    const { secondsLeft, packetRate } = forecast;
    const rates = kind === SaEventKind.RunningOut ? { secondsLeft, packetRate } : {};
    this.#onEvent({ kind, peer, tag, spi: sa.spi, text: `SPI ${formatSpi(sa.spi)} (key ${tag}) ${text}`, ...rates });
  }
}
