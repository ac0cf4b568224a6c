package burst

var ConnOf = connOf
