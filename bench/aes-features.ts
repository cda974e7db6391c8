/** The processor's instructions for AES-GCM, which decide what a cipher's figures are worth on another machine. */
import { readFileSync } from 'node:fs';

/** Flags in /proc/cpuinfo, and what they are usually called. AVX-512 alone is no AES, but doubles VAES. */
const FLAGS: readonly (readonly [flag: string, name: string])[] = [
  // x86
  ['aes', 'AES-NI'],
  ['vaes', 'VAES'],
  ['vpclmulqdq', 'VPCLMULQDQ'],
  ['avx512f', 'AVX-512'],
];
const ARM_FLAGS: readonly (readonly [flag: string, name: string])[] = [
  ['aes', 'AES'],
  ['pmull', 'PMULL'],
];

/**
 * The AES-GCM instructions that a processor has: `AES-NI`, `VAES`, `VPCLMULQDQ`, `AVX-512` on x86, `AES`, `PMULL` on
 * arm64.
 * @param cpuinfo content of /proc/cpuinfo
 */
export function parseAesFeatures(cpuinfo: string): string[] {
  const [, key = '', listed = ''] = /^(flags|Features)\s*:(.*)$/m.exec(cpuinfo) ?? [];
  const present = new Set(listed.trim().split(/\s+/));
  return (key === 'flags' ? FLAGS : ARM_FLAGS).flatMap(([flag, name]) => (present.has(flag) ? [name] : []));
}

/** This processor's; undefined if the system doesn't say. */
export function aesFeatures(): string[] | undefined {
  try {
    return parseAesFeatures(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return undefined;
  }
}

/** AES instructions for display: `AES-NI, VAES`. */
export function aesText(features: readonly string[]): string {
  return features.length === 0 ? 'no AES instructions' : features.join(', ');
}
