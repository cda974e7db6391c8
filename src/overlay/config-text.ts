/** The text of a config as data that fits its schema. */
import type * as z from 'zod';
import { describeText } from '../text/recognised-text.js';
import { CONFIG_SCHEMA, type ParsedConfig } from './config-schema.js';
import { OverlayError } from './error.js';
import { KeyText } from './keys/key-text.js';
import type { Locations } from './locations.js';
import { pathOfProto, readYaml, type YamlText } from './yaml-text.js';

/**
 * Maximum length of a YAML config in characters: some 700 endpoints. Larger configs must be JSON, which parses much
 * faster.
 */
const MAX_CONFIG = 1 << 16;
/** A config as a whole. */
const CONFIG = 'a config has nodes, networks and endpoints';

/** Suffix for an error: what other kind of file, commonly kept next to a config, the text looks like. */
function otherKind(text: string): string {
  const like = describeText(text);
  return like === undefined || /^(?:a config of vtep|JSON|a key ring)$/.test(like) ? '' : `; it looks like ${like}`;
}

function readConfig(text: string): YamlText {
  try {
    return readYaml(text, 'BAD_CONFIG', MAX_CONFIG);
  } catch (error) {
    const like = otherKind(text);
    if (!(error instanceof OverlayError) || like === '') throw error;
    const { position } = error;
    const at = position === undefined ? {} : { position };
    throw new OverlayError('BAD_CONFIG', `${error.reason}${like}`, { cause: error, ...at });
  }
}

/** The error for a file without any data. */
function emptyFile(help: string): OverlayError {
  return new OverlayError('BAD_CONFIG', `the file is empty; ${help}`, { position: { line: 1, column: 1 } });
}

/** What is wrong inside of a list or a block that may take another form too; the issue itself if nothing is. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  // The forms that the value doesn't have at all say so about the value itself.
  const inner = issue.errors
    .map(([first]) => first)
    .find((first) => first.path.length > 0 || first.code === 'unrecognized_keys');
  return inner === undefined ? issue : innermost({ ...inner, path: [...issue.path, ...inner.path] });
}

/** The error for data that doesn't fit its schema. */
function invalid(found: z.core.$ZodIssue, locations: Locations, text: string, whole: string): OverlayError {
  const issue = innermost(found);
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  // A file without nodes is not a config, and may be another kind of file.
  const like = path.length === 0 || (path.length === 1 && path[0] === 'nodes') ? otherKind(text) : '';
  const where = path.length > 0 ? `${path.join('.')}: ` : '';
  switch (issue.code) {
    case 'unrecognized_keys':
      return locations.error([...path, issue.keys[0]], `${where}${issue.message}${like}`, 'BAD_CONFIG', 'name');
    case 'invalid_key':
      return locations.error(path, `${where}${issue.issues[0].message}${like}`, 'BAD_CONFIG', 'name');
    default: {
      const help = path.length === 0 && like === '' ? `; ${whole}` : like;
      return locations.error(path, `${where}${issue.message}${help}`);
    }
  }
}

/** A config as it is written, which has the fields that the schema has. */
export type WrittenConfig = Partial<Record<keyof ParsedConfig, Readonly<Record<string, unknown>> | boolean | null>>;

/** A config's data. */
export interface ConfigData {
  readonly written: WrittenConfig;
  /** With the defaults of fields that aren't written. */
  readonly parsed: ParsedConfig;
  readonly locations: Locations;
}

/** A text's data. */
export interface TextData<T> {
  readonly written: unknown;
  readonly parsed: T;
  readonly locations: Locations;
}

/**
 * Parses a text and checks it against a schema.
 * @param whole what the text should have, for errors about all of it
 * @throws OverlayError `BAD_CONFIG` with the line
 */
export function parsedText<T>(text: string, schema: z.ZodType<T>, whole: string): TextData<T> {
  const { data, locations } = readConfig(text);
  const proto = pathOfProto(data);
  if (proto !== undefined) {
    throw locations.error(proto, `${proto.join('.')}: __proto__ can't be a name; choose another`, 'BAD_CONFIG', 'name');
  }
  if (data === null) throw emptyFile(whole);
  const result = schema.safeParse(data);
  if (!result.success) throw invalid(result.error.issues[0], locations, text, whole);
  return { written: data, parsed: result.data, locations };
}

/**
 * Parses a config's text and checks it against the schema.
 * @throws OverlayError `BAD_CONFIG` with the line
 */
export function parsedConfig(file: string | KeyText): ConfigData {
  const text = file instanceof KeyText ? file.text : file;
  const { written, parsed, locations } = parsedText(text, CONFIG_SCHEMA, CONFIG);
  return { written: written as WrittenConfig, parsed, locations };
}
