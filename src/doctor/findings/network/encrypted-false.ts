import { allViews } from '../../derived/networks.js';
import { aliases } from '../../derived/nodes.js';
import { exhibit, shellWord } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const NEGATIVE = /^(false|no|off|0|disabled?|none)$/i;

/** A network is encrypted although its option says `false`. */
export const encryptedFalse: Finding = {
  id: 'encrypted-false',
  title: 'A network is encrypted although its option says otherwise',
  severity: Severity.Note,
  looksAt: 'docker network inspect',
  fires: 'a network has the option `encrypted` with a value such as `false`',
  means:
    'Docker encrypts a network that has the option, whatever its value. It costs throughput and 26 bytes of each packet.',
  threads: ['moby/moby#33133'],
  explains: [],
  find: findNegatives,
};

function* findNegatives(evidence: Evidence): Generator<Diagnosis> {
  const reported = new Set<string>();
  for (const { node, view } of allViews(evidence)) {
    const { encryptedOption, name, id } = view;
    if (encryptedOption === undefined || !NEGATIVE.test(encryptedOption) || reported.has(`${id} ${name}`)) continue;
    reported.add(`${id} ${name}`);
    yield {
      severity: Severity.Note,
      certainty: Certainty.Certain,
      summary: `Network ${name} has the option encrypted=${encryptedOption} and is encrypted all the same.`,
      subject: { nodes: aliases(node) },
      exhibits: [exhibit(`encrypted: ${JSON.stringify(encryptedOption)}`, [view])],
      advice: ["Create the network again without the option if it isn't meant to be encrypted."],
      commands: [`docker network rm ${shellWord(name)}`, `docker network create --driver overlay ${shellWord(name)}`],
    };
  }
}
