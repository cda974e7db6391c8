// A member that runs HashiCorp's memberlist with nothing on top, and does what lines on standard input say.
//
// Its events are joined, updated and left (a node, also if it failed), message (a user message), state (what another
// member's push/pull says for its user), and log. Values and keys are base64.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"interop/lines"

	"github.com/hashicorp/memberlist"
)

const leaveTimeout = 5 * time.Second

var (
	list  *memberlist.Memberlist
	ring  *memberlist.Keyring
	local state
)

// state is what this member says in a push/pull, and the messages that it passes on with its gossip.
type state struct {
	sync.Mutex
	value []byte
	queue memberlist.TransmitLimitedQueue
}

// message is one to pass on.
type message []byte

func (message) Invalidates(memberlist.Broadcast) bool { return false }
func (m message) Message() []byte                     { return m }
func (message) Finished()                             {}

// NodeMeta, NotifyMsg, GetBroadcasts, LocalState and MergeRemoteState are what memberlist asks of its user.
func (*state) NodeMeta(int) []byte { return nil }

func (*state) NotifyMsg(body []byte) { lines.Event("message", lines.Fields{"value": body}) }

func (s *state) GetBroadcasts(overhead, limit int) [][]byte {
	return s.queue.GetBroadcasts(overhead, limit)
}

func (s *state) LocalState(bool) []byte {
	s.Lock()
	defer s.Unlock()
	return s.value
}

func (*state) MergeRemoteState(body []byte, join bool) {
	// The slice is memberlist's, and is used again.
	lines.Event("state", lines.Fields{"value": append([]byte{}, body...), "join": join})
}

// events reports who joins and leaves.
type events struct{}

func (events) NotifyJoin(node *memberlist.Node)   { report("joined", node) }
func (events) NotifyLeave(node *memberlist.Node)  { report("left", node) }
func (events) NotifyUpdate(node *memberlist.Node) { report("updated", node) }

func report(kind string, node *memberlist.Node) {
	lines.Event(kind, lines.Fields{"name": node.Name, "address": node.Addr.String(), "port": node.Port})
}

// logged reports what memberlist logs: the only place where it says that a member is suspected.
type logged struct{}

func (logged) Write(line []byte) (int, error) {
	lines.Event("log", lines.Fields{"text": strings.TrimSpace(string(line))})
	return len(line), nil
}

func main() { lines.Serve(run) }

func run(command lines.Command) (interface{}, error) {
	if command.Do == "start" {
		return nil, start(command)
	}
	if list == nil {
		return nil, fmt.Errorf("not started")
	}
	switch command.Do {
	case "join":
		return list.Join(command.Addresses)
	case "members":
		names := []string{}
		for _, node := range list.Members() {
			names = append(names, node.Name)
		}
		return names, nil
	case "health":
		return list.GetHealthScore(), nil
	case "send":
		return nil, send(command)
	case "gossip":
		local.queue.QueueBroadcast(message(command.Value))
		return nil, nil
	case "setState":
		local.Lock()
		defer local.Unlock()
		local.value = command.Value
		return nil, nil
	case "addKey":
		return nil, ring.AddKey(command.Key)
	case "useKey":
		return nil, ring.UseKey(command.Key)
	case "removeKey":
		return nil, ring.RemoveKey(command.Key)
	case "leave":
		if err := list.Leave(leaveTimeout); err != nil {
			return nil, err
		}
		return nil, list.Shutdown()
	case "stop":
		os.Exit(0)
	}
	return nil, fmt.Errorf("unknown command %q", command.Do)
}

// start starts a member; the first key is the one that it sends with.
func start(command lines.Command) error {
	config := memberlist.DefaultLANConfig()
	config.Name = command.Name
	config.BindAddr, config.AdvertiseAddr = command.Address, command.Address
	config.BindPort, config.AdvertisePort = command.Port, command.Port
	config.Delegate, config.Events = &local, events{}
	config.Logger = log.New(logged{}, "", 0)
	if len(command.Keys) > 0 {
		var err error
		if ring, err = memberlist.NewKeyring(command.Keys, command.Keys[0]); err != nil {
			return err
		}
		config.Keyring = ring
	}
	started, err := memberlist.Create(config)
	if err != nil {
		return err
	}
	local.queue.NumNodes, local.queue.RetransmitMult = started.NumMembers, config.RetransmitMult
	list = started
	return nil
}

// send sends a user message to a member: by a stream, or else by a packet.
func send(command lines.Command) error {
	for _, node := range list.Members() {
		if node.Name != command.To {
			continue
		}
		if command.Reliable {
			return list.SendReliable(node, command.Value)
		}
		return list.SendBestEffort(node, command.Value)
	}
	return fmt.Errorf("no member %q", command.To)
}
