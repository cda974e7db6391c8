/** The EtherTypes that vtep recognises (IEEE 802 numbers, host order). */
export const EtherType = {
  Ipv4: 0x0800,
  Arp: 0x0806,
  /** 802.1Q customer tag. */
  Vlan: 0x8100,
  Ipv6: 0x86dd,
  /** 802.1ad service tag. */
  ServiceVlan: 0x88a8,
  /** The service tag's value before 802.1ad, still in use. */
  OldServiceVlan: 0x9100,
  /** Transparent Ethernet bridging: a whole frame, in GRE, Geneve and NSH. */
  Bridging: 0x6558,
  Mpls: 0x8847,
  MplsMulticast: 0x8848,
  PppoeSession: 0x8864,
  Nsh: 0x894f,
} as const;
