/** What the parent and the processes with hosts say to each other. */

/** How the hosts of a process behave. */
export interface HostsStart {
  readonly address: string;
  /** Names of the hosts: `NAME-FIRST` and the following ones. */
  readonly first: number;
  readonly hosts: number;
  /** Duration of a node's lease in milliseconds; it is renewed three times in it. */
  readonly lease: number;
}

/** From the parent. */
export type HostsCommand = { readonly kind: 'report' } | { readonly kind: 'end' };

/** From the process. */
export type HostsEvent =
  | { readonly kind: 'ready' }
  /** All of its hosts have seen a marked change; when the last one did, by the clock of the machine. */
  | { readonly kind: 'seen'; readonly mark: string; readonly at: number }
  | { readonly kind: 'report'; readonly report: HostsReport };

/** What the hosts of a process got and did since the last report. */
export interface HostsReport {
  readonly changes: number;
  /** Bytes of keys and values. */
  readonly bytes: number;
  readonly renewals: number;
  readonly failedRenewals: number;
  /** CPU time of the process in seconds. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}
