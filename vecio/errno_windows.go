package vecio

import "golang.org/x/sys/windows"

const errNotConnected = windows.WSAENOTCONN
