/** The options of Docker's overlay driver, as `docker network create --opt` spells them. */
import { OverlayError, type OverlayErrorCode } from '../error.js';
import { DOCKER_DRIVER_MTU, dockerMtu } from '../mtu.js';

/** The names of the options that the driver reads. */
export const DriverOption = {
  Encrypted: 'encrypted',
  Mtu: 'com.docker.network.driver.mtu',
  VniList: 'com.docker.network.driver.overlay.vxlanid_list',
  Dsr: 'dsr',
} as const;

const MAX_VNI = 0xffffff;
/** Linux's ETH_MIN_MTU. */
const MIN_MTU = 68;

/** What the options mean. */
export interface DriverOptions {
  /** Docker only checks the option's presence: even `encrypted=false` encrypts. */
  readonly encrypted: boolean;
  /** Whether replies go from the task straight to the client (direct server return); its presence suffices, too. */
  readonly dsr: boolean;
  /** One VNI per IPv4 subnet; empty if they aren't given. */
  readonly vnis: readonly number[];
  /** The MTU that Docker gives containers, in bytes. */
  readonly mtu: number;
  /** Whether the MTU was given. */
  readonly hasMtu: boolean;
}

/**
 * Reads the options. Unknown ones are ignored, as the driver ignores them.
 * @param code code of the error for a wrong value
 * @throws OverlayError
 */
export function readDriverOptions(
  options: Readonly<Record<string, string>>,
  code: OverlayErrorCode = 'BAD_CONFIG',
): DriverOptions {
  const encrypted = Object.hasOwn(options, DriverOption.Encrypted);
  const mtu = Object.hasOwn(options, DriverOption.Mtu) ? options[DriverOption.Mtu] : undefined;
  const vnis = Object.hasOwn(options, DriverOption.VniList) ? options[DriverOption.VniList] : undefined;
  return {
    encrypted,
    dsr: Object.hasOwn(options, DriverOption.Dsr),
    vnis: vnisOf(vnis, code),
    mtu: innerMtuOf(mtu, encrypted, code),
    // Docker treats 0 as no option.
    hasMtu: mtu !== undefined && mtu !== '0',
  };
}

function vnisOf(list: string | undefined, code: OverlayErrorCode): number[] {
  if (list === undefined || list.trim() === '') return [];
  return list.split(',').map((part) => {
    const vni = /^\s*\d{1,8}\s*$/.test(part) ? Number(part) : Number.NaN;
    if (!(vni <= MAX_VNI)) throw new OverlayError(code, `its ${DriverOption.VniList} is not a list of VNIs`);
    return vni;
  });
}

/** The MTU of containers, which must not be below what interfaces accept. */
function innerMtuOf(text: string | undefined, encrypted: boolean, code: OverlayErrorCode): number {
  const mtu = dockerMtu(mtuOptionOf(text, code), encrypted);
  if (mtu < MIN_MTU) {
    throw new OverlayError(code, `its ${DriverOption.Mtu} leaves ${mtu} bytes, below the minimum MTU of ${MIN_MTU}`);
  }
  return mtu;
}

function mtuOptionOf(text: string | undefined, code: OverlayErrorCode): number {
  if (text === undefined || text === '0') return DOCKER_DRIVER_MTU;
  const mtu = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(mtu >= MIN_MTU && mtu <= 65_535)) throw new OverlayError(code, `its ${DriverOption.Mtu} is not an MTU`);
  return mtu;
}
