"""Measures scapy: VXLAN packets to the inner IP, and ESP with AES-GCM, bytes to bytes.

    main.py version
    main.py show BYTES                         a packet and its ESP, in hexadecimal
    main.py measure COUNT FILE... -- BYTES...  captures to decode, then COUNT frames of these sizes (mixed: 64,594,64)

Prints a line of JSON: a pass over each capture, then nanoseconds per packet to seal and to open for each size.
"""
import json
import sys
import time

import scapy
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.utils import RawPcapReader

# The ICV has 16 bytes: scapy doesn't support Swarm's 8.
KEY = bytes(range(16))
SALT = bytes([1, 2, 3, 4])


def association():
    return SecurityAssociation(ESP, spi=0x01020304, crypt_algo="AES-GCM", crypt_key=KEY + SALT)


def decode(path):
    packets = [packet for packet, _ in RawPcapReader(path)]
    start = time.perf_counter_ns()
    check = 0
    for packet in packets:
        inner = Ether(packet)[VXLAN][IP]
        check += int(inner.dst.rsplit(".", 1)[1])
    return {"packets": len(packets), "check": check, "nanoseconds": time.perf_counter_ns() - start}


def plain(size, number):
    frame = bytes((number + at) & 255 for at in range(size))
    return bytes(IP(src="192.168.50.1", dst="192.168.50.2") / UDP(sport=50000, dport=4789) / VXLAN(vni=4097) / frame)


def esp(sizes, count):
    packets = [plain(sizes[number % len(sizes)], number) for number in range(count)]
    sealer, opener = association(), association()
    start = time.perf_counter_ns()
    sealed = [bytes(sealer.encrypt(IP(packet))) for packet in packets]
    middle = time.perf_counter_ns()
    opened = [bytes(opener.decrypt(IP(packet))) for packet in sealed]
    end = time.perf_counter_ns()
    if [packet[20:] for packet in opened] != [packet[20:] for packet in packets]:
        raise ValueError("scapy's decrypted packets differ from what it encrypted")
    return [(middle - start) / count, (end - middle) / count]


def measure(words):
    count, split = int(words[0]), words.index("--")
    esp([64], count // 2)
    sizes = [[int(size) for size in word.split(",")] for word in words[split + 1 :]]
    return {
        "decoded": [decode(path) for path in words[1:split]],
        "esp": [esp(frames, count) for frames in sizes],
    }


def main(words):
    if words[0] == "version":
        association()
        print(scapy.VERSION)
    elif words[0] == "show":
        packet = plain(int(words[1]), 0)
        print(packet.hex(), bytes(association().encrypt(IP(packet))).hex())
    else:
        print(json.dumps(measure(words[1:])))


main(sys.argv[1:])
