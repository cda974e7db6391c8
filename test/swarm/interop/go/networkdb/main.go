// A member of a swarm's gossip that runs Docker's own NetworkDB, and does what lines on standard input say.
//
// Its events are created, updated and deleted (an entry), joined and gone (a node, by its address), and log (a line of
// NetworkDB or memberlist). Values and keys are base64.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"interop/lines"

	"github.com/docker/libnetwork/networkdb"
	"github.com/sirupsen/logrus"
)

var db *networkdb.NetworkDB

// logged reports what NetworkDB and memberlist log: the only place where they say that a member is suspected.
type logged struct{}

func (logged) Levels() []logrus.Level { return logrus.AllLevels }

func (logged) Fire(entry *logrus.Entry) error {
	lines.Event("log", lines.Fields{"text": entry.Message})
	return nil
}

func main() {
	logrus.SetLevel(logrus.DebugLevel)
	logrus.SetOutput(io.Discard)
	logrus.AddHook(logged{})
	lines.Serve(run)
}

func run(command lines.Command) (interface{}, error) {
	if command.Do == "start" {
		return nil, start(command)
	}
	if db == nil {
		return nil, fmt.Errorf("not started")
	}
	switch command.Do {
	case "join":
		return nil, db.Join(command.Addresses)
	case "joinNetwork":
		return nil, db.JoinNetwork(command.Network)
	case "leaveNetwork":
		return nil, db.LeaveNetwork(command.Network)
	case "create":
		return nil, db.CreateEntry(command.Table, command.Network, command.Entry, command.Value)
	case "update":
		return nil, db.UpdateEntry(command.Table, command.Network, command.Entry, command.Value)
	case "delete":
		return nil, db.DeleteEntry(command.Table, command.Network, command.Entry)
	case "addKey":
		db.SetKey(command.Key)
		return nil, nil
	case "useKey":
		db.SetPrimaryKey(command.Key)
		return nil, nil
	case "removeKey":
		db.RemoveKey(command.Key)
		return nil, nil
	case "members":
		return names(db.ClusterPeers()), nil
	case "nodes":
		return names(db.Peers(command.Network)), nil
	case "entries":
		values := map[string][]byte{}
		for key, element := range db.GetTableByNetwork(command.Table, command.Network) {
			values[key] = element.Value
		}
		return values, nil
	case "leave":
		db.Close()
		return nil, nil
	case "stop":
		os.Exit(0)
	}
	return nil, fmt.Errorf("unknown command %q", command.Do)
}

// start starts a member; the first key is the one that it sends with.
func start(command lines.Command) error {
	config := networkdb.DefaultConfig()
	config.NodeID, config.Hostname = command.Name, command.Name
	config.BindAddr, config.AdvertiseAddr, config.BindPort = command.Address, command.Address, command.Port
	config.Keys = command.Keys
	started, err := networkdb.New(config)
	if err != nil {
		return err
	}
	watched, _ := started.Watch("", "", "")
	go func() {
		for event := range watched.C {
			switch change := event.(type) {
			case networkdb.CreateEvent:
				report("created", "joined", change.Table, change.NetworkID, change.Key, change.Value)
			case networkdb.UpdateEvent:
				report("updated", "updated", change.Table, change.NetworkID, change.Key, change.Value)
			case networkdb.DeleteEvent:
				report("deleted", "gone", change.Table, change.NetworkID, change.Key, change.Value)
			}
		}
	}()
	db = started
	return nil
}

// report tells of an entry, or of a node: NetworkDB has these as a table of their own.
func report(ofEntry, ofNode, table, network, key string, value []byte) {
	if table != networkdb.NodeTable {
		lines.Event(ofEntry, lines.Fields{"network": network, "table": table, "entry": key, "value": value})
		return
	}
	var node networkdb.NodeAddr
	if err := json.Unmarshal(value, &node); err == nil {
		lines.Event(ofNode, lines.Fields{"address": node.Addr.String()})
	}
}

func names(peers []networkdb.PeerInfo) []string {
	names := []string{}
	for _, peer := range peers {
		names = append(names, peer.Name)
	}
	return names
}
