/** Lists of indexes in ascending order, that are copied when they change: whoever goes through one goes on with the old one. */

/** Where a value is, or where it belongs. */
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

/** A list with one value more; the same one if it has that already. */
export function inserted(list: Int32Array, value: number): Int32Array {
  const index = indexOf(list, value);
  if (list[index] === value) return list;
  const longer = new Int32Array(list.length + 1);
  longer.set(list.subarray(0, index));
  longer[index] = value;
  longer.set(list.subarray(index), index + 1);
  return longer;
}

/** A list without a value; the same one if it doesn't have that. */
export function without(list: Int32Array, value: number): Int32Array {
  const index = indexOf(list, value);
  if (list[index] !== value) return list;
  const shorter = new Int32Array(list.length - 1);
  shorter.set(list.subarray(0, index));
  shorter.set(list.subarray(index + 1), index);
  return shorter;
}
