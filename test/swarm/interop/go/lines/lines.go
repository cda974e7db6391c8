// Package lines controls a program by lines of JSON: a command per line comes in on standard input, and its answer and
// events, a line each, go out on standard output.
package lines

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"sync"
	"time"
)

// A Command is a line of standard input.
type Command struct {
	// ID comes back in the answer.
	ID int
	// Do names the command; its arguments are among the following.
	Do        string
	Name      string
	Address   string
	Port      int
	Addresses []string
	Keys      [][]byte
	Key       []byte
	Network   string
	Table     string
	Entry     string
	Value     []byte
	To        string
	Reliable  bool
}

// Fields are the members of a line of standard output.
type Fields map[string]interface{}

var (
	output sync.Mutex
	writer = json.NewEncoder(os.Stdout)
)

// Event writes a line that answers no command. It has the time, in milliseconds since 1970.
func Event(kind string, fields Fields) {
	line := Fields{"event": kind, "at": float64(time.Now().UnixMicro()) / 1000}
	for name, value := range fields {
		line[name] = value
	}
	write(line)
}

// Serve runs commands until standard input ends. Each has a goroutine of its own, since some take seconds.
func Serve(run func(Command) (interface{}, error)) {
	input := bufio.NewReader(os.Stdin)
	decoder := json.NewDecoder(input)
	for {
		var command Command
		if err := decoder.Decode(&command); err == io.EOF {
			return
		} else if err != nil {
			panic(err)
		}
		go func() {
			answer := Fields{"id": command.ID}
			if result, err := run(command); err != nil {
				answer["error"] = err.Error()
			} else {
				answer["result"] = result
			}
			write(answer)
		}()
	}
}

func write(line Fields) {
	output.Lock()
	defer output.Unlock()
	if err := writer.Encode(line); err != nil {
		os.Exit(1)
	}
}
