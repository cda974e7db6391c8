/** What a survey of one file consists of. */
import type { CaptureBatch } from '../../capture/portable.js';
import type { UnderlayDecoder } from '../../dataplane/index.js';
import type { InboundEsp } from '../../ipsec/index.js';
import type { CaptureOrder } from '../capture-order.js';
import type { EncapsulationCounts } from '../encapsulation-counts.js';
import type { EspSurvey } from '../esp-survey.js';
import type { FlowTable } from '../flows/flow-table.js';
import type { TrafficSeries } from '../flows/traffic-series.js';
import type { FrameSurvey } from '../frame-survey.js';
import type { GossipSurvey } from '../gossip/gossip-survey.js';
import type { SizeTable } from '../size-table.js';
import type { TrafficTable } from '../traffic-table.js';
import type { EspRecords } from './esp-records.js';
import type { FlowRecords } from './flow-records.js';
import type { GossipRecords } from './gossip-records.js';

/** Tables of a survey in which the counts of several files can be added up. */
export interface SurveyTables {
  readonly decoder: UnderlayDecoder;
  readonly frames: FrameSurvey;
  readonly traffic: TrafficTable;
  readonly series: TrafficSeries;
  readonly wireSizes: SizeTable;
  readonly order: CaptureOrder;
  readonly encapsulated: EncapsulationCounts;
}

/** What is recorded instead of counted, since it only makes sense with the packets of earlier files. */
export interface PartRecords {
  readonly esp: EspRecords;
  readonly gossip: GossipRecords;
  readonly flows: FlowRecords;
}

/** What the packets of all files go through in order. */
export interface OrderedTables {
  readonly esp: EspSurvey;
  readonly inbound: InboundEsp | undefined;
  readonly gossip: GossipSurvey | undefined;
  readonly flows: FlowTable | undefined;
  /** Counts the first packet of a batch, without its size and time. */
  readonly count: (batch: CaptureBatch) => void;
}
