/** Settings of a mesh as its thread gets them. */
import type { MeshSettings } from '../../../overlay/index.js';
import type { MeshPlanSettings } from '../plan.js';
import type { MeshOverrides } from './mesh-overrides.js';

const MILLISECONDS = 1000;

/** Settings as the thread gets them: with times in milliseconds. @param node name of this node */
export function planSettings(settings: MeshSettings, overrides: MeshOverrides, node: string): MeshPlanSettings {
  const { http, tls, listen, netns, trusted, acceptProxy, sendProxy, forwarded, debug, log, timeouts } = settings;
  const { head, idle, connect, response, tunnel } = timeouts;
  return {
    http,
    tls,
    listen,
    netns,
    trusted: trusted.map(({ address, length }) => ({ address, length })),
    acceptProxy,
    sendProxy,
    forwarded,
    debug: debug || overrides.meshDebug === true,
    log: overrides.meshLog ?? log,
    timeouts: {
      head: head * MILLISECONDS,
      idle: idle * MILLISECONDS,
      connect: connect * MILLISECONDS,
      response: response * MILLISECONDS,
      tunnel: tunnel * MILLISECONDS,
    },
    node,
  };
}

/** Whether a node runs a mesh with these settings. */
export function runsOn({ isOff, nodes }: MeshSettings, node: string): boolean {
  return !isOff && (nodes.length === 0 || nodes.includes(node));
}
