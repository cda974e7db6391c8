/** Routes of a mesh's settings by service, as those of labels. */
import { configuredRoutes, type Route } from '../../../mesh/index.js';
import type { MeshSettings } from '../../../overlay/index.js';

/** Routes, and what is wrong with others. */
export interface Configured {
  /** By the service that each leads to. */
  readonly services: ReadonlyMap<string, readonly Route[]>;
  readonly troubles: readonly string[];
}

/** What settings have, or none. */
export function configuredBy(settings: Pick<MeshSettings, 'routes'> | undefined): Configured {
  const services = new Map<string, Route[]>();
  const { routes, troubles } = configuredRoutes(settings?.routes ?? []);
  for (const route of routes) {
    const others = services.get(route.service);
    if (others === undefined) services.set(route.service, [route]);
    else others.push(route);
  }
  return { services, troubles: troubles.map(({ source, why }) => `${source}: ${why}`) };
}
