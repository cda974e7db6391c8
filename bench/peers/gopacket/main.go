// Decodes a pcap file with gopacket's DecodingLayerParser, Ethernet to the inner UDP, pass by pass. The records are read
// by hand through a large buffer, so that what is measured is the decoding.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sort"
	"strconv"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

func pass(path string) (packets int, check uint64, nanoseconds int64) {
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	var ethernet layers.Ethernet
	var ip layers.IPv4
	var udp layers.UDP
	var vxlan layers.VXLAN
	var payload gopacket.Payload
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &ethernet, &ip, &udp, &vxlan, &payload)
	decoded := make([]gopacket.LayerType, 0, 16)
	reader := bufio.NewReaderSize(file, 1<<20)
	header := make([]byte, 24)
	buffer := make([]byte, 65536)
	start := time.Now()
	if _, err := io.ReadFull(reader, header); err != nil {
		panic(err)
	}
	for {
		if _, err := io.ReadFull(reader, header[:16]); err == io.EOF {
			break
		} else if err != nil {
			panic(err)
		}
		data := buffer[:binary.LittleEndian.Uint32(header[8:])]
		if _, err := io.ReadFull(reader, data); err != nil {
			panic(err)
		}
		if err := parser.DecodeLayers(data, &decoded); err != nil {
			panic(err)
		}
		// The parser fills the same struct for the outer and the inner packet; the inner one comes last.
		check += uint64(ip.DstIP[len(ip.DstIP)-1])
		packets++
	}
	return packets, check, time.Since(start).Nanoseconds()
}

func main() {
	passes, _ := strconv.Atoi(os.Args[2])
	packets, check, _ := pass(os.Args[1])
	times := []int64{}
	for i := 0; i < passes; i++ {
		_, _, nanoseconds := pass(os.Args[1])
		times = append(times, nanoseconds)
	}
	sort.Slice(times, func(a, b int) bool { return times[a] < times[b] })
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.GoVersion
	}
	fmt.Printf("{\"packets\":%d,\"check\":%d,\"nanoseconds\":%d,\"version\":%q}\n", packets, check, times[len(times)/2], version)
}
