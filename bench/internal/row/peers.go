package row

// Peers returns the rows of other programs, which do the same as ours.
func Peers() []Row {
	return []Row{microsocks(), shadowsocksLibev("aes-256-gcm")}
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
		Args: []string{"-s", "${host}", "-p", "${port}", "-m", method, "-k", password, "-t", "600"},
	}, {
		Name: "client", Side: ClientSide, Program: "ss-local",
		Args: []string{"-s", "${server.host}", "-p", "${server.port}", "-b", "${host}", "-l", "${port}", "-m", method, "-k", password, "-t", "600"},
	}}}
}
