/** Whether a network interface can be called so (dev_valid_name of net/core/dev.c, and no sign that a shell reads). */
export function isInterfaceName(name: string): boolean {
  return /^[\w.-]{1,15}$/.test(name) && name !== '.' && name !== '..';
}
