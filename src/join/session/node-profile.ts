/** How a node presents itself to administrators and the scheduler. */

/** What administrators see of a node. */
export interface NodeProfile {
  /** Its name in `docker node ls`. */
  readonly hostname: string;
  /** Its platform in `docker node inspect`, which the scheduler compares with that of services. */
  readonly platform: { readonly os: string; readonly architecture: string };
}

/**
 * A platform that no image has, so that the scheduler places no service here whose platform is known. It isn't enough:
 * services created with `--no-resolve-image` have none.
 */
export const NO_PLATFORM = { os: 'vtep', architecture: 'vtep' } as const;
