// The plugin of example.c in Go.
//
//	CGO_CFLAGS=$(pkg-config --cflags consul-failover) \
//	    go build -buildmode=c-shared -o example.so
//
// Go can't call a function by its pointer, so it calls failover_say and its like
// instead of f->say.  Its runtime has threads and signal handlers of its own,
// which is no harm: a handler is a process of the plugin's alone.
package main

// #include <stdlib.h>
// #define FAILOVER_NO_FUNCTIONS
// #include <consul-failover/plugin.h>
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

func say(f *C.struct_failover, result C.enum_failover_result,
	format string, args ...any) C.enum_failover_result {
	text := C.CString(fmt.Sprintf(format, args...))
	defer C.free(unsafe.Pointer(text))
	return C.failover_say(f, result, text)
}

func option(f *C.struct_failover, name string) string {
	key := C.CString(name)
	defer C.free(unsafe.Pointer(key))
	return C.GoString(C.failover_option(f, key))
}

//export health
func health(f *C.struct_failover) C.enum_failover_result {
	flag := option(f, "flag")
	_, err := os.Stat(flag)
	if os.IsNotExist(err) {
		return say(f, C.FAILOVER_FAILED, "Service flag %s does not exist", flag)
	}
	if err != nil {
		return say(f, C.FAILOVER_FAILED, "Service flag %s: %v", flag, err)
	}
	return say(f, C.FAILOVER_DONE, "Service flag %s exists", flag)
}

//export ensure_master
func ensure_master(f *C.struct_failover) C.enum_failover_result {
	return say(f, C.FAILOVER_DONE, "master, epoch %d", uint64(f.epoch))
}

//export ensure_slave
func ensure_slave(f *C.struct_failover, masterHost *C.char) C.enum_failover_result {
	return say(f, C.FAILOVER_DONE, "slave of %s:%d", C.GoString(masterHost),
		uint16(f.master_port))
}

//export ensure_demoted
func ensure_demoted(f *C.struct_failover) C.enum_failover_result {
	return say(f, C.FAILOVER_DONE, "not master")
}

func main() {}
