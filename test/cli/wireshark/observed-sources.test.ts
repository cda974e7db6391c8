import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fixture, missing } from '../../repository.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();

test(
  'packets from another address than their SA’s are decrypted in tshark, too',
  { skip: missing('tshark') },
  async () => {
    const name = 'esp/01-esp-docker-aes128-icv64';
    const dump = readFileSync(fixture(`${name}.xfrm.txt`), 'utf8');
    // As if the SAs were those of the nodes' own addresses, behind NAT.
    const keys = join(folder, 'keys.txt');
    writeFileSync(keys, dump.replaceAll(/^src 192\.168\.50\.(\d)/gm, 'src 10.1.1.$1'));
    const capture = fixture(`${name}.underlay.pcap`);
    const own = join(folder, 'own');
    const { status, stdout } = await vtep(['wireshark', capture, '--keys', keys, '-o', own, '--strict']);
    assert.equal(status, 0);
    const tshark = spawnSync(
      'sh',
      ['-c', `${stdout.trimEnd().split('\n')[1]} -Y 'esp && vxlan' -T fields -e esp.icv_good`],
      { encoding: 'utf8' },
    );
    assert.equal(tshark.status, 0, tshark.stderr);
    assert.ok(tshark.stdout.trimEnd().split('\n').length > 100);
  },
);
