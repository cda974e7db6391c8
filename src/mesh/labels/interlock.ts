/** Labels of Interlock: `com.docker.lb.*` (Mirantis, MKE documentation, "Use service labels"). Together they are routes. */
import { BackendMode, type Route, RouteKind } from '../routes/route.js';
import { groupsOf, type Reading } from './reading.js';

export const INTERLOCK_PREFIX = 'com.docker.lb.';

/** What is followed, by the rest of the label's name. */
const KNOWN = [
  'hosts',
  'port',
  'network',
  'context_root',
  'context_root_rewrite',
  'sticky_session_cookie',
  'redirects',
  'ssl_passthrough',
  'backend_mode',
] as const;
type Known = (typeof KNOWN)[number];
/** Booleans that aren't followed. */
const SWITCHES: ReadonlySet<string> = new Set(['ssl_only', 'ssl_backend', 'ip_hash']);

/**
 * Reads all of them.
 * @param labels by the rest of their names
 */
export function readInterlock(reading: Reading, labels: ReadonlyMap<string, string>): void {
  const label = (name: Known): string => `${INTERLOCK_PREFIX}${name}`;
  let isLost = false;
  for (const [name, value] of labels) {
    const isKnown = (KNOWN as readonly string[]).includes(name);
    // What is switched off is as it should be.
    if (isKnown || (SWITCHES.has(name) && /^(0|f|false)$/i.test(value))) continue;
    const full = `${INTERLOCK_PREFIX}${name}`;
    if (reading.pass(full, full)) isLost = true;
  }
  if (isLost) return;
  const hosts = labels.get('hosts');
  if (hosts === undefined) {
    reading.refuse(label('hosts'), 'is missing: the service has no routes by these labels');
    return;
  }
  const more = settingsOf(reading, labels, label);
  if (more === undefined) return;
  for (const host of listOf(hosts)) reading.add(label('hosts'), host, more);
  for (const redirect of (labels.get('redirects') ?? '').split(';')) {
    if (redirect.trim() !== '') addRedirect(reading, label('redirects'), redirect.trim(), more);
  }
}

/** Adds `FROM,TO`, both of which are URLs; only the host of the first counts. */
function addRedirect(reading: Reading, source: string, redirect: string, more: Settings): void {
  const [from, to = ''] = groupsOf(/^(?:https?:\/\/)?([^/,\s]+)\/?\s*,\s*(\S+)$/i, redirect);
  if (from === undefined) {
    reading.refuse(source, 'is not a list of FROM,TO with semicolons between them');
    return;
  }
  const url = reading.url(source, to);
  if (url !== undefined) reading.add(source, from, { ...more, redirect: url });
}

type Settings = { -readonly [K in keyof Route]?: Route[K] };

function settingsOf(
  reading: Reading,
  labels: ReadonlyMap<string, string>,
  label: (name: Known) => string,
): Settings | undefined {
  const more: Settings = {};
  const port = labels.get('port');
  if (port !== undefined) more.port = reading.port(label('port'), port);
  else if (reading.service.publishedPorts !== 1)
    reading.refuse(label('port'), "is missing, and the service doesn't publish exactly one port");
  if (more.port === undefined && (port !== undefined || reading.service.publishedPorts !== 1)) return undefined;
  const network = labels.get('network');
  if (network !== undefined) more.network = network;
  const mode = labels.get('backend_mode');
  if (mode === 'vip') more.mode = BackendMode.Vip;
  else if (mode !== undefined && mode !== 'task') reading.refuse(label('backend_mode'), 'is neither task nor vip');
  const passthrough = labels.get('ssl_passthrough');
  if (passthrough !== undefined && reading.boolean(label('ssl_passthrough'), passthrough) === true)
    more.kind = RouteKind.Sni;
  const root = labels.get('context_root');
  if (root !== undefined) {
    const path = reading.path(label('context_root'), root);
    if (path === undefined) return undefined;
    more.path = path;
  }
  const rewrite = labels.get('context_root_rewrite');
  if (rewrite !== undefined && reading.boolean(label('context_root_rewrite'), rewrite) === true) more.rewrite = '/';
  const cookie = labels.get('sticky_session_cookie');
  if (cookie !== undefined) {
    const name = reading.cookie(label('sticky_session_cookie'), cookie);
    if (name !== undefined) more.sticky = { cookie: name, isOwn: false };
  }
  return more;
}

/** The members of a list. */
function listOf(text: string): string[] {
  return text.split(/[,\s]+/).filter((part) => part !== '');
}
