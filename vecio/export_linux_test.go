package vecio

// BrokenTails reports whether a release of Linux is one that damages equal tails.
var BrokenTails = brokenTails
