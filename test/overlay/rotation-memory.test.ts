import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BACKENDS, lacking } from '../aead/backends.js';
import { ROOT } from '../repository.js';

describe('a key that left the ring', () => {
  for (const backend of BACKENDS) {
    const unreadable = existsSync('/proc/self/mem') ? false : 'the memory of a process can only be read on Linux';
    const forge = backend.name === 'forge' ? 'node-forge keeps keys that can’t be wiped' : false;
    const skip = lacking(backend) || unreadable || forge;
    test(`${backend.name}: is nowhere in the process's memory, while a remaining one is`, { skip }, () => {
      const script = join(ROOT, 'dist/test/overlay/rotation-memory-child.js');
      const options = { encoding: 'utf8', timeout: 300_000 } as const;
      const child = spawnSync(process.execPath, ['--expose-gc', script, backend.name], options);
      assert.equal(child.status, 0, child.stderr);
      assert.deepEqual(JSON.parse(child.stdout), [
        [true, true, true],
        [false, true, true],
        [false, false, true],
        [false, false, false],
      ]);
    });
  }
});
