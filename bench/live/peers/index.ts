/** Other programs that connect containers of two hosts. */
import { fastd, fastdGcm } from './fastd.js';
import { nebula } from './nebula.js';
import { openvpn } from './openvpn.js';
import { openVSwitch } from './open-vswitch.js';
import type { LivePeer } from './peer.js';
import { wireguardGo } from './wireguard-go.js';

/** All of them, in the order of the tables: clear ones first. */
export const PEERS: readonly LivePeer[] = [openVSwitch, fastd, fastdGcm, openvpn, nebula, wireguardGo];
