/** What packets in view do, decoded once they stay in view. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { PacketDetails } from '../state/packet-details.js';

/** Rows that fly past aren't decoded. */
const SETTLED_MS = 60;
/** Lines that are kept. */
const MAX_KEPT = 4096;

/** The lines of packets, as far as they are known. */
export function usePacketInfo(details: PacketDetails, packets: Uint32Array): ReadonlyMap<number, string> {
  // They stay while the index grows.
  const infos = useMemo(() => new Map<number, string>(), [details.keys, details.origin]);
  const [, setVersion] = useState(0);
  useEffect(() => {
    let isGone = false;
    const timer = setTimeout(() => {
      const missing = Array.from(packets).filter((packet) => !infos.has(packet));
      if (missing.length === 0) return;
      // A file that can't be read any more is reported where a packet is opened.
      const unread = (): string[] => missing.map(() => '');
      void details
        .infos(missing)
        .then(undefined, unread)
        .then((lines) => {
          if (infos.size > MAX_KEPT) infos.clear();
          for (const [i, packet] of missing.entries()) infos.set(packet, lines[i]);
          if (!isGone) setVersion((version) => version + 1);
        });
    }, SETTLED_MS);
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [details, infos, packets]);
  return infos;
}
