/** Whether the columns of a trace that was sent are consistent: `CaptureTrace` reads them unchecked. */
import { isTraceKind, MAX_TRACE_PACKETS, type TraceColumns } from '../capture/capture-trace.js';
import { MAX_TUNNELS } from '../capture/limits.js';
import { int, list, matching, object, type Shape } from '../../inspect/internal.js';

const address = matching(/^[0-9a-f.:]{2,45}$/, 'an IP address');

const pair: Shape = (value) =>
  Array.isArray(value) && value.length === 2 ? list(address, 2)(value) : ' is not two addresses';

function column(Type: new (length: number) => ArrayBufferView & { readonly length: number }): Shape {
  return (value) =>
    value instanceof Type && value.length <= MAX_TRACE_PACKETS
      ? undefined
      : ` is not a column of at most ${MAX_TRACE_PACKETS} packets`;
}

const columns = object<TraceColumns>({
  first: column(Int32Array),
  second: column(Int32Array),
  seconds: column(Float64Array),
  numbers: column(Int32Array),
  tunnels: column(Uint16Array),
  lengths: column(Uint16Array),
  kinds: column(Uint8Array),
  unlisted: int(),
  pairs: list(pair, MAX_TUNNELS),
});

/** A trace: columns of one length, whose directions and kinds exist. */
export const traceShape: Shape = (value) => {
  const wrong = columns(value);
  if (wrong !== undefined) return wrong;
  const { first, second, seconds, numbers, tunnels, lengths, kinds, pairs } = value as TraceColumns;
  const size = first.length;
  if ([second, seconds, numbers, tunnels, lengths, kinds].some(({ length }) => length !== size)) {
    return ' has columns of different lengths';
  }
  for (let i = 0; i < size; i++) {
    if (tunnels[i] >= 2 * pairs.length) return `.tunnels[${i}] is no direction`;
    if (!isTraceKind(kinds[i])) return `.kinds[${i}] is no kind`;
    if (numbers[i] < 1) return `.numbers[${i}] is no packet`;
  }
  return undefined;
};
