/** Features of `ethtool -k`, as text and as JSON. */
import { pastedLines } from '../../../text/pasted-text.js';
import type { OffloadFeature } from '../../evidence/kernel.js';
import { isObject, type JsonObject, stringOf } from '../json-values.js';
import { keptText, placeIn, type Source } from '../source.js';

const HEAD = /^Features for (\S{1,64}):$/;
/** `off [fixed]`, `off [requested on]`. */
const FEATURE = /^([a-z0-9][a-z0-9_-]{1,60}): (on|off)(?: \[(.{0,40})\])?$/;

/** The features of a source. */
export function* parseOffloads(source: Source): Generator<OffloadFeature, void> {
  let device = deviceOf(source.command);
  for (const { number, text } of pastedLines(source.text)) {
    const head = HEAD.exec(text);
    if (head !== null) {
      device = keptText(head[1]);
      continue;
    }
    const match = FEATURE.exec(text);
    if (match === null) continue;
    const fixed = match.at(3) === 'fixed';
    yield { place: placeIn(source, number), device, name: match[1], on: match[2] === 'on', fixed };
  }
}

function deviceOf(command: string): string {
  return keptText(/\bethtool (?:-k|--show-features|--show-offload)\s+([\w.-]{1,15})/.exec(command)?.[1] ?? '');
}

/** The features of an object of `ethtool --json -k`. */
export function* offloadsOf(source: Source, object: JsonObject, line: number): Generator<OffloadFeature, void> {
  const device = keptText(stringOf(object['ifname']));
  for (const [name, value] of Object.entries(object)) {
    if (!isObject(value) || !('active' in value)) continue;
    const { active, fixed } = value;
    yield { place: placeIn(source, line), device, name: keptText(name), on: active === true, fixed: fixed === true };
  }
}
