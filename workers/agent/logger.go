// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"log"
)

// stderrLogger is what the core logs to: its lines with their level, on standard error. Traces and debug lines are
// dropped, since they have whole headers.
type stderrLogger struct{}

func write(level, text string) error {
	log.Printf("%s %s", level, text)
	return errors.New(text)
}

func (stderrLogger) Trace(...any)          {}
func (stderrLogger) Tracef(string, ...any) {}
func (stderrLogger) Debug(...any)          {}
func (stderrLogger) Debugf(string, ...any) {}

func (stderrLogger) Info(v ...any)                 { _ = write("INFO", fmt.Sprint(v...)) }
func (stderrLogger) Infof(format string, v ...any) { _ = write("INFO", fmt.Sprintf(format, v...)) }
func (stderrLogger) Warn(v ...any) error           { return write("WARN", fmt.Sprint(v...)) }
func (stderrLogger) Warnf(format string, v ...any) error {
	return write("WARN", fmt.Sprintf(format, v...))
}
func (stderrLogger) Error(v ...any) error { return write("ERROR", fmt.Sprint(v...)) }
func (stderrLogger) Errorf(format string, v ...any) error {
	return write("ERROR", fmt.Sprintf(format, v...))
}
func (stderrLogger) Critical(v ...any) error { return write("CRITICAL", fmt.Sprint(v...)) }
func (stderrLogger) Criticalf(format string, v ...any) error {
	return write("CRITICAL", fmt.Sprintf(format, v...))
}
func (stderrLogger) Flush() {}
