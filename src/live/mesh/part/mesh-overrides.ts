/** What a user says about the mesh of one node. */
import type { MeshSettings } from '../../../overlay/index.js';

/** What the command line says about the mesh of this node, instead of what a config or store says. */
export interface MeshOverrides {
  /** All settings. @default those of the services */
  readonly mesh?: MeshSettings | undefined;
  /** Whether the answer to an unknown host names the hosts that there are. @default that of the settings */
  readonly meshDebug?: boolean | undefined;
  /** File of the access log; `-` is the standard output. @default that of the settings */
  readonly meshLog?: string | undefined;
}
