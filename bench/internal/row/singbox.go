package row

// singBox is a row of sing-box. inbound completes what the server takes,
// outbound how the client reaches it; network is what the server listens on.
func singBox(name, warm, network, inbound, outbound string) Row {
	step := func(name string, side Side, network, in, out string) Step {
		return Step{
			Name: name, Side: side, Program: "sing-box", Network: network,
			Args: []string{"run", "-c", "${dir}/config.json", "-D", "${dir}"},
			Files: map[string]string{"config.json": `{
				"log": {"level": "error"},
				"inbounds": [{"tag": "in", "listen": "${host}", "listen_port": ${port}, ` + in + `}],
				"outbounds": [{"tag": "out", ` + out + `}]
			}`},
		}
	}
	const (
		socks  = `"type": "socks"`
		direct = `"type": "direct"`
		server = `, "server": "${server.host}", "server_port": ${server.port}`
	)
	r := Row{Name: name, Peer: true, Warm: warm}
	if inbound == "" {
		r.Steps = []Step{step("server", ServerSide, "", socks, direct)}
		return r
	}
	r.Steps = []Step{
		step("server", ServerSide, network, inbound, direct),
		step("client", ClientSide, "", socks, outbound+server),
	}
	return r
}

const (
	singServerTLS = `, "tls": {"enabled": true, "server_name": "${servername}", "certificate_path": "${cert}", "key_path": "${key}"}`
	singClientTLS = `, "tls": {"enabled": true, "server_name": "${servername}", "certificate_path": "${cert}"}`
)

func singSocks() Row { return singBox("sing-socks", "fresh", "", "", "") }

func singShadowsocks(name, method, key string) Row {
	both := `"type": "shadowsocks", "method": "` + method + `", "password": "` + key + `"`
	return singBox(name, "fresh", "tcp", both, both)
}

// It has no cache of TLS sessions: each connection is a full handshake, unless
// it is a stream of a multiplexed one.
func singTrojan(name, multiplex string) Row {
	warm, serverMultiplex := "fresh", ""
	if multiplex != "" {
		warm, serverMultiplex = "pooled", `, "multiplex": {"enabled": true}`
	}
	return singBox(name, warm, "tcp",
		`"type": "trojan", "users": [{"name": "u", "password": "`+password+`"}]`+singServerTLS+serverMultiplex,
		`"type": "trojan", "password": "`+password+`"`+singClientTLS+multiplex)
}

func singHysteria2() Row {
	return singBox("sing-hysteria2", "pooled", "udp",
		`"type": "hysteria2", "users": [{"name": "u", "password": "`+password+`"}]`+singServerTLS,
		`"type": "hysteria2", "password": "`+password+`"`+singClientTLS)
}

func singTUIC() Row {
	const (
		user = `"uuid": "2dd61d93-75d8-4da4-ac0e-6aece7eac365", "password": "` + password + `"`
		alpn = `"alpn": ["h3"], `
	)
	withALPN := func(tls string) string {
		const opening = `, "tls": {`
		return opening + alpn + tls[len(opening):]
	}
	return singBox("sing-tuic", "pooled", "udp",
		`"type": "tuic", "users": [{`+user+`}]`+withALPN(singServerTLS),
		`"type": "tuic", `+user+withALPN(singClientTLS))
}
