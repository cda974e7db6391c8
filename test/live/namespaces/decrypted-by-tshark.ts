/** tshark's opinion of encrypted packets. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Fields of each packet of a capture, with an esp_sa file: ICV good, ICV bad, VNI, inner source address.
 * @param folder where tshark may look for a configuration
 */
export function decryptedByTshark(capture: string, sas: string, folder: string): string[] {
  const rows = readFileSync(sas, 'utf8').split('\n');
  const { status, stdout, stderr } = spawnSync(
    'tshark',
    [
      ...['-r', capture, '-T', 'fields', '-E', 'separator=,', '-E', 'occurrence=l'],
      ...['esp.icv_good', 'esp.icv_bad', 'vxlan.vni', 'ip.src'].flatMap((field) => ['-e', field]),
      ...['-o', 'esp.enable_encryption_decode:TRUE', '-o', 'esp.enable_authentication_check:TRUE'],
      ...rows.filter((row) => row.startsWith('"')).flatMap((row) => ['-o', `uat:esp_sa:${row}`]),
    ],
    { encoding: 'utf8', env: { ...process.env, WIRESHARK_CONFIG_DIR: join(folder, 'wireshark') } },
  );
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split('\n');
}
