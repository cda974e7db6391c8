import { Severity } from '../../../finding.js';
import { loggedLines } from './logged-lines.js';

/** A stale vxlan device is in the way of a new one. */
export const vxlanDeviceExists = loggedLines({
  id: 'vxlan-device-exists',
  title: 'A vxlan device is in the way of a new one',
  severity: Severity.Error,
  sample: 'error creating vxlan interface: file exists',
  matches: (text) =>
    /(?:creating|create) vxlan (?:interface|link)/.test(text) && /file exists|eexist|address already in use/.test(text),
  what: 'cannot create the vxlan device of a network, because another one has its VNI or port',
  means:
    'Tasks on the network fail to start on the node. A device of an earlier run, or of another program, has the same VNI and port.',
  advice: ['Find the device that has the VNI, and delete it; then restart the task.'],
  commands: [
    'ip -d link show type vxlan',
    'for n in /var/run/docker/netns/*; do nsenter --net=$n ip -d link show type vxlan; done',
    'ip link delete DEVICE',
  ],
  threads: ['moby/moby#28559', 'moby/libnetwork#1765', 'moby/libnetwork#945', 'moby/libnetwork#562'],
  explains: ['one-sided-traffic'],
});
