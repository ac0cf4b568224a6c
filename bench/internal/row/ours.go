package row

// Baseline is the row without a proxy, with which all others are compared.
func Baseline() Row { return Row{Name: "direct", Warm: "fresh"} }

const (
	// password is the same for everybody.
	password = "scorecard"
	// patience, in seconds, is how long connections may be idle, for programs
	// that can be told: more than a run takes.
	patience = "3600"
)

// Ours returns the rows of the example programs.
func Ours() []Row {
	return []Row{
		socks5(), shadowsocks("aes-256-gcm"), trojan(),
		tunnel("tls", "resumed"), tunnel("h2", "pooled"), tunnel("quic", "pooled"), hysteria2(),
		apart(tunnel("tcp", "fresh")), apart(tunnel("ech", "resumed")), apart(tunnel("ssh", "pooled")),
		spread(tunnel("h2", "pooled")), spread(tunnel("quic", "pooled")),
		unpooled(socks5()), unpooled(shadowsocks("aes-256-gcm")),
		warmed(shadowsocks("aes-256-gcm")), warmed(trojan()),
	}
}

// apart is a row that is left to those who ask for it by name: a run over all
// rows has to end soon.
func apart(r Row) Row {
	r.Apart = true
	return r
}

// warmed is a row whose client keeps connections to its server ready: what its
// set-up lacks against the row's is what that is worth.
func warmed(r Row) Row {
	r.Name += "-warm"
	r.Warm = "pooled"
	r.Apart = true
	client := &r.Steps[len(r.Steps)-1]
	client.Args = append(client.Args, "-warm", "16")
	return r
}

// spread is a row whose client may have four sessions: what it lacks or gains
// against the row is what that is worth.
func spread(r Row) Row {
	r.Name += "-x4"
	r.Apart = true
	client := &r.Steps[len(r.Steps)-1]
	client.Args = append(client.Args, "-sessions", "4")
	return r
}

// unpooled is a row whose programs make every buffer that they need: what it
// lacks against the row is what pooling is worth.
func unpooled(r Row) Row {
	r.Name += "-nopool"
	r.Apart = true
	for i := range r.Steps {
		r.Steps[i].Args = append(r.Steps[i].Args, "-pool", "none")
	}
	return r
}

// example is a step that runs a program of examples/, with the flags that all
// of them have.
func example(name string, side Side, program string, args ...string) Step {
	return Step{
		Name: name, Side: side, Program: program, Announces: true,
		Args:  append(args, "-listen", "${listen}", "-idle", patience+"s"),
		Debug: []string{"-debug", "${host}:0"},
	}
}

func socks5() Row {
	return Row{Name: "socks5", Warm: "fresh", Steps: []Step{
		example("server", ServerSide, "socks5"),
	}}
}

func shadowsocks(method string) Row {
	return Row{Name: "shadowsocks", Warm: "fresh", Steps: []Step{
		example("server", ServerSide, "shadowsocks", "server", "-method", method, "-password", password),
		example("client", ClientSide, "shadowsocks", "client", "-method", method, "-password", password, "-server", "${server}"),
	}}
}

// trojan is TLS 1.3: after the first connection, sessions are resumed.
func trojan() Row {
	return Row{Name: "trojan", Warm: "resumed", Steps: []Step{
		example("server", ServerSide, "trojan", "server", "-password", password, "-cert", "${cert}", "-key", "${key}"),
		example("client", ClientSide, "trojan", "client", "-password", password, "-ca", "${cert}", "-name", "${servername}", "-server", "${server}"),
	}}
}

// hysteria2 is QUIC: connections are streams of one of it. Its client does not
// wait for the server's answer before it lets the application send, which is
// what sing-box's does.
func hysteria2() Row {
	return Row{Name: "hysteria2", Warm: "pooled", Steps: []Step{
		example("server", ServerSide, "hysteria2", "server", "-password", password, "-cert", "${cert}", "-key", "${key}"),
		example("client", ClientSide, "hysteria2", "client", "-password", password, "-ca", "${cert}", "-name", "${servername}", "-server", "${server}", "-fast"),
	}}
}

// tunnel is the tunnel over one of its transports. Its server makes the keys, in
// its own directory.
func tunnel(transport, warm string) Row {
	return Row{Name: "tunnel-" + transport, Warm: warm, Steps: []Step{
		example("server", ServerSide, "tunnel", "server", "-transport", transport, "-dir", "${dir}", "-generate"),
		example("client", ClientSide, "tunnel", "client", "-transport", transport, "-dir", "${dir}/../server", "-server", "${server}"),
	}}
}
