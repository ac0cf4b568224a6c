package aead

var ConnOf = connOf
