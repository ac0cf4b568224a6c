package benchrun

var Parse = parse
