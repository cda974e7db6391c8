import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import type { WorkerMessage } from '../../../../native-free/explorer/worker/messages.js';
import { indexCaptures } from '../../../../native-free/explorer/worker/index-captures.js';
import { posted } from '../../../../native-free/explorer/worker/start.js';
import { fixture } from '../../../repository.js';

it('posted: leaves the conversations out of the reports, and nothing else', async () => {
  const blob = new Blob([readFileSync(fixture('docker/03-vip-http.underlay.pcap'))]);
  const messages: WorkerMessage[] = [];
  const captures = [{ kind: 'blob', name: 'http.pcap', blob } as const];
  await indexCaptures({ kind: 'index', captures, texts: [], decrypt: false }, (message) => messages.push(message));
  const done = messages.find((message) => message.kind === 'done');
  assert.ok(done !== undefined && done.reports.survey.flows !== null);
  const { reports } = done;
  assert.deepEqual(posted(done), { ...done, reports: { ...reports, survey: { ...reports.survey, flows: null } } });
  for (const message of messages) if (message !== done) assert.equal(posted(message), message);
});
