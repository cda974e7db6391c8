/** Requirements of tests with rules of nftables. */
import { command } from '../namespaces/command.js';
import { requirements } from '../namespaces/requirements.js';

/** Why tests with rules in network namespaces are skipped, or undefined. In CI none are. */
export function ruleRequirements(): string | undefined {
  if (process.env['CI'] === 'true') return undefined;
  const lacking = requirements();
  if (lacking !== undefined) return lacking;
  try {
    command(['nft', '--version']);
    return undefined;
  } catch {
    return 'nft is not installed (Debian: nftables)';
  }
}
