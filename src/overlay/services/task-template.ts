/** Templates of values that differ from task to task, with the placeholders of `docker service create`. */
import { inQuotes } from '../../text/plain-text.js';
import { OverlayError } from '../error.js';

/** What a task's placeholders stand for. */
export interface TemplateValues {
  readonly service: string;
  /** Its slot, or its node's name for a global service. */
  readonly slot: string;
  /** The name of its node. */
  readonly node: string;
}

const PLACEHOLDER = /\{\{(.*?)\}\}/g;
const VALUES: Readonly<Record<string, (values: TemplateValues) => string>> = {
  '.Service.Name': ({ service }) => service,
  '.Task.Slot': ({ slot }) => slot,
  '.Task.Name': ({ service, slot }) => `${service}.${slot}`,
  '.Node.Hostname': ({ node }) => node,
};

/**
 * Replaces the placeholders of a template: `{{.Service.Name}}`, `{{.Task.Slot}}`, `{{.Task.Name}}` (service and slot)
 * and `{{.Node.Hostname}}`.
 * @throws OverlayError `BAD_CONFIG` for others
 */
export function expandTemplate(template: string, values: TemplateValues): string {
  const text = template.replace(PLACEHOLDER, (whole, inner: string) => {
    const name = inner.trim();
    if (Object.hasOwn(VALUES, name)) return VALUES[name](values);
    throw new OverlayError('BAD_CONFIG', `${inQuotes(whole)} is unknown; there are ${placeholders()}`);
  });
  if (template.replace(PLACEHOLDER, '').includes('{{')) {
    throw new OverlayError('BAD_CONFIG', `${inQuotes(template)} has {{ without }}`);
  }
  return text;
}

function placeholders(): string {
  return Object.keys(VALUES)
    .map((name) => `{{${name}}}`)
    .join(', ');
}
