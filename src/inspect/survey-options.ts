/** What to survey, and how. */
import type { UnderlayDecoderOptions } from '../dataplane/index.js';
import type { GossipKeyring } from '../gossip/index.js';
import type { RingSa } from '../overlay/index.js';
import type { FlowTableOptions } from './flows/flow-table.js';
import type { CipherReport } from './report.js';
import type { AddressNames } from './services/address-names.js';

/** Options of a survey. */
export interface SurveyOptions extends UnderlayDecoderOptions {
  /**
   * Whether to verify checksums.
   * @default true
   */
  readonly checksums?: boolean;
  /**
   * Maximum number of rows of each table; what doesn't fit is only counted.
   * @default 65536
   */
  readonly maxRows?: number;
  /**
   * Whether to list conversations, or the options of their table.
   * @default false
   */
  readonly flows?: boolean | FlowTableOptions;
  /**
   * Names of addresses, for the report. With them, conversations are collected to find the load of services.
   * @default undefined: addresses have no names
   */
  readonly names?: AddressNames | undefined;
  /** The SAs derived from a key ring, for the report. */
  readonly ringSas?: readonly RingSa[];
  /**
   * Keys of the swarm's gossip. With them, the report says what the gossip does.
   * @default undefined: gossip is other traffic
   */
  readonly gossip?: GossipKeyring | undefined;
  /** The cipher implementation that decrypts ESP, for the report. */
  readonly cipher?: CipherReport;
}
