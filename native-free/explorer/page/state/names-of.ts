/** The names that the given texts have for addresses. */
import { VtepError } from '../../../../src/error.js';
import { AddressNames } from '../../../../src/inspect/index.js';
import { importSwarm, parseConfig } from '../../../../src/overlay/files.js';
import type { GivenText } from '../../worker/messages.js';
import type { FileProblem } from './file-problem.js';

/** Names, or why there are none. */
export interface NamesResult {
  readonly names: AddressNames | undefined;
  readonly problem: FileProblem | undefined;
}

const NONE: NamesResult = { names: undefined, problem: undefined };

/**
 * The names of outputs of Docker's inspect commands, or else of a config of vtep, among texts of any kind. If the outputs
 * can't be used, a config still has its names.
 */
export function namesOf(texts: readonly GivenText[]): NamesResult {
  const dumps = texts.filter(({ text }) => isInspectOutput(text));
  const imported =
    dumps.length === 0
      ? NONE
      : guarded(dumps, () => {
          const { topology, former, networkIds } = importSwarm(dumps, { namesOnly: true });
          return new AddressNames(topology, former, networkIds);
        });
  const config = texts.find(({ text }) => isConfig(text));
  if (imported.names !== undefined || config === undefined) return imported;
  const configured = guarded([config], () => new AddressNames(parseConfig(config.text)));
  return { names: configured.names, problem: imported.problem ?? configured.problem };
}

function guarded(texts: readonly GivenText[], read: () => AddressNames): NamesResult {
  try {
    return { names: read(), problem: undefined };
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    return { names: undefined, problem: { name: texts.map(({ name }) => name).join(', '), message: error.message } };
  }
}

/** Whether a text is JSON as Docker prints it, of more than keys. */
function isInspectOutput(text: string): boolean {
  return /^\s*[[{]/.test(text.slice(0, 1000)) && /"(?:Id|ID|Driver|Spec|NetworkSettings)"\s*:/.test(text);
}

function isConfig(text: string): boolean {
  return /^nodes:/m.test(text) && /^networks:/m.test(text);
}
