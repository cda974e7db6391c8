/** Sorted lists of indices, copied on write: a running iteration continues on the old list. */

/** The index of a value, or where to insert it. */
function indexOf(list: Int32Array, value: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns a list with a value added, or the same list if present. */
export function inserted(list: Int32Array, value: number): Int32Array {
  const index = indexOf(list, value);
  if (list[index] === value) return list;
  const longer = new Int32Array(list.length + 1);
  longer.set(list.subarray(0, index));
  longer[index] = value;
  longer.set(list.subarray(index), index + 1);
  return longer;
}

/** Returns a list without a value, or the same list if absent. */
export function without(list: Int32Array, value: number): Int32Array {
  const index = indexOf(list, value);
  if (list[index] !== value) return list;
  const shorter = new Int32Array(list.length - 1);
  shorter.set(list.subarray(0, index));
  shorter.set(list.subarray(index + 1), index);
  return shorter;
}
