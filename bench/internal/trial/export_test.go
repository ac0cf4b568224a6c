package trial

type Footprint = footprint

var CheckRise = checkRise
