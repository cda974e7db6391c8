/**
 * How long a new entry takes until all others of three nodes know it: Docker's NetworkDB, this project, and both mixed.
 * `VTEP_TRANSCRIPT=FILE` appends the figures as a table of Markdown.
 */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { InteropCluster, knowEachOther, untilNodes } from './interop-cluster.js';
import { type InteropMember, type MemberKind } from './interop-member.js';
import { interopRequirements } from './programs.js';

const TRANSCRIPT = process.env['VTEP_TRANSCRIPT'];
const SAMPLES = Number(process.env['VTEP_SAMPLES'] ?? 21);
const NETWORK = 'r0yqus78gwe90z4dmog6y22cv';
const TABLE = 'overlay_peer_table';
/** Longer than a round of gossip, so that entries begin at any time of one. */
const PAUSE_MS = 230;
/** Gossip goes round in tenths of a second; a bulk sync, every 30 s, is what would repair a loss. */
const LONGEST_MS = 10_000;
const MILLISECONDS = 1000;

const skip = interopRequirements();

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** Milliseconds from a call until all others have reported the entry. */
async function propagation(owner: InteropMember, others: readonly InteropMember[], key: string): Promise<number> {
  const begin = performance.timeOrigin + performance.now();
  await owner.change('create', NETWORK, TABLE, key, Buffer.from(key));
  const seen = await Promise.all(
    others.map((other) => other.event(key, ({ event, entry }) => event === 'created' && entry === key)),
  );
  return Math.max(...seen.map(({ at }) => at)) - begin;
}

describe('a new entry is known on all of three nodes', { skip }, () => {
  const rows: string[] = [];
  for (const [title, kinds] of [
    ['three of NetworkDB', ['networkdb', 'networkdb', 'networkdb']],
    ['three of ours', ['ours', 'ours', 'ours']],
    ['two of NetworkDB, one of ours', ['networkdb', 'ours', 'networkdb']],
    ['one of NetworkDB, two of ours', ['ours', 'networkdb', 'ours']],
  ] as const satisfies readonly (readonly [string, readonly MemberKind[]])[]) {
    test(title, async () => {
      const interop = new InteropCluster();
      try {
        const members: InteropMember[] = [];
        for (const [index, kind] of kinds.entries()) {
          members.push(await interop.member(kind, 'abc'[index].repeat(12), index + 1));
          if (index > 0) await members[index].join(members[0]);
        }
        await knowEachOther(members);
        for (const member of members) await member.joinNetwork(NETWORK);
        const names = members.map(({ name }) => name);
        for (const member of members) await untilNodes(member, NETWORK, names);
        const times: number[] = [];
        for (let i = 0; i < SAMPLES; i += 1) {
          const owner = members[i % members.length];
          times.push(
            await propagation(
              owner,
              members.filter((member) => member !== owner),
              `entry${i}`,
            ),
          );
          await sleep(PAUSE_MS + (i % 7) * 29);
        }
        times.sort((a, b) => a - b);
        const seconds = [0.5, 0.99, 1].map((share) => (quantile(times, share) / MILLISECONDS).toFixed(2));
        rows.push(`| ${title} | ${times.length} | ${seconds.join(' | ')} |`);
        assert.ok(quantile(times, 0.5) < LONGEST_MS, `median ${seconds[0]} s`);
      } finally {
        await interop.close();
      }
    });
  }

  test('the figures are kept', () => {
    assert.equal(rows.length, 4);
    if (TRANSCRIPT === undefined) return;
    const load = loadavg().at(0)?.toFixed(1) ?? '';
    appendFileSync(
      TRANSCRIPT,
      `| three nodes | entries | median, s | p99, s | worst, s |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, load ${load}, Node ${process.versions.node}.
`,
    );
  });
});
