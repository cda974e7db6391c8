/** The command that captures an overlay. */

/**
 * What tcpdump has to capture of the underlay. Without the fragments, `udp port` takes only the first one of each packet, since the
 * others have no ports: the capture looks as if they were lost.
 */
const FILTER = 'udp port 4789 or esp or port 7946 or icmp or icmp6 or ip[6:2] & 0x1fff != 0 or ip6 proto 44';

/** Captures whole packets of the underlay; FILE and DEVICE are the reader's. */
export const CAPTURE_COMMAND = `tcpdump -s 0 -i DEVICE -w FILE '${FILTER}'`;

/** Likewise, for a minute: to be started on several nodes at once. */
export const MINUTE_COMMAND = `timeout 60 ${CAPTURE_COMMAND}`;
