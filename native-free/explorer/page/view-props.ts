import type { AddressNames } from '../../../src/inspect/index.js';
import type { Selection } from '../filter/selection.js';
import type { CaptureIndex } from '../index/capture-index.js';
import type { IndexReports } from '../worker/messages.js';
import type { ExplorerState } from './state/explorer-state.js';

/** What every view gets. A view holds no state that the fragment should have. */
export interface ViewProps {
  readonly index: CaptureIndex;
  /** Undefined until every packet has been read. */
  readonly reports: IndexReports | undefined;
  /** Whether reports are still to come: nobody has stopped the reading, and it hasn't failed. */
  readonly isReading: boolean;
  /** Undefined while a filter runs. */
  readonly selection: Selection | undefined;
  /** Names of addresses from inspect dumps; undefined without. */
  readonly names: AddressNames | undefined;
  readonly state: ExplorerState;
  /** Changes what is shown, as a step that Back undoes. */
  readonly go: (changes: Partial<ExplorerState>) => void;
}
