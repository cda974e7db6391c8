import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { expandTemplate } from '../../../src/overlay/services/task-template.js';

const VALUES = { service: 'my-web', slot: '3', node: 'node2' };

describe('a template', () => {
  for (const [template, text] of [
    ['{{.Service.Name}}', 'my-web'],
    ['{{.Task.Slot}}', '3'],
    ['{{.Task.Name}}', 'my-web.3'],
    ['{{.Node.Hostname}}', 'node2'],
    ['{{ .Service.Name }}-{{.Task.Slot}}@{{.Node.Hostname}}', 'my-web-3@node2'],
    ['plain', 'plain'],
  ] as const) {
    test(`${template} is ${text}`, () => assert.equal(expandTemplate(template, VALUES), text));
  }

  test('refuses unknown placeholders and unclosed ones, naming those that exist', () => {
    for (const template of ['{{.Task.ID}}', '{{}}', '{{.Service.Labels}}', '{{constructor}}']) {
      assert.throws(() => expandTemplate(template, VALUES), {
        code: 'BAD_CONFIG',
        message: `"${template}" is unknown; there are {{.Service.Name}}, {{.Task.Slot}}, {{.Task.Name}}, {{.Node.Hostname}}`,
      });
    }
    assert.throws(() => expandTemplate('a{{.Task.Name', VALUES), { message: '"a{{.Task.Name" has {{ without }}' });
  });
});
