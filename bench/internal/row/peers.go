package row

import (
	"github.com/headrace-go/headrace/bench/internal/plain"
	"github.com/headrace-go/headrace/bench/internal/plainquic"
)

// Peers returns the rows of other programs, which do the same as ours.
func Peers() []Row {
	const cipher = "aes-256-gcm"
	return []Row{
		ioCopy(),
		quicCopy(),
		microsocks(),
		singSocks(),
		shadowsocksLibev(cipher),
		singShadowsocks("sing-ss", cipher, password),
		// The edition of 2022 takes a key of the cipher's size, in base64.
		singShadowsocks("sing-ss2022", "2022-blake3-"+cipher, "aGVhZHJhY2Ugc2NvcmVjYXJkIGtleSBmb3IgMjAyMiE="),
		trojanGFW(),
		singTrojan("sing-trojan", ""),
		singTrojan("sing-trojan-h2mux", `, "multiplex": {"enabled": true, "protocol": "h2mux"}`),
		singHysteria2(),
		singTUIC(),
	}
}

// Self is the program that runs the rows: it can be the plainest of proxies.
const Self = "scorecard"

func ioCopy() Row {
	return Row{Name: "iocopy", Peer: true, Warm: "fresh", Steps: []Step{{
		Name: "server", Side: ServerSide, Program: Self, Announces: true,
		Args: []string{plain.Role, "${listen}"},
	}}}
}

// quicCopy is quic-go's streams between two hops of io.Copy.
func quicCopy() Row {
	return Row{Name: "quiccopy", Peer: true, Warm: "pooled", Steps: []Step{{
		Name: "server", Side: ServerSide, Program: Self, Announces: true,
		Args: []string{plainquic.Server, "${listen}", "${cert}", "${key}"},
	}, {
		Name: "client", Side: ClientSide, Program: Self, Announces: true,
		Args: []string{plainquic.Client, "${listen}", "${server}", "${cert}", "${servername}"},
	}}}
}

func microsocks() Row {
	return Row{Name: "microsocks", Peer: true, Warm: "fresh", Steps: []Step{{
		Name: "server", Side: ServerSide, Program: "microsocks",
		Args: []string{"-i", "${host}", "-p", "${port}"},
	}}}
}

func shadowsocksLibev(method string) Row {
	return Row{Name: "shadowsocks-libev", Peer: true, Warm: "fresh", Steps: []Step{{
		Name: "server", Side: ServerSide, Program: "ss-server",
		Args: []string{"-s", "${host}", "-p", "${port}", "-m", method, "-k", password, "-t", patience},
	}, {
		Name: "client", Side: ClientSide, Program: "ss-local",
		Args: []string{"-s", "${server.host}", "-p", "${server.port}", "-b", "${host}", "-l", "${port}", "-m", method, "-k", password, "-t", patience},
	}}}
}

// trojanGFW is the program that the protocol comes from.
func trojanGFW() Row {
	config := func(runType, remote, tls string) map[string]string {
		return map[string]string{"config.json": `{
			"run_type": "` + runType + `", "local_addr": "${host}", "local_port": ${port}, ` + remote + `,
			"password": ["` + password + `"], "log_level": 3, "ssl": {` + tls + `, "alpn": ["http/1.1"], "session_ticket": true, "reuse_session": true},
			"tcp": {"no_delay": true, "keep_alive": true}
		}`}
	}
	return Row{Name: "trojan-gfw", Peer: true, Warm: "resumed", Steps: []Step{{
		Name: "server", Side: ServerSide, Program: "trojan", Args: []string{"-c", "${dir}/config.json"},
		// Where it sends those who do not know the password: to itself.
		Files: config("server", `"remote_addr": "${host}", "remote_port": ${port}`, `"cert": "${cert}", "key": "${key}"`),
	}, {
		Name: "client", Side: ClientSide, Program: "trojan", Args: []string{"-c", "${dir}/config.json"},
		Files: config("client", `"remote_addr": "${server.host}", "remote_port": ${server.port}`, `"verify": true, "verify_hostname": true, "cert": "${cert}", "sni": "${servername}"`),
	}}}
}
