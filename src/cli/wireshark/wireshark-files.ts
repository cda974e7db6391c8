/** The files of a Wireshark profile that opens an encrypted overlay's capture: preferences and "Decode As" entries. */

/** Names of the files in a profile. */
export const ESP_SA_FILE = 'esp_sa';
export const PREFERENCES_FILE = 'preferences';
export const DECODE_AS_FILE = 'decode_as_entries';

const HEAD = '# Written by vtep wireshark.\n';

/**
 * The preferences.
 * @param checksIcv whether Wireshark verifies ICVs; it can't with extended sequence numbers, of whose upper half it
 *   knows nothing
 */
export function preferencesText(checksIcv: boolean): string {
  return [
    HEAD.trimEnd(),
    'esp.enable_encryption_decode: TRUE',
    `esp.enable_authentication_check: ${checksIcv ? 'TRUE' : 'FALSE'}`,
    // The defaults, which a default profile may have changed.
    'ip.defragment: TRUE',
    'ipv6.defragment: TRUE',
    '',
  ].join('\n');
}

/** Whether preferences were written here, and not by a user or Wireshark. */
export function isOwnPreferences(text: string): boolean {
  return text.startsWith(HEAD);
}

/**
 * The "Decode As" entries that make UDP ports VXLAN.
 * @param ports other than 4789, which Wireshark knows
 * @returns undefined without ports
 */
export function decodeAsText(ports: readonly number[]): string | undefined {
  if (ports.length === 0) return undefined;
  return HEAD + ports.map((port) => `decode_as_entry: udp.port,${port},(none),VXLAN\n`).join('');
}
