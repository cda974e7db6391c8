// Decodes a pcap file with gopacket's DecodingLayerParser, Ethernet to the inner UDP, pass by pass:
//
//	gopacket FILE MILLISECONDS [map|sparse [MEMORY COUNT]]
//
// The records are read by hand and decoded where they were read, which is faster than pcapgo (it copies each record),
// so that the decoding is measured. `map` keeps the layers in NewDecodingLayerParser's default container, `sparse` in
// DecodingLayerSparse, the fastest of gopacket's containers. With MEMORY above 0, that many packets are kept in memory
// and decoded repeatedly, COUNT in total: decoding without reading. Runs at least three passes and MILLISECONDS; prints
// the median one.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

const (
	fileHeader   = 24
	recordHeader = 16
	// Ethernet, IPv4, UDP, VXLAN, Ethernet, IPv4, UDP.
	wholeChain  = 7
	leastPasses = 3
)

// decoder holds the structs that the parser fills. The inner headers overwrite the outer ones.
type decoder struct {
	ethernet layers.Ethernet
	ip       layers.IPv4
	udp      layers.UDP
	vxlan    layers.VXLAN
	parser   *gopacket.DecodingLayerParser
	decoded  []gopacket.LayerType
}

func newDecoder(container string) (*decoder, error) {
	d := &decoder{}
	parts := []gopacket.DecodingLayer{&d.ethernet, &d.ip, &d.udp, &d.vxlan}
	d.parser = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, parts...)
	switch container {
	case "map":
	case "sparse":
		var sparse gopacket.DecodingLayerContainer = gopacket.DecodingLayerSparse(nil)
		for _, part := range parts {
			sparse = sparse.Put(part)
		}
		d.parser.SetDecodingLayerContainer(sparse)
	default:
		return nil, fmt.Errorf("unknown container %s: must be map or sparse", container)
	}
	// Otherwise the payload after the inner UDP header would be an error for each packet.
	d.parser.IgnoreUnsupported = true
	return d, nil
}

func (d *decoder) pass(path string) (packets int, check uint64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<20)
	if _, err := reader.Discard(fileHeader); err != nil {
		return 0, 0, err
	}
	for {
		head, err := reader.Peek(recordHeader)
		if err == io.EOF && len(head) == 0 {
			return packets, check, nil
		} else if err != nil {
			return packets, check, err
		}
		length := recordHeader + int(binary.LittleEndian.Uint32(head[8:]))
		record, err := reader.Peek(length)
		if err != nil {
			return packets, check, err
		}
		if err := d.parser.DecodeLayers(record[recordHeader:], &d.decoded); err != nil {
			return packets, check, err
		}
		if len(d.decoded) == wholeChain {
			check += uint64(d.ip.DstIP[3])
		}
		packets++
		if _, err := reader.Discard(length); err != nil {
			return packets, check, err
		}
	}
}

func (d *decoder) memoryPass(kept [][]byte, count int) (packets int, check uint64, err error) {
	for packets < count {
		for _, data := range kept {
			if err := d.parser.DecodeLayers(data, &d.decoded); err != nil {
				return packets, check, err
			}
			if len(d.decoded) == wholeChain {
				check += uint64(d.ip.DstIP[3])
			}
			packets++
		}
	}
	return packets, check, nil
}

// firstPackets copies the first packets of a file.
func firstPackets(path string, count int) ([][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	kept := [][]byte{}
	for at := fileHeader; len(kept) < count && at+recordHeader <= len(data); {
		length := int(binary.LittleEndian.Uint32(data[at+8:]))
		kept = append(kept, append([]byte{}, data[at+recordHeader:at+recordHeader+length]...))
		at += recordHeader + length
	}
	return kept, nil
}

func run() error {
	if len(os.Args) < 3 {
		return fmt.Errorf("usage: gopacket FILE MILLISECONDS [map|sparse [MEMORY COUNT]]")
	}
	milliseconds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		return err
	}
	container := "map"
	if len(os.Args) > 3 {
		container = os.Args[3]
	}
	d, err := newDecoder(container)
	if err != nil {
		return err
	}
	pass := func() (int, uint64, error) { return d.pass(os.Args[1]) }
	if len(os.Args) > 5 && os.Args[4] != "0" {
		memory, err := strconv.Atoi(os.Args[4])
		if err != nil {
			return err
		}
		count, err := strconv.Atoi(os.Args[5])
		if err != nil {
			return err
		}
		kept, err := firstPackets(os.Args[1], memory)
		if err != nil {
			return err
		}
		pass = func() (int, uint64, error) { return d.memoryPass(kept, count) }
	}
	packets, check, err := pass()
	if err != nil {
		return err
	}
	times := []int64{}
	least := time.Duration(milliseconds) * time.Millisecond
	for first := time.Now(); len(times) < leastPasses || time.Since(first) < least; {
		start := time.Now()
		if _, _, err := pass(); err != nil {
			return err
		}
		times = append(times, time.Since(start).Nanoseconds())
	}
	sort.Slice(times, func(a, b int) bool { return times[a] < times[b] })
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"packets": packets, "check": check, "nanoseconds": times[len(times)/2],
	})
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
