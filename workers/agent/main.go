// SPDX-License-Identifier: Apache-2.0

// locktrail-trace-agent: the core of the Datadog trace-agent (pkg/trace), with nothing around it.
//
// It listens on 127.0.0.1 or at a unix socket, hands profiles on to one address, and speaks to loopback only: no
// telemetry, no remote configuration, no metadata. It is told by the environment, with the names that the real agent
// has:
//
//	DD_APM_RECEIVER_PORT      port of 127.0.0.1; 0 or nothing: none
//	DD_APM_RECEIVER_SOCKET    path of a unix socket; nothing: none
//	DD_APM_PROFILING_DD_URL   whole URL of the intake of profiles, on loopback
//	DD_API_KEY                replaces the clients' key; it is neither logged nor taken from the command line
//
// Logs go to standard error. SIGTERM and SIGINT end it after the requests that are under way. Exits: 0 it was stopped,
// 64 its environment is wrong, 1 it can't listen.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	gzip "github.com/DataDog/datadog-agent/comp/trace/compression/impl-gzip"
	"github.com/DataDog/datadog-agent/pkg/trace/agent"
	"github.com/DataDog/datadog-agent/pkg/trace/config"
	tracelog "github.com/DataDog/datadog-agent/pkg/trace/log"
	"github.com/DataDog/datadog-agent/pkg/trace/telemetry"
	"github.com/DataDog/datadog-go/v5/statsd"
)

const (
	core = "github.com/DataDog/datadog-agent/pkg/trace"
	// Clients at once; the core lets none in with its default of 0.
	maxConnections = 1000
	exitUsage      = 64
)

// coreVersion is that of the module this was built with ("0.85.2").
func coreVersion() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, module := range build.Deps {
			if module.Path == core && len(module.Version) > 1 {
				return module.Version[1:]
			}
		}
	}
	return "unknown"
}

// loopbackTransport is the core's own transport, without a proxy and refusing to leave this machine.
func loopbackTransport() *http.Transport {
	refuse := func(_, address string, _ syscall.RawConn) error {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("%s is not on loopback", address)
		}
		return nil
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second, Control: refuse}
	return &http.Transport{
		DialContext:           dialer.DialContext,
		MaxIdleConns:          100,
		IdleConnTimeout:       30 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

func receiver(conf *config.AgentConfig) error {
	conf.ReceiverHost = "127.0.0.1"
	conf.ReceiverPort = 0
	conf.ReceiverSocket = os.Getenv("DD_APM_RECEIVER_SOCKET")
	if text := os.Getenv("DD_APM_RECEIVER_PORT"); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return fmt.Errorf("DD_APM_RECEIVER_PORT is %q, expected a port", text)
		}
		conf.ReceiverPort = int(port)
	}
	if conf.ReceiverPort == 0 && conf.ReceiverSocket == "" {
		return errors.New("neither DD_APM_RECEIVER_PORT nor DD_APM_RECEIVER_SOCKET is set")
	}
	return nil
}

func configure() (*config.AgentConfig, error) {
	conf := config.New()
	intake, err := url.Parse(os.Getenv("DD_APM_PROFILING_DD_URL"))
	if err != nil || intake.Host == "" || (intake.Scheme != "http" && intake.Scheme != "https") {
		return nil, errors.New("DD_APM_PROFILING_DD_URL is no http URL")
	}
	key := os.Getenv("DD_API_KEY")
	if key == "" {
		return nil, errors.New("DD_API_KEY is not set")
	}
	if err := receiver(conf); err != nil {
		return nil, err
	}
	conf.ProfilingProxy.DDURL = intake.String()
	conf.Endpoints = []*config.Endpoint{{Host: intake.Scheme + "://" + intake.Host, APIKey: key}}
	conf.HTTPTransportFunc = loopbackTransport
	conf.MaxConnections = maxConnections
	conf.AgentVersion = coreVersion()
	conf.Hostname, _ = os.Hostname()
	conf.StatsdEnabled = false
	conf.TelemetryConfig.Enabled = false
	conf.TelemetryConfig.Endpoints = nil
	conf.EVPProxy.Enabled = false
	conf.OpenLineageProxy.Enabled = false
	return conf, nil
}

func run() int {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds | log.LUTC)
	tracelog.SetLogger(stderrLogger{})
	conf, err := configure()
	if err != nil {
		log.Printf("ERROR %v", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	agent.NewAgent(ctx, conf, telemetry.NewNoopCollector(), &statsd.NoOpClient{}, gzip.NewComponent()).Run()
	return 0
}

func main() {
	os.Exit(run())
}
