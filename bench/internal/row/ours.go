package row

// Baseline is the row without a proxy, with which all others are compared.
func Baseline() Row { return Row{Name: "direct", Warm: "fresh"} }

// password is the same for everybody.
const password = "scorecard"

// Ours returns the rows of the example programs.
func Ours() []Row {
	return []Row{socks5(), shadowsocks("aes-256-gcm")}
}

func socks5() Row {
	return Row{Name: "socks5", Warm: "fresh", Steps: []Step{{
		Name: "server", Side: ServerSide, Program: "socks5", Announces: true,
		Args: []string{"-listen", "${listen}"},
	}}}
}

func shadowsocks(method string) Row {
	return Row{Name: "shadowsocks", Warm: "fresh", Steps: []Step{{
		Name: "server", Side: ServerSide, Program: "shadowsocks", Announces: true,
		Args: []string{"server", "-listen", "${listen}", "-method", method, "-password", password},
	}, {
		Name: "client", Side: ClientSide, Program: "shadowsocks", Announces: true,
		Args: []string{"client", "-listen", "${listen}", "-server", "${server}", "-method", method, "-password", password},
	}}}
}
