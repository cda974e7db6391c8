/** Host names of routes. */

const MAX_NAME = 253;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/**
 * The host name of a route as requests are compared with it: in lower case, without the dot of the root.
 * @param text a name; the first label may be `*`
 * @returns undefined if it is none
 */
export function hostName(text: string): string | undefined {
  const name = text.toLowerCase().replace(/\.$/, '');
  if (name.length === 0 || name.length > MAX_NAME) return undefined;
  const [first, ...others] = name.split('.');
  if (first === '*' && others.length === 0) return undefined;
  const labels = first === '*' ? others : [first, ...others];
  return labels.every((label) => LABEL.test(label)) ? name : undefined;
}

/**
 * The pattern that stands for a name's neighbours, too: `*.example.org` of `a.example.org`. Undefined without a dot, or if
 * the first label is none: programs behind may read `a,b.example.org` as two hosts.
 */
export function wildcardOf(host: string): string | undefined {
  const dot = host.indexOf('.');
  return dot <= 0 || !LABEL.test(host.slice(0, dot)) ? undefined : `*${host.slice(dot)}`;
}
