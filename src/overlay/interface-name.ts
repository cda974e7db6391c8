/** Whether a network interface can have this name (dev_valid_name in net/core/dev.c, without shell metacharacters). */
export function isInterfaceName(name: string): boolean {
  return /^[\w.-]{1,15}$/.test(name) && name !== '.' && name !== '..';
}
